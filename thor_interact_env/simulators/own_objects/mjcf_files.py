"""Objects in MJCF files: their visible geoms, and the colliders that they bring."""

import warnings
from typing import Any, Final

import mujoco
import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from thor_interact_env.simulators.mujoco.shapes import (
    Collider,
    Hull,
    Mesh,
    Vector,
    Visual,
    box,
    cylinder,
    ellipsoid,
    merge,
)
from thor_interact_env.simulators.own_objects.appearance import image_material, mean_colour, plain_material
from thor_interact_env.simulators.own_objects.table import ObjectEntry

SEEN_GROUPS: Final = (0, 1, 2)
"""Groups of geoms that MuJoCo's viewers show."""

_KINDS: Final = {
    int(mujoco.mjtGeom.mjGEOM_BOX): "box",
    int(mujoco.mjtGeom.mjGEOM_CYLINDER): "cylinder",
    int(mujoco.mjtGeom.mjGEOM_SPHERE): "sphere",
    int(mujoco.mjtGeom.mjGEOM_CAPSULE): "capsule",
    int(mujoco.mjtGeom.mjGEOM_ELLIPSOID): "ellipsoid",
}
_MESH: Final = int(mujoco.mjtGeom.mjGEOM_MESH)
_ROUND: Final = 24  # corners of round primitives


def read_mjcf_file(entry: ObjectEntry) -> tuple[tuple[Visual, ...], tuple[Collider, ...]]:
    """Return the visible meshes and the colliders of an MJCF file, in metres along its own axes.

    All bodies are one rigid object in the pose of the file. If geoms in the groups 0 to 2 do not collide,
    they are the visible ones, else all geoms in these groups are. All geoms that collide are colliders;
    MuJoCo replaces a mesh by its convex hull.

    Args:
        entry: The object.

    Raises:
        ObjectError: MuJoCo cannot read the file, or it has a plane or a height field.
    """
    try:
        model = mujoco.MjSpec.from_file(str(entry.path)).compile()
    except (ValueError, mujoco.FatalError) as error:
        raise entry.error(f"cannot be read by MuJoCo {mujoco.__version__} ({error}); correct it") from None
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    geoms = range(model.ngeom)
    for geom in geoms:
        if int(model.geom_type[geom]) not in (*_KINDS, _MESH):
            raise entry.error(
                f"has the geom {model.geom(geom).name!r}, a plane, height field or signed distance field; "
                "remove it"
            )
    colliding = (model.geom_contype != 0) | (model.geom_conaffinity != 0)
    colours = _colours(model)
    shown = np.isin(model.geom_group, SEEN_GROUPS) & (colours[:, 3] > 0)
    if (shown & ~colliding).any():
        shown &= ~colliding
    visuals = tuple(_visual(model, data, geom, colours[geom, :3]) for geom in geoms if shown[geom])
    return visuals, tuple(_collider(model, data, geom) for geom in geoms if colliding[geom])


def _colours(model: Any) -> npt.NDArray[np.float64]:
    """Return colour and opacity of each geom, (n, 4): its own, or its material's if that is the default."""
    default = (model.geom_rgba == np.array([0.5, 0.5, 0.5, 1], np.float32)).all(axis=1)
    of_material = np.vstack([model.mat_rgba, np.ones(4)])[model.geom_matid]  # the last: geoms without one
    used = (model.geom_matid >= 0) & default
    return np.asarray(np.where(used[:, None], of_material, model.geom_rgba), np.float64)


def _pose(data: Any, geom: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return a geom's position, (3,), and its axes as columns, (3, 3)."""
    return data.geom_xpos[geom].copy(), data.geom_xmat[geom].reshape(3, 3).copy()


def _collider(model: Any, data: Any, geom: int) -> Collider:
    position, axes = _pose(data, geom)
    kind = int(model.geom_type[geom])
    if kind == _MESH:
        return Hull.of(_vertices(model, int(model.geom_dataid[geom])) @ axes.T + position)
    return Collider(_KINDS[kind], _vector(model.geom_size[geom]), _vector(position), euler_angles(axes))


def euler_angles(axes: npt.NDArray[np.float64]) -> Vector:
    """Return the turns about x, then y, then z, radians, that make a rotation matrix, (3, 3)."""
    with warnings.catch_warnings(action="ignore"):  # at a quarter turn about y there are several; any will do
        return _vector(Rotation.from_matrix(axes).as_euler("xyz"))


def _visual(model: Any, data: Any, geom: int, colour: npt.NDArray[np.float64]) -> Visual:
    position, axes = _pose(data, geom)
    material = int(model.geom_matid[geom])
    image = _image(model, material)
    mesh, has_coordinates = _mesh(model, geom)
    mesh = Mesh(mesh.vertices @ axes.T + position, mesh.faces, mesh.uv)
    if image is None or not has_coordinates:
        # An image needs texture coordinates, which only meshes have.
        return Visual(mesh, plain_material(colour * (1.0 if image is None else mean_colour(image))))
    return Visual(mesh, image_material(image, colour))


def _image(model: Any, material: int) -> npt.NDArray[np.uint8] | None:
    """Return the image of a material, (height, width, 3), None if it has none."""
    if material < 0:
        return None
    roles = model.mat_texid[material]
    texture = max(int(roles[int(role)]) for role in (_ROLE.mjTEXROLE_RGB, _ROLE.mjTEXROLE_RGBA))
    if texture < 0:
        return None
    height, width, channels = (
        int(values[texture]) for values in (model.tex_height, model.tex_width, model.tex_nchannel)
    )
    start = int(model.tex_adr[texture])
    pixels = model.tex_data[start : start + height * width * channels].reshape(height, width, channels)
    if int(model.tex_type[texture]) != int(mujoco.mjtTexture.mjTEXTURE_2D):
        # The sides of a cube one above the other: its first side gives the colour of all.
        pixels = pixels[:width]
    return np.repeat(pixels, 3, axis=2) if channels == 1 else pixels[..., :3].copy()


_ROLE: Final = mujoco.mjtTextureRole


def _vertices(model: Any, mesh: int) -> npt.NDArray[np.float64]:
    start = int(model.mesh_vertadr[mesh])
    return np.asarray(model.mesh_vert[start : start + int(model.mesh_vertnum[mesh])], np.float64)


def _mesh(model: Any, geom: int) -> tuple[Mesh, bool]:
    """Return a geom's surface in its own frame, and whether it has texture coordinates."""
    kind = int(model.geom_type[geom])
    if kind != _MESH:
        return _primitive(_KINDS[kind], _vector(model.geom_size[geom])), False
    mesh = int(model.geom_dataid[geom])
    vertices = _vertices(model, mesh)
    start, count = int(model.mesh_faceadr[mesh]), int(model.mesh_facenum[mesh])
    faces = np.asarray(model.mesh_face[start : start + count], np.int32)
    first = int(model.mesh_texcoordadr[mesh])
    if first < 0:
        return Mesh(vertices, faces, np.zeros((len(vertices), 2))), False
    used = np.asarray(model.mesh_facetexcoord[start : start + count], np.int64)
    texture = np.asarray(model.mesh_texcoord[first : first + int(model.mesh_texcoordnum[mesh])], np.float64)
    # One vertex for each pair of a position and a texture coordinate.
    pairs, corners = np.unique(np.stack([faces.ravel(), used.ravel()], axis=1), axis=0, return_inverse=True)
    joined = np.asarray(corners, np.int32).reshape(-1, 3)
    return Mesh(vertices[pairs[:, 0]], joined, texture[pairs[:, 1]]), True


def _primitive(kind: str, size: Vector) -> Mesh:
    if kind == "box":
        return box(_vector(2 * np.asarray(size)))
    radius, half, _ = size
    if kind == "sphere":
        return ellipsoid((radius, radius, radius), segments=_ROUND)
    if kind == "ellipsoid":
        return ellipsoid(size, segments=_ROUND)
    tube = cylinder(radius, 2 * half, (0, 0, -half), segments=_ROUND)
    if kind == "cylinder":
        return tube
    ends = [ellipsoid((radius, radius, radius), (0, 0, z), segments=_ROUND) for z in (-half, half)]
    return merge(tube, *ends)


def _vector(values: npt.ArrayLike) -> Vector:
    x, y, z = np.asarray(values, np.float64).tolist()
    return x, y, z
