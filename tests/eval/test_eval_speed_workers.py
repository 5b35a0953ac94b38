"""Start, speed-up and memory of several workers."""

import sys
from concurrent.futures import Future

import pytest

from agents.collection.collect import CollectionError, CollectionTask
from agents.collection.interact import InteractionRecord
from eval.speed import workers as speed_workers
from eval.speed.measure import Bar
from eval.speed.sharing import together_measurement


class Counting:
    """A collector that notes its tasks and does nothing."""

    def __init__(self, processes: int) -> None:
        self.processes = processes
        self.seen: list[tuple[int, ...]] = []
        self.closed = False

    def submit(self, task: CollectionTask) -> Future[list[InteractionRecord]]:
        self.seen.append(task.seeds)
        future: Future[list[InteractionRecord]] = Future()
        future.set_result([])
        return future

    def close(self) -> None:
        self.closed = True


def test_all_workers_do_the_same_tasks_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed_workers, "find_spec", lambda name: None)
    made: list[Counting] = []

    def make(processes: int) -> Counting:
        made.append(Counting(processes))
        return made[-1]

    monkeypatch.setattr(speed_workers, "available_cores", lambda: 4)
    (start, found), memory = speed_workers.workers_measurements(
        ["FloorPlan1"], 3, 2, seed=5, tasks=4, make=make
    )
    assert [each.processes for each in made] == [1, 3, 1, 3]
    assert all(each.closed for each in made)
    # Each process first does a task that is not timed, and of no room of the others.
    one, three = made[:2]
    assert [each.seen for each in made[2:]] == [one.seen, three.seen]
    assert one.seen[1:] == three.seen[3:] and one.seen[0] in three.seen[:3]
    assert len(three.seen) == 3 + 4 == len(set(three.seen))
    assert sorted(seed for seeds in three.seen for seed in seeds) == list(range(5, 5 + 7 * 4))
    assert (start.name, start.floor, start.bar) == ("start of 3 workers", "of one", None)
    assert (found.name, found.floor, found.bar) == ("location by 3 workers", "by one", Bar(ratio=0.36))
    assert memory == []  # there is no process


def test_more_workers_than_cores_share_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed_workers, "find_spec", lambda name: None)
    monkeypatch.setattr(speed_workers, "available_cores", lambda: 2)
    (_, found), _ = speed_workers.workers_measurements(["FloorPlan1"], 8, 1, seed=0, tasks=1, make=Counting)
    assert found.bar == Bar(ratio=0.541)


def test_workers_are_timed_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed_workers, "find_spec", lambda name: None)
    for name in ("POINTS", "LOCATIONS"):
        monkeypatch.setattr(speed_workers, name, 1)
    measured, memory = speed_workers.workers_measurements(["FloorPlan1"], 2, 1, seed=0, tasks=1)
    assert all(each.seconds > 0 and each.floor_seconds > 0 for each in measured)
    assert len(memory) == (2 if sys.platform == "linux" else 0)
    assert all(10**8 < each < 10**10 for each in memory)


def test_no_time_is_stated_of_work_that_failed() -> None:
    class Failing(Counting):
        def submit(self, task: CollectionTask) -> Future[list[InteractionRecord]]:
            future: Future[list[InteractionRecord]] = Future()
            future.set_exception(CollectionError("no location"))
            return future

    tasks = speed_workers.collection_tasks(["FloorPlan1"], 1, 0)
    with pytest.raises(CollectionError, match="no location"):
        together_measurement(lambda: None, tasks, 1, 1, Failing)
