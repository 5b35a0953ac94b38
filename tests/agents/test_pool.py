"""Who does which task: the worker that keeps its room, unless others would have nothing to do."""

import threading
from collections import Counter, OrderedDict
from concurrent.futures import Future
from dataclasses import replace
from itertools import chain
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.collection.collect import CollectionError, CollectionTask
from agents.collection.interact import InteractionRecord, InteractionSchedule
from agents.collection.pool import Job, RoomQueue, WorkerEndedError, WorkerPool

SCHEDULE = InteractionSchedule(0, 1, False)


def task(room: str, seed: int = 0) -> CollectionTask:
    return CollectionTask((seed,), (room,), SCHEDULE)


class FakeWorker:
    """Notes what it does; a task of seed 13 kills it, of seed 7 waits until it is allowed to go on."""

    def __init__(self, rooms: int = 3) -> None:
        self.rooms = rooms
        self.done: list[str] = []
        self.closed = 0
        self.may_go_on = threading.Event()
        self.began = threading.Event()

    def collect(self, task: CollectionTask, weights: Any) -> list[InteractionRecord]:
        if task.seeds == (7,):
            self.began.set()
            assert self.may_go_on.wait(60)
            if self.closed:
                raise WorkerEndedError("closed")
        if task.seeds == (13,):
            raise WorkerEndedError("killed")
        if task.seeds == (99,):
            raise RuntimeError("no such thing")
        self.done.append(task.rooms[0])
        return cast(list[InteractionRecord], [(task.rooms[0], weights)])

    def close(self) -> None:
        self.closed += 1
        self.may_go_on.set()


def test_a_room_stays_with_its_worker() -> None:
    workers = [FakeWorker() for _ in range(3)]
    pool = WorkerPool(workers)
    rooms = ["a", "b", "c", "a", "b", "c", "c", "b", "a"] * 5
    for room in rooms:
        assert pool.submit(task(room), "weights").result(60) == [(room, "weights")]
    pool.close()
    assert sorted(chain(*(worker.done for worker in workers))) == sorted(rooms)
    owners = {room: [index for index, each in enumerate(workers) if room in each.done] for room in "abc"}
    assert all(len(each) == 1 for each in owners.values())
    assert all(worker.closed == 1 for worker in workers)


def taken(queue: RoomQueue, worker: int, rooms: int = 4) -> str:
    job = queue.take(worker, rooms)
    assert job is not None
    return min(job.rooms)


def test_own_rooms_come_before_new_ones_and_these_before_those_of_busy_workers() -> None:
    queue = RoomQueue()
    for room in ("a", "b", "a", "c", "b", "a"):
        queue.put(Job(task(room)))
    assert taken(queue, 0) == "a"
    assert taken(queue, 1) == "b"
    assert taken(queue, 1) == "b"
    assert taken(queue, 1) == "c"  # nobody has it
    assert taken(queue, 1) == "a"  # its worker is busy
    assert taken(queue, 0) == "a"


def test_a_worker_with_too_many_rooms_forgets_the_one_used_longest_ago() -> None:
    queue = RoomQueue()
    for room in ("a", "b", "a", "c", "b", "a"):
        queue.put(Job(task(room)))
        taken(queue, 0, rooms=2)  # after c it keeps a and c, after b it keeps c and b
    queue.put(Job(task("d")))
    queue.put(Job(task("a")))
    assert taken(queue, 0, rooms=2) == "a"


def test_a_job_waits_for_its_worker_while_that_is_idle() -> None:
    queue = RoomQueue()
    for room in ("a", "b"):
        queue.put(Job(task(room)))
    assert (taken(queue, 0), taken(queue, 1)) == ("a", "b")
    seen: dict[int, list[str]] = {0: [], 1: []}

    def work(worker: int) -> None:
        while (job := queue.take(worker, 4)) is not None:
            seen[worker].append(min(job.rooms))
            job.future.set_result([])

    threads = [threading.Thread(target=work, args=(worker,)) for worker in seen]
    for thread in threads:
        thread.start()
    for room in "ab" * 50:
        job = Job(task(room))
        queue.put(job)
        job.future.result(60)
    queue.close()
    for thread in threads:
        thread.join(60)
    # The very first may be taken before the other worker has begun to wait.
    assert seen[0].count("b") + seen[1].count("a") <= 1


@settings(max_examples=30, deadline=None)
@given(
    rooms=st.lists(st.sampled_from("abcdefgh"), max_size=60),
    workers=st.integers(1, 4),
    kept=st.integers(1, 5),
)
def test_every_task_is_done_once_whoever_does_it(rooms: list[str], workers: int, kept: int) -> None:
    made = [FakeWorker(kept) for _ in range(workers)]
    pool = WorkerPool(made)
    futures = [pool.submit(task(room)) for room in rooms]
    assert [future.result(60) for future in futures] == [[(room, None)] for room in rooms]
    pool.close()
    assert Counter(chain(*(worker.done for worker in made))) == Counter(rooms)


def compilations(rooms: list[str], kept: int) -> int:
    """How often a worker alone compiles a room, which drops the least recently used one of too many."""
    cache: OrderedDict[str, None] = OrderedDict()
    count = 0
    for room in rooms:
        count += room not in cache
        cache[room] = None
        cache.move_to_end(room)
        if len(cache) > kept:
            cache.popitem(last=False)
    return count


def test_tasks_of_one_room_at_a_time_are_done_by_few_compilations() -> None:
    """As of `paper`: 80 rooms, one location for each task, 70 of them in an episode."""
    import random

    generator = random.Random(0)
    made = [FakeWorker(80) for _ in range(2)]
    pool = WorkerPool(made)
    for _ in range(30):
        for future in [pool.submit(task(f"room {generator.randrange(80)}")) for _ in range(70)]:
            future.result(60)
    pool.close()
    done = sum(len(worker.done) for worker in made)
    compiled = sum(compilations(worker.done, 80) for worker in made)
    assert done == 30 * 70 and compiled <= 160


def test_a_task_that_kills_every_process_is_given_up_and_others_are_done() -> None:
    worker = FakeWorker()
    pool = WorkerPool([worker])
    deadly, harmless = pool.submit(task("a", 13)), pool.submit(task("b"))
    with pytest.raises(CollectionError, match=r"3 processes, one after another, ended.*seeds 13 was done"):
        deadly.result(60)
    assert harmless.result(60) == [("b", None)]
    assert pool.replaced == 3
    with pytest.raises(RuntimeError, match="no such thing"):
        pool.submit(task("a", 99)).result(60)
    pool.close()


@pytest.mark.parametrize("wait", [True, False])
def test_closing_gives_up_what_has_not_begun(wait: bool) -> None:
    worker = FakeWorker()
    pool = WorkerPool([worker])
    begun, waiting = pool.submit(task("a", 7)), pool.submit(task("a", 8))
    assert worker.began.wait(60)
    refused: list[Future[list[InteractionRecord]]] = []

    def close_later(future: Future[list[InteractionRecord]]) -> None:
        refused.append(pool.submit(replace(task("a"), seeds=(9,))))
        if wait:
            worker.may_go_on.set()

    waiting.add_done_callback(close_later)
    pool.close(wait)
    for future, seed in ((waiting, 8), (refused[0], 9)):
        with pytest.raises(CollectionError, match=f"closed before the task of the seeds {seed} began"):
            future.result(60)
    if wait:
        assert begun.result(60) == [("a", None)]
    else:
        with pytest.raises(CollectionError, match="closed before the task of the seeds 7 was done"):
            begun.result(60)
    assert worker.closed == 1
