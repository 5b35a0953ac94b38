"""A scene made by hand in the layout of MolmoSpaces, and what tests change in it."""

import json
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np

ROOM = "FloorPlan7"

CUBE = """
v -0.1 -0.1 0
v 0.1 -0.1 0
v 0.1 0.1 0
v -0.1 0.1 0
v -0.1 -0.1 0.2
v 0.1 -0.1 0.2
v 0.1 0.1 0.2
v -0.1 0.1 0.2
vt 0 0
vt 1 0
vt 1 1
f 1/1 3/3 2/2
f 1/1 4/2 3/3
f 5/1 6/2 7/3
f 5/1 7/3 8/2
f 1/1 2/2 6/3
f 1/1 6/3 5/2
f 2/1 3/2 7/3
f 2/1 7/3 6/2
f 3/1 4/2 8/3
f 3/1 8/3 7/2
f 4/1 1/2 5/3
f 4/1 5/3 8/2
"""

OPTION = (
    '<option timestep="0.002" integrator="implicitfast" cone="elliptic" impratio="10" noslip_iterations="4"/>'
)

FLOOR = """
    <geom name="floor" class="__STRUCTURAL_MJT__" type="plane" size="0 0 0.01"/>
    <geom name="floor_visual_0" class="__VISUAL_MJT__" type="box" size="2 2 0.005" pos="0 0 -0.005"
      rgba="0.6 0.5 0.4 1"/>
"""

# The counter never moves. The cabinet neither, but its door and its drawer do.
FIXED = """
    <body name="counter_00_1_0_0" pos="0 1.7 0">
      <geom class="__VISUAL_MJT__" type="box" size="1.9 0.3 0.02" pos="0 0 0.88" rgba="0.8 0.8 0.75 1"/>
      <geom class="__STRUCTURAL_MJT__" type="box" size="1.9 0.3 0.45" pos="0 0 0.45"/>
    </body>
    <body name="cabinet_00_1_0_0" pos="-0.5 1.4 0.45">
      <body name="cabinet_00_1_1_0" pos="0 -0.03 0">
        <joint name="door" type="hinge" axis="0 0 1" pos="-0.3 0 0" range="-1.6 0" damping="0.1"/>
        <geom class="__VISUAL_MJT__" type="box" size="0.3 0.015 0.35" rgba="0.5 0.2 0.2 1"/>
        <geom class="__ARTICULABLE_DYNAMIC_MJT__" type="box" size="0.3 0.015 0.35" mass="2"/>
        <body name="cabinet_00_1_2_0" pos="0.25 -0.03 0.2">
          <geom class="__VISUAL_MJT__" type="sphere" size="0.03" rgba="0.9 0.8 0.1 1"/>
          <geom class="__ARTICULABLE_DYNAMIC_MJT__" type="sphere" size="0.03" mass="0.2"/>
        </body>
      </body>
      <body name="cabinet_00_1_3_0" pos="0.8 -0.03 0.2">
        <joint name="drawer" type="slide" axis="0 -1 0" range="0 0.3" damping="2"/>
        <geom class="__VISUAL_MJT__" type="box" size="0.3 0.015 0.15" rgba="0.2 0.4 0.2 1"/>
        <geom class="__ARTICULABLE_DYNAMIC_MJT__" type="box" size="0.3 0.015 0.15" mass="1"/>
      </body>
    </body>
"""

# As in MolmoSpaces, geoms may hang on children, and the root has no mass of its own.
FREE = """
    <body name="box_00_1_0_0" pos="0.2 1.65 0.9">
      <freejoint name="box_00_1_0_0_jntfree_0"/>
      <body name="box_00_1_1_0">
        <geom class="__VISUAL_MJT__" type="mesh" mesh="cube" material="paper"/>
        <geom class="__DYNAMIC_MJT__" type="box" size="0.1 0.1 0.1" pos="0 0 0.1" mass="0.3"/>
        <body name="box_00_1_2_0" pos="0 0 0.2">
          <geom class="__VISUAL_MJT__" type="box" size="0.05 0.05 0.02" pos="0 0 0.02" rgba="1 0 1 1"/>
          <geom class="__DYNAMIC_MJT__" type="box" size="0.05 0.05 0.02" pos="0 0 0.02" mass="0.1"/>
        </body>
      </body>
    </body>
    <body name="mug_00_1_0_0" pos="-0.3 1.6 0.9">
      <freejoint/>
      <geom class="__VISUAL_MJT__" type="cylinder" size="0.05 0.06" pos="0 0 0.06" rgba="0.1 0.2 0.9 1"/>
      <geom class="__DYNAMIC_MJT__" type="cylinder" size="0.05 0.06" pos="0 0 0.06" mass="0.25"/>
    </body>
    <body name="chair_00_1_0_0" pos="-0.9 0.3 0">
      <freejoint/>
      <geom class="__VISUAL_MJT__" type="box" size="0.2 0.2 0.25" pos="0 0 0.25" rgba="0.3 0.2 0.1 1"/>
      <geom class="__DYNAMIC_MJT__" type="box" size="0.2 0.2 0.25" pos="0 0 0.25" mass="8"/>
    </body>
"""

WALLS = "".join(
    f"""
    <body name="wall_0{number}_1_0_0" pos="{x} {y} 1.25">
      <geom class="__VISUAL_MJT__" type="box" size="{a} {b} 1.25" rgba="0.8 0.75 0.7 1"/>
      <geom class="__STRUCTURAL_MJT__" type="box" size="{a} {b} 1.25"/>
    </body>"""
    for number, (x, y, a, b) in enumerate(
        [(0, 2, 2, 0.01), (0, -2, 2, 0.01), (2, 0, 0.01, 2), (-2, 0, 0.01, 2)]
    )
)

ROBOT = """
    <body name="robot" pos="1.2 -1 0">
      <geom type="cylinder" size="0.15 0.3" pos="0 0 0.3"/>
      <body name="arm" pos="0 0 0.6">
        <joint name="shoulder" type="hinge" axis="0 1 0"/>
        <geom type="capsule" size="0.04" fromto="0 0 0 0 0 0.5"/>
      </body>
    </body>
"""

METADATA = {
    "objects": {
        "counter_00_1_0_0": {"category": "CounterTop", "object_id": "CounterTop|1", "is_static": True},
        "cabinet_00_1_0_0": {"category": "Cabinet", "object_id": "Cabinet|1", "is_static": True},
        "box_00_1_0_0": {"category": "Box", "object_id": "Box|1", "is_static": False},
        "mug_00_1_0_0": {"category": "Mug", "object_id": "Mug|1", "is_static": False},
        "chair_00_1_0_0": {"category": "Chair", "object_id": "Chair|1", "is_static": False},
    }
}


def model(world: str = FLOOR + WALLS + FIXED + FREE, rest: str = "", option: str = OPTION) -> str:
    """Return MJCF of a world."""
    collides = 'group="4" density="500" friction="0.9 0.9 0.001"'
    return f"""<mujoco model="hand-made">
  <compiler angle="radian" autolimits="true" balanceinertia="true"/>
  {option}
  <default>
    <default class="__VISUAL_MJT__"><geom group="0" contype="0" conaffinity="0" mass="1e-8"/></default>
    <default class="__DYNAMIC_MJT__"><geom contype="1" conaffinity="15" {collides}/></default>
    <default class="__STRUCTURAL_MJT__"><geom contype="8" conaffinity="15" {collides}/></default>
    <default class="__ARTICULABLE_DYNAMIC_MJT__"><geom contype="0" conaffinity="7" {collides}/></default>
  </default>
  <asset>
    <texture name="paper" type="2d" file="../../objects/thor/Box_1/paper.png"/>
    <material name="paper" texture="paper"/>
    <mesh name="cube" file="../../objects/thor/Box_1/cube.obj" inertia="shell"/>
  </asset>
  <worldbody>
    <light type="directional" dir="0.2 0.3 -1" diffuse="0.6 0.6 0.6" castshadow="false"/>
    {world}
  </worldbody>
  {rest}
</mujoco>
"""


def write_scene(folder: Path, text: str | None = None, metadata: object = METADATA, room: str = ROOM) -> Path:
    """Write a scene, with the objects that it uses, below a folder; return the folder of the scenes."""
    scenes, thing = folder / "scenes" / "ithor", folder / "objects" / "thor" / "Box_1"
    for made in (scenes / f"{room}_physics", thing):
        made.mkdir(parents=True, exist_ok=True)
    (thing / "cube.obj").write_text(CUBE)
    picture = np.random.default_rng(0).integers(120, 255, (16, 16, 3)).astype(np.uint8)
    cv2.imwrite(str(thing / "paper.png"), picture)
    (scenes / f"{room}_physics.xml").write_text(model() if text is None else text)
    if metadata is not None:
        (scenes / f"{room}_physics_metadata.json").write_text(json.dumps(metadata))
    return scenes


def write_map(file: Path, free: np.ndarray, to_map: np.ndarray) -> None:
    """Write a map of free space, (rows, columns) bool, as MolmoSpaces does."""
    encoded = cv2.imencode(".png", free.astype(np.uint8) * 255)[1].tobytes()
    text = b"world_to_map\0" + json.dumps(to_map.tolist()).encode()
    chunk = struct.pack(">I", len(text)) + b"tEXt" + text + struct.pack(">I", zlib.crc32(b"tEXt" + text))
    header = 8 + 25  # the signature, and the first chunk
    file.write_bytes(encoded[:header] + chunk + encoded[header:])
