"""What a room of the embedded simulator is called in AI2-THOR: names, colours and object metadata."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from thor_interact_env.simulators.mujoco.drawing.rendering import SHELL
from thor_interact_env.simulators.mujoco.objects.catalog import CATALOG

if TYPE_CHECKING:
    from thor_interact_env.simulators.mujoco.physics import CompiledRoom

_SWAP: Final = [0, 2, 1]
"""MuJoCo's x, y, z (right-handed, z up) as Unity's x, z, y (left-handed, y up)."""

_SEEN: Final = 0
"""Geom group of what is drawn."""

_PARKED: Final = -10.0
"""Height in metres below which a body is not in the room."""

_STATES: Final[tuple[str, ...]] = (
    "toggleable",
    "isToggled",
    "breakable",
    "isBroken",
    "canFillWithLiquid",
    "isFilledWithLiquid",
    "dirtyable",
    "isDirty",
    "canBeUsedUp",
    "isUsedUp",
    "cookable",
    "isCooked",
    "isHeatSource",
    "isColdSource",
    "sliceable",
    "isSliced",
    "openable",
    "isOpen",
    "isPickedUp",
    "isMoving",
)


def vector(values: npt.NDArray[np.floating[Any]]) -> dict[str, float]:
    """Return three numbers as AI2-THOR writes a vector."""
    x, y, z = values.tolist()
    return {"x": x, "y": y, "z": z}


def unity(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Return points (..., 3) of MuJoCo's frame in Unity's."""
    return np.asarray(values, np.float64)[..., _SWAP]


def euler(axes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return Unity's Euler angles (3,) in degrees, 0..360, of MuJoCo's rotation matrix (3, 3)."""
    turn = axes[np.ix_(_SWAP, _SWAP)]
    pitch = np.arcsin(np.clip(-turn[1, 2], -1, 1))
    yaw, roll = np.arctan2(turn[0, 2], turn[2, 2]), np.arctan2(turn[1, 0], turn[1, 1])
    return np.degrees([pitch, yaw, roll]) % 360


def _identifier(name: str, position: npt.NDArray[np.float64]) -> str:
    """Return an identifier as AI2-THOR forms it, such as "Mug|-00.15|+00.76|-00.10"."""
    return "|".join([name, *(f"{round(float(value), 2) + 0.0:+06.2f}" for value in position)])


class Scenery:
    """Names and colours of everything that can be seen in a room.

    Identifiers of objects say where the objects are when they are named; AI2-THOR does so at each spawn.
    Structure has names of the same form, as in AI2-THOR, but is not among the objects.

    Args:
        room: The room, everything where it is to be named after.
    """

    def __init__(self, room: "CompiledRoom") -> None:
        """Name everything; see the class."""
        self.room = room
        model, data = room.model, room.data
        owner = np.asarray(model.geom_bodyid)
        self._drawn = np.flatnonzero(np.asarray(model.geom_group) == _SEEN)
        self._drawn = self._drawn[np.argsort(owner[self._drawn], kind="stable")]
        self._bodies, self._firsts = np.unique(owner[self._drawn], return_index=True)
        self._local = self._corners()
        boxes = self.boxes()
        fixed = [
            body
            for body in range(1, model.nbody)
            if room.movable_of_geom(_first_geom(room, body)) is None and model.body(body).name != SHELL
        ]
        assert len(fixed) == len(room.plan.fixtures)
        self.names: dict[int, str] = {}
        self.types: dict[int, str] = {}
        taken: set[str] = set()
        for body, fixture in zip(fixed, room.plan.fixtures, strict=True):
            self._call(body, fixture.type, boxes[body].mean(axis=0), taken)
        self.movable_of_body = {movable.body: movable for movable in room.movables}
        for movable in room.movables:
            self._call(movable.body, movable.type, unity(data.xpos[movable.body]), taken)
        self._paint(owner)

    def _call(self, body: int, kind: str, position: npt.NDArray[np.float64], taken: set[str]) -> None:
        name = _identifier(kind, position)
        while name in taken:  # two knobs of a stove in one place
            name += "|1"
        taken.add(name)
        self.names[body], self.types[body] = name, kind

    def _corners(self) -> npt.NDArray[np.float64]:
        """Return the corners (n, 8, 3) of the drawn geoms in their own frames."""
        boxes = np.asarray(self.room.model.geom_aabb)[self._drawn]
        signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, 8).T
        return boxes[:, None, :3] + signs * boxes[:, None, 3:]

    def boxes(self) -> dict[int, npt.NDArray[np.float64]]:
        """Return the minimum and maximum corner (2, 3), in Unity's frame, of each body that is drawn."""
        data = self.room.data
        axes = data.geom_xmat[self._drawn].reshape(-1, 3, 3)
        corners = np.einsum("nij,nkj->nki", axes, self._local) + data.geom_xpos[self._drawn][:, None]
        low = np.minimum.reduceat(corners.min(axis=1), self._firsts)
        high = np.maximum.reduceat(corners.max(axis=1), self._firsts)
        both = unity(np.stack([low, high], axis=1))
        return {int(body): both[index] for index, body in enumerate(self._bodies)}

    def _paint(self, owner: npt.NDArray[np.int32]) -> None:
        """Give a colour to each body, each part of the structure and each type."""
        data, height = self.room.data, self.room.plan.size[2]
        called: list[str] = []
        for geom, body in enumerate(owner.tolist()):
            part = unity(data.geom_xpos[geom])
            kind = "Floor" if part[1] < 0.01 else "Ceiling" if part[1] > height - 0.01 else "Wall"
            called.append(self.names.get(body) or _identifier(kind, part))
        names = dict.fromkeys([*called, *sorted(set(self.types.values()))])
        # An odd factor permutes the 24-bit numbers, so no two names share a colour, and none is black.
        colour = {
            name: ((index + 1) * 0x9E3779 & 0xFFFFFF).to_bytes(3, "big") for index, name in enumerate(names)
        }
        self.colors = [{"name": name, "color": list(value)} for name, value in colour.items()]
        self.palette = np.full((len(called) + 1, 4), 255, np.uint8)  # the last row: nothing is seen
        self.palette[:-1, :3] = [list(colour[name]) for name in called]
        self.palette[-1, :3] = 0

    def objects(
        self,
        agent: npt.NDArray[np.float64],
        visible: Mapping[int, bool],
    ) -> list[dict[str, Any]]:
        """Return the metadata of all objects in the room, with the keys of a real player.

        Args:
            agent: (3,) position of the agent, Unity's frame.
            visible: Bodies that the camera shows, and whether they are near enough to count.
        """
        data, boxes = self.room.data, self.boxes()
        return [
            self._object(body, agent, data.xmat[body].reshape(3, 3), boxes[body], visible.get(body, False))
            for body in self.names
            if data.xpos[body][2] > _PARKED
        ]

    def _object(
        self,
        body: int,
        agent: npt.NDArray[np.float64],
        axes: npt.NDArray[np.float64],
        box: npt.NDArray[np.float64],
        visible: bool,
    ) -> dict[str, Any]:
        movable, kind = self.movable_of_body.get(body), self.types[body]
        position = unity(self.room.data.xpos[body])
        pickupable = movable is not None and kind in CATALOG and CATALOG[kind].pickupable
        low, high = box
        corners = [[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])]
        bounds = {
            "cornerPoints": [[float(value) for value in corner] for corner in corners],
            "center": vector(box.mean(axis=0)),
            "size": vector(high - low),
        }
        return {
            **dict.fromkeys(_STATES, False),
            "name": f"{kind}_{body:08x}",
            "position": vector(position),
            "rotation": vector(euler(axes)),
            "visible": visible,
            "isInteractable": visible,
            "receptacle": False,
            "fillLiquid": None,
            "temperature": "RoomTemp",
            "openness": 0.0,
            "pickupable": pickupable,
            "moveable": movable is not None and not pickupable,
            "mass": movable.mass if movable is not None else 0.0,
            "salientMaterials": ["Wood"] if movable is not None else None,
            "receptacleObjectIds": None,
            "distance": float(np.linalg.norm(position - agent)),
            "objectType": kind,
            "objectId": self.names[body],
            "assetId": "",
            "parentReceptacles": None,
            "controlledObjects": None,
            "axisAlignedBoundingBox": bounds,
            "objectOrientedBoundingBox": {"cornerPoints": bounds["cornerPoints"]} if pickupable else None,
        }


def _first_geom(room: "CompiledRoom", body: int) -> int:
    return int(room.model.body_geomadr[body])
