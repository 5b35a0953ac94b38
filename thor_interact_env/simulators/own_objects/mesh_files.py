"""GLB and OBJ files, read by trimesh."""

from typing import Any

import numpy as np
from gymnasium.error import DependencyNotInstalled

from thor_interact_env.simulators.mujoco.materials import ImageMaterial
from thor_interact_env.simulators.mujoco.shapes import Mesh, Visual
from thor_interact_env.simulators.own_objects.appearance import image_material, plain_material
from thor_interact_env.simulators.own_objects.table import ObjectEntry

INSTALL = 'pip install "thor-interact[meshes]"'
"""What installs the libraries behind GLB and OBJ files."""


def read_mesh_file(entry: ObjectEntry) -> tuple[Visual, ...]:
    """Return the visible meshes of a GLB or OBJ file, in its own units and axes.

    Texture coordinates are fractions of the image. Images are those of the base colour; transparency and
    further maps are ignored. Colours of vertices are averaged over each mesh.

    Args:
        entry: The object.

    Raises:
        DependencyNotInstalled: trimesh is not installed.
        ObjectError: The file cannot be read.
    """
    try:
        import trimesh
    except ImportError as error:
        raise DependencyNotInstalled(f"GLB and OBJ files need trimesh: {INSTALL}") from error
    try:
        meshes = trimesh.load_scene(entry.path).dump()
    except Exception as error:  # its loaders raise errors of all kinds for damaged files
        raise entry.error(
            f"cannot be read by trimesh {trimesh.__version__} ({type(error).__name__}: {error}); export it "
            "again"
        ) from None
    return tuple(_visual(mesh) for mesh in meshes if isinstance(mesh, trimesh.Trimesh) and len(mesh.faces))


def _visual(mesh: Any) -> Visual:
    vertices = np.asarray(mesh.vertices, np.float64)
    faces = np.asarray(mesh.faces, np.int32)
    uv = getattr(mesh.visual, "uv", None)
    if uv is None or len(uv) != len(vertices):
        shape = Mesh(vertices, faces, np.zeros((len(vertices), 2)))
        return Visual(shape, plain_material(_colour(mesh.visual)))
    # From the lower left corner of the image; MuJoCo counts from the upper left.
    across, above = np.asarray(uv, np.float64).T
    return Visual(Mesh(vertices, faces, np.column_stack([across, 1 - above])), _image(mesh.visual))


def _image(visual: Any) -> ImageMaterial:
    material = visual.material
    image = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    if image is None:
        return plain_material(_colour(visual))
    factor = getattr(material, "baseColorFactor", None)
    colour = np.ones(3) if factor is None else _fractions(factor)
    return image_material(np.asarray(image.convert("RGB"), np.uint8), colour)


def _colour(visual: Any) -> Any:
    """Return the colour of a mesh without an image, (3,) in 0..1."""
    if visual.kind == "vertex" or visual.kind == "face":
        return _fractions(visual.vertex_colors)
    material = getattr(visual, "material", None)
    return _fractions(visual.main_color if material is None else material.main_color)


def _fractions(colours: Any) -> Any:
    """Return the mean, (3,) in 0..1, of colours in 0..255, or of floats that are in 0..1 already.

    Args:
        colours: (3,) or (4,), or (n, 3) or (n, 4).
    """
    values = np.atleast_2d(np.asarray(colours))[:, :3]
    # The type decides: a mean of nearly black colours in 0..255 is also at most 1.
    limit = 1 if values.dtype.kind == "f" and values.max() <= 1 else 255
    return values.mean(axis=0, dtype=np.float64) / limit
