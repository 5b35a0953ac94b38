"""Compiled rooms are kept as long as the memory that they may take holds them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.collection import room_memory
from agents.collection.collect import CollectionTask, close_cache, collect_locations, keep_rooms
from agents.collection.interact import InteractionSchedule
from agents.collection.room_memory import MINIMUM_ROOMS, rooms_kept
from agents.training.processor import available_memory
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.mujoco import simulator

ROOMS = ("FloorPlan401", "FloorPlan402", "FloorPlan403", "FloorPlan404", "FloorPlan405")


def only_the_place(env: ThorInteractEnv, location: Location, rng: np.random.Generator) -> Location:
    return location


def visit(rooms: tuple[str, ...], **options: Any) -> None:
    for seed, room in enumerate(rooms):
        task = CollectionTask(
            (seed,),
            (room,),
            InteractionSchedule(0, 1, False),
            environment={"simulator_options": options} if options else {},
            visit=only_the_place,
        )
        assert collect_locations(task)[0].scene == room  # type: ignore[attr-defined]


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the rooms that were compiled, in order."""
    names: list[str] = []

    class NotedRoom(simulator.CompiledRoom):
        def __init__(self, plan: Any) -> None:
            names.append(plan.name)
            super().__init__(plan)

    monkeypatch.setattr(simulator, "CompiledRoom", NotedRoom)
    close_cache()
    return names


def test_as_many_rooms_stay_compiled_as_are_to_be_kept(compiled: list[str]) -> None:
    keep_rooms(5)
    try:
        visit(2 * ROOMS)
        assert compiled == list(ROOMS)
        close_cache()
        compiled.clear()
        keep_rooms(1)  # beside the one that the agent is in
        visit((*ROOMS[:2], ROOMS[0], ROOMS[2], ROOMS[0], ROOMS[1]))
        assert compiled == [*ROOMS[:3], ROOMS[1]]  # the least recently used one went
        close_cache()
        compiled.clear()
        visit((*ROOMS[:3], ROOMS[0]), room_cache=2)  # who says how many is heard
        assert compiled == list(ROOMS[:3])
    finally:
        close_cache()
        keep_rooms(MINIMUM_ROOMS)


def test_workers_share_the_memory_for_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rooms_kept(1, 1.0) == 40
    assert rooms_kept(2, 1.0) == 20
    assert rooms_kept(100, 1.0) == MINIMUM_ROOMS
    monkeypatch.setattr(room_memory, "available_memory", lambda: 4_000_000_000)
    assert rooms_kept(2) == 20


def test_a_control_group_limits_the_available_memory(tmp_path: Path) -> None:
    group = tmp_path / "sys" / "fs" / "cgroup"
    inner = group / "user" / "box"
    inner.mkdir(parents=True)
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    5000 kB\n")
    assert available_memory(tmp_path) == 5000 * 1024
    (tmp_path / "proc" / "self" / "cgroup").write_text("1:cpu:/\n0::/user/box\n")
    (inner / "memory.max").write_text("max\n")
    assert available_memory(tmp_path) == 5000 * 1024
    (group / "user" / "memory.max").write_text("3000000\n")
    (group / "user" / "memory.current").write_text("2500000\n")
    (group / "user" / "memory.stat").write_text("anon 7\ninactive_file 400000\n")
    assert available_memory(tmp_path) == 900_000


def test_this_machine_has_memory() -> None:
    assert 0 < available_memory() < 1e14
