"""Workers that share tasks: a task goes to the worker that has compiled its room.

Results do not depend on the worker (`agents.collection.collect`), but time does: a room is compiled once by
the worker that keeps it, and not again for each visit.
"""

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from agents.collection.collect import CollectionError, CollectionTask
from agents.collection.collector import ATTEMPTS, describe
from agents.collection.interact import InteractionRecord

_LOGGER = logging.getLogger(__name__)


class WorkerEndedError(RuntimeError):
    """The process of a worker ended before its task was done."""


class Worker(Protocol):
    """A process that runs one task at a time. It starts with its first task, and again after it has ended."""

    rooms: int
    """Maximum number of compiled rooms that it keeps."""

    def collect(self, task: CollectionTask, weights: Any) -> list[InteractionRecord]:
        """Run a task and wait for it.

        Args:
            task: The task.
            weights: The argument of that name of `WorkerPool.submit`.

        Raises:
            WorkerEndedError: The process ended before the task was done.
        """

    def close(self) -> None:
        """End the process. It is called once; a task may be running if the pool does not wait for it."""


@dataclass(eq=False)
class Job:
    """A submitted task.

    Attributes:
        task: The task.
        weights: Passed to `Worker.collect`.
        future: Its result.
        attempts: Number of times it was started.
        rooms: Names of the rooms of the task.
        order: Jobs of lower order came first.
    """

    task: CollectionTask
    weights: Any = None
    future: Future[list[InteractionRecord]] = field(default_factory=Future)
    attempts: int = 0
    rooms: frozenset[str] = field(init=False)
    order: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Name the rooms."""
        self.rooms = frozenset(self.task.room(index) for index in range(len(self.task.seeds)))


class RoomQueue:
    """Waiting jobs, and the choice of a worker's next one. It is thread-safe.

    A worker takes the oldest job whose rooms it keeps; else the oldest one of rooms that no worker keeps;
    else the oldest one of rooms that only busy workers keep. So a job waits only while all workers are busy,
    and rooms spread to workers that would otherwise be idle.
    """

    def __init__(self) -> None:
        """Start without jobs."""
        self._changed = threading.Condition()
        self._count = 0
        self._jobs: dict[frozenset[str], deque[Job]] = {}
        self._kept: dict[int, OrderedDict[str, None]] = {}
        self._idle: set[int] = set()
        self._closed = False

    def put(self, job: Job) -> bool:
        """Add a job, new or to be repeated; return False if the queue is closed."""
        with self._changed:
            if self._closed:
                return False
            waiting = self._jobs.setdefault(job.rooms, deque())
            if job.attempts:
                waiting.appendleft(job)
            else:
                self._count += 1
                job.order = self._count
                waiting.append(job)
            self._changed.notify_all()
            return True

    def take(self, worker: int, rooms: int) -> Job | None:
        """Wait for the next job of a worker; the worker keeps the rooms of the job from now on.

        Args:
            worker: Which worker, by a number of its own.
            rooms: Maximum number of rooms that it keeps; the least recently used ones are dropped.

        Returns:
            The job; None once the queue is closed.
        """
        with self._changed:
            kept = self._kept.setdefault(worker, OrderedDict())
            self._idle.add(worker)
            self._changed.wait_for(lambda: self._closed or self._choose(kept) is not None)
            self._idle.discard(worker)
            chosen = None if self._closed else self._choose(kept)
            if chosen is None:
                return None
            job = self._jobs[chosen].popleft()
            if not self._jobs[chosen]:
                del self._jobs[chosen]
            for room in sorted(job.rooms):
                kept[room] = None
                kept.move_to_end(room)
            while len(kept) > max(rooms, 1):
                kept.popitem(last=False)
            # Jobs that were left to this worker while it was idle are now for others.
            self._changed.notify_all()
            return job

    def forget(self, worker: int) -> None:
        """Note that a worker has lost its rooms."""
        with self._changed:
            self._kept.pop(worker, None)

    def close(self) -> list[Job]:
        """Let every `take` return None, and return the jobs that were not taken, the oldest first."""
        with self._changed:
            self._closed = True
            left = sorted((job for jobs in self._jobs.values() for job in jobs), key=lambda job: job.order)
            self._jobs.clear()
            self._changed.notify_all()
            return left

    def _choose(self, kept: OrderedDict[str, None]) -> frozenset[str] | None:
        """Return the rooms of the next job of the worker that keeps these, None if there is none for it."""
        best: tuple[int, int] | None = None
        chosen = None
        for rooms, jobs in self._jobs.items():
            holders = [worker for worker, theirs in self._kept.items() if rooms <= theirs.keys()]
            if rooms <= kept.keys():
                rank = 0
            elif not holders:
                rank = 1
            elif not self._idle.intersection(holders):
                rank = 2
            else:
                continue
            if best is None or (rank, jobs[0].order) < best:
                best, chosen = (rank, jobs[0].order), rooms
        return chosen


class WorkerPool:
    """Workers, each supervised by a thread that gives it one task at a time.

    A task whose process ends early is repeated from its start, up to three times in all, by any worker. A
    task gives one complete result or none: nothing is counted twice.
    """

    def __init__(self, workers: Sequence[Worker]) -> None:
        """Store the workers; their threads start with the first task.

        Args:
            workers: At least one.
        """
        self.replaced = 0
        """Processes that ended early and were replaced."""
        self._workers = list(workers)
        self._queue = RoomQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def submit(self, task: CollectionTask, weights: Any = None) -> Future[list[InteractionRecord]]:
        """Start a task.

        Args:
            task: The task.
            weights: Passed to `Worker.collect`.

        Returns:
            A future of one record per seed. It raises `CollectionError` if a location cannot be visited, if
            three processes have ended during the task, or if the pool is closed before.
        """
        job = Job(task, weights)
        job.future.set_running_or_notify_cancel()
        if not self._queue.put(job):
            self._cancel(job)
        with self._lock:
            if not self._threads:
                self._threads = [
                    threading.Thread(target=self._work, args=(number,), name=f"worker {number}", daemon=True)
                    for number in range(len(self._workers))
                ]
                for thread in self._threads:
                    thread.start()
        return job.future

    def close(self, wait: bool = True) -> None:
        """Cancel tasks that have not started, and end the processes.

        Args:
            wait: Whether running tasks are finished first; otherwise they are cancelled too.
        """
        for job in self._queue.close():
            self._cancel(job)
        if not wait:
            self._close_workers()
        for thread in self._threads:
            thread.join()
        if wait:
            self._close_workers()

    def _close_workers(self) -> None:
        for worker in self._workers:
            worker.close()

    def _work(self, number: int) -> None:
        worker = self._workers[number]
        while (job := self._queue.take(number, worker.rooms)) is not None:
            job.attempts += 1
            try:
                records = worker.collect(job.task, job.weights)
            except WorkerEndedError as error:
                self._queue.forget(number)
                self._again(job, error)
            except BaseException as error:
                job.future.set_exception(error)
            else:
                job.future.set_result(records)
            del job  # Nothing is kept while the thread waits.

    def _again(self, job: Job, error: WorkerEndedError) -> None:
        """Repeat a job whose process has ended early, unless it was the last attempt."""
        with self._lock:
            self.replaced += 1
        if job.attempts == ATTEMPTS:
            failure = CollectionError(
                f"{ATTEMPTS} processes, one after another, ended before {describe(job.task)} was done "
                f"({error}); if memory has run out, use fewer workers"
            )
            failure.__cause__ = error
            job.future.set_exception(failure)
        elif self._queue.put(job):
            _LOGGER.warning("a worker ended early; a new one repeats %s", describe(job.task))
        else:
            self._cancel(job)

    def _cancel(self, job: Job) -> None:
        until = "was done" if job.attempts else "began"
        job.future.set_exception(
            CollectionError(f"the collector was closed before {describe(job.task)} {until}")
        )
