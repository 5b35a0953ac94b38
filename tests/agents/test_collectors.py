"""Who collects does not matter: processes, one of which is killed, or a Ray cluster give the same records."""

import logging
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from fake_simulator import FakeSimulator
from gymnasium.error import DependencyNotInstalled
from mortal_simulator import MortalSimulator
from safetensors.torch import save_file
from scripts import run_script

from agents.collection.collect import CollectionError, CollectionTask, collect_locations
from agents.collection.engines import make_collector
from agents.collection.interact import InteractionRecord, InteractionSchedule
from agents.collection.local_collector import LocalCollector
from agents.collection.ray_collector import RayCollector
from agents.selfsup_agent.network import InteractionNet
from agents.training.configuration import TrainConfig
from agents.training.presets import preset
from thor_interact_env.errors import MainGuardError


def assert_same(ones: list[InteractionRecord], others: list[InteractionRecord]) -> None:
    assert len(ones) == len(others)
    for one, other in zip(ones, others, strict=True):
        pairs = zip((one.experience, *one.images), (other.experience, *other.images), strict=True)
        for mine, its in pairs:
            for each in fields(mine):
                np.testing.assert_array_equal(getattr(mine, each.name), getattr(its, each.name))
        # Experiences compare by identity.
        names = [each.name for each in fields(one) if each.name not in ("experience", "images")]
        counts = [[getattr(record, name) for name in names] for record in (one, other)]
        assert counts[0] == counts[1]


@pytest.fixture
def task(tmp_path: Path) -> CollectionTask:
    torch.manual_seed(0)
    weights = tmp_path / "model.safetensors"
    save_file(InteractionNet().state_dict(), weights)
    return CollectionTask(
        seeds=(11, 12, 13),
        rooms=("FloorPlan1", "FloorPlan2"),
        schedule=InteractionSchedule(1, 2, True),
        weights=weights,
        environment={"simulator": FakeSimulator()},
        locations_per_room=2,
    )


def in_world(task: CollectionTask, simulator: Any) -> CollectionTask:
    return replace(task, environment={"simulator": simulator})


def test_a_killed_process_is_replaced_and_its_locations_are_done_again(
    task: CollectionTask,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deaths, fatal = tmp_path / "deaths", tmp_path / "fatal"
    deaths.mkdir()
    fatal.mkdir()
    threads = os.environ.get("OMP_NUM_THREADS")
    with LocalCollector(workers=1) as collector:
        # The process dies at its second location of three, when another task is waiting already.
        mortal = collector.submit(in_world(task, MortalSimulator(deaths=deaths)))
        waiting = collector.submit(task)
        with caplog.at_level(logging.WARNING):
            records = mortal.result()
        assert collector.replaced == len(list(deaths.iterdir())) == 1
        assert "seeds 11, 12, 13" in caplog.text
        assert_same(records, collect_locations(task))
        assert_same(waiting.result(), records)
        # A location that cannot be visited is an error of the task, not a death.
        with pytest.raises(CollectionError, match=r"seed 11 in .*UnknownRoomError"):
            collector.submit(in_world(task, FakeSimulator(rooms=("FloorPlan5",)))).result()
        assert collector.replaced == 1
        # Memory may run out while a process has nothing to do.
        (idle,) = multiprocessing.active_children()
        idle.kill()
        idle.join()
        time.sleep(0.5)  # until the collector can know
        assert_same(collector.submit(task).result(), records)
        assert collector.replaced == 2
        monkeypatch.setattr("agents.collection.pool.ATTEMPTS", 2)
        with pytest.raises(CollectionError, match=r"2 processes, one after another, ended.*seeds 21"):
            deadly = MortalSimulator(deaths=fatal, times=99, visits=0)
            collector.submit(replace(in_world(task, deadly), seeds=(21,))).result()
        assert len(list(fatal.iterdir())) == 2
    assert os.environ.get("OMP_NUM_THREADS") == threads


UNGUARDED = """
from fake_simulator import FakeSimulator
from agents.collection.collect import CollectionTask
from agents.collection.interact import InteractionSchedule
from agents.collection.local_collector import LocalCollector

with LocalCollector(workers=1) as collector:
    schedule = InteractionSchedule(0, 1, False)
    task = CollectionTask((11,), ("FloorPlan1",), schedule, environment={"simulator": FakeSimulator()})
    collector.submit(task).result()
"""


@pytest.mark.parametrize("how", ["file", "stdin"])
def test_a_script_without_a_main_guard_is_told_so_at_once(tmp_path: Path, how: str) -> None:
    """Memory is not blamed, and nothing is tried a second time."""
    ran = run_script(UNGUARDED, tmp_path, how)
    assert ran.returncode == 1
    assert "MainGuardError: a process ended before its own work" in ran.stderr.splitlines()[-1]
    assert 'if __name__ == "__main__":' in ran.stderr.splitlines()[-1]
    assert "memory" not in ran.stderr and "ended early" not in ran.stderr


def test_nothing_begins_while_the_main_program_is_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run is not even looked at: its main process is at work in it."""
    from agents.ppo_agent.configuration import PPOConfig
    from agents.source import AgentSource
    from agents.training.run_folder import check_run
    from eval.benchmark.agent_process import AgentProcess

    monkeypatch.setattr("thor_interact_env.spawning.runs_main_again", lambda: True)
    begun: list[Callable[[], object]] = [
        lambda: LocalCollector(workers=1),
        lambda: check_run(TrainConfig(schedule=preset("smoke")), tmp_path / "run", resume=True),
        lambda: check_run(PPOConfig(), tmp_path / "run", resume=True),
        lambda: AgentProcess(AgentSource("agents.random_agent:RandomAgent")),
    ]
    for begin in begun:
        with pytest.raises(MainGuardError, match="running it again"):
            begin()
    LocalCollector(workers=0).close()  # needs no process


def test_a_closed_collector_gives_up_what_has_not_begun(task: CollectionTask) -> None:
    collector = LocalCollector(workers=1)
    before = set(multiprocessing.active_children())
    begun = collector.submit(replace(task, seeds=(21,)))
    while set(multiprocessing.active_children()) == before:
        time.sleep(0.001)
    waiting = collector.submit(task)  # until the only process, which is starting, has done the other
    collector.close()
    assert len(begun.result()) == 1
    with pytest.raises(CollectionError, match="closed before the task of the seeds 11, 12, 13 began"):
        waiting.result()


def test_the_content_of_a_file_of_weights_is_as_good_as_the_file(task: CollectionTask) -> None:
    assert task.weights is not None
    content = task.weights.read_bytes()
    gone = replace(task, weights=Path("elsewhere") / "model.safetensors")
    assert_same(collect_locations(gone, content), collect_locations(task))
    with pytest.raises(CollectionError, match=r"model\.safetensors does not hold the weights"):
        collect_locations(gone, content[:1000])


def test_visits_take_no_random_numbers_of_a_learner_in_the_same_process(task: CollectionTask) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    collect_locations(task)
    assert torch.equal(torch.get_rng_state(), before)


def test_ray_gives_the_same_records_and_sends_weights_once(
    task: CollectionTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    tests = Path(__file__).parents[1]
    # What a cluster has installed: this package, and the toy worlds of these tests.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tests.parent), str(tests / "env"))))
    deaths = tmp_path / "deaths"
    deaths.mkdir()
    import ray

    put = Mock(wraps=ray.put)
    monkeypatch.setattr(ray, "put", put)
    collector = RayCollector("local")
    try:
        futures = [collector.submit(part) for part in task.split()]
        futures.append(collector.submit(in_world(task, MortalSimulator(deaths=deaths))))
        records = [record for future in futures[:-1] for record in future.result(120)]
        here = collect_locations(task)
        assert_same(records, here)
        assert task.weights is not None
        ((content,),) = (call.args for call in put.call_args_list)
        assert content.tobytes() == task.weights.read_bytes()
        assert_same(futures[-1].result(120), here)
        assert len(list(deaths.iterdir())) == 1
        with pytest.raises(CollectionError, match=r"seed 11 in .*UnknownRoomError"):
            collector.submit(in_world(task, FakeSimulator(rooms=("FloorPlan5",)))).result(120)
        missing = replace(task, weights=tmp_path / "missing.safetensors")
        with pytest.raises(CollectionError, match=r"missing\.safetensors"):
            collector.submit(missing).result(120)
    finally:
        collector.close()


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    config = TrainConfig(schedule=preset("smoke"), engine="ray")
    with pytest.raises(DependencyNotInstalled, match=r"thor-interact\[cluster\]"):
        make_collector(config)


def test_where_there_is_no_cluster_a_message_says_how_to_start_one() -> None:
    pytest.importorskip("ray")
    with pytest.raises(CollectionError, match=r"there is no Ray cluster at 'auto'.*--address local"):
        RayCollector()


def test_who_collects_does_not_change_a_run() -> None:
    here = TrainConfig(schedule=preset("smoke"))
    there = replace(here, engine="ray", address="host:6379", workers=3)
    assert here.digest() == there.digest()
    assert here.difference(there) is None
    assert TrainConfig.from_json(there.to_json()) == there
