"""Rooms that also hold objects of a folder."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from thor_interact_env.simulators.mujoco.rooms.plan import RoomPlan
from thor_interact_env.simulators.own_objects.identifiers import own_identifier
from thor_interact_env.simulators.own_objects.making import OwnObject, make_object
from thor_interact_env.simulators.own_objects.table import ObjectEntry

_DRAW = 29  # distinguishes the draw of objects from the other draws of a room


@dataclass(frozen=True)
class PlanWithObjects(RoomPlan):
    """A room plan whose last portables are objects of a folder.

    Attributes:
        own: These objects.
    """

    own: tuple[OwnObject, ...] = ()

    def receptacles(self, index: int) -> tuple[str, ...]:
        """Return the types a portable stands on; of an object of the folder, those of the table."""
        first = len(self.portables) - len(self.own)
        return self.own[index - first].entry.receptacles if index >= first else super().receptacles(index)

    def identifiers(self) -> list[str]:
        """Return the identifiers of the movable objects, see `own_objects.identifiers`."""
        identifiers = super().identifiers()
        first = len(identifiers) - len(self.own)
        own = [own_identifier(each.entry.type, index) for index, each in enumerate(self.own, first)]
        return identifiers[:first] + own


def with_objects(plan: RoomPlan, entries: Sequence[ObjectEntry], maximum: int) -> PlanWithObjects:
    """Return a plan with objects in addition: a pure function of the plan, the entries and their files.

    Args:
        plan: The room.
        entries: The table.
        maximum: Number of objects in the room; if there are more, each room draws as many by its name.

    Raises:
        ObjectError: An object cannot be used.
        DependencyNotInstalled: A library for one of the files is missing.
    """
    chosen = list(range(len(entries)))
    if len(entries) > maximum:
        rng = np.random.default_rng([zlib.crc32(plan.name.encode()), _DRAW])
        chosen = sorted(rng.permutation(len(entries))[:maximum].tolist())
    own = tuple(make_object(entries[index]) for index in chosen)
    values = {field.name: getattr(plan, field.name) for field in fields(plan)}
    values["portables"] = (*plan.portables, *((each.entry.type, each.blueprint) for each in own))
    return PlanWithObjects(**values, own=own)
