"""Settings of torch: the processor (name, cores, precision), threads, and memory for its tensors.

Torch is imported where it is needed, so that `--help` is fast.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# What glibc's malloc.h calls the parameters of mallopt.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3

_NEVER = 2**31 - 1  # bytes, the largest value that mallopt takes
_RESERVE = 64 * 2**20  # bytes requested from the system at a time

_LOOKING_NANOSECONDS = 40_000_000  # several times the interval at which Linux brings run times up to date
_LOOKS = 3  # attempts to find all threads: beside other programs, one may get no time during the first
_PAUSE = 10.0  # seconds until they are looked for again

_TASKS = Path("/proc/self/task")  # a folder for each thread of this process, on Linux

_teams: dict[tuple[int, int], tuple[list[int], float]] = {}
"""Threads of OpenMP that compute for a thread, both as the system numbers them, by the number of threads; and
until when they are not looked for again if some were not found."""


def processor_name() -> str:
    """Return the system's name of the processor, or its architecture."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def available_cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor_seconds() -> float:
    """Return the CPU time of this process and of those it started, ended ones included, in seconds.

    Time on other machines, such as those of a Ray cluster, is not counted.
    """
    import psutil

    process = psutil.Process()
    total = sum(process.cpu_times()[:4])
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has ended meanwhile
            total += sum(child.cpu_times()[:4])
    return float(total)


def available_memory(root: Path = Path("/")) -> int:
    """Return the bytes of memory that processes may still take, without what only caches files.

    It is what Linux and the control groups (version 2) of this process, such as a container's, leave; on
    other systems half of the machine's memory.

    Args:
        root: Where `proc` and `sys` are.
    """
    try:
        left = [1024 * _entry(root / "proc/meminfo", "MemAvailable:")]
    except (OSError, KeyError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    group = root / "sys/fs/cgroup"
    with contextlib.suppress(OSError):  # There are no groups.
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            if line.startswith("0::/"):
                group /= line.removeprefix("0::/")
    for folder in (group, *group.parents):
        with contextlib.suppress(OSError, KeyError, ValueError):
            limit, used = (int((folder / name).read_text()) for name in ("memory.max", "memory.current"))
            left.append(limit - used + _entry(folder / "memory.stat", "inactive_file"))
    return max(min(left), 0)


def _entry(file: Path, name: str) -> int:
    """Return the number beside a name in a file of lines `name number`."""
    lines = (line.split() for line in file.read_text().splitlines())
    return int({words[0]: words[1] for words in lines if len(words) > 1}[name])


def fast_bf16(device: torch.device) -> bool:
    """Return whether a device computes faster in bf16 than in fp32.

    Of processors, those with AMX, and AMD's with the bf16 instructions of AVX-512. Intel's without AMX have
    these instructions too, but no faster than fp32's: with them a training step takes 1.2 times as long, and
    one image 1.4 times. Without any, bf16 is emulated, several times slower than fp32.
    """
    import torch

    if device.type == "cuda":
        # NVIDIA's before Ampere emulate bf16 too; AMD's that ROCm supports have it.
        return torch.version.hip is not None or torch.cuda.get_device_capability(device)[0] >= 8
    if device.type != "cpu":
        return False
    return has_feature("amx_tile") or (has_feature("avx512_bf16") and "AMD" in processor_name())


def use_threads(threads: int) -> None:
    """Set the number of threads of torch in this process, and keep the memory of freed tensors.

    Args:
        threads: At least 1.

    Raises:
        RuntimeError: `threads` is below 1.
    """
    import torch

    torch.set_num_threads(threads)
    keep_freed_memory()


def _team(threads: int) -> list[int]:
    """Return this thread and those with which it shares operations of torch; alone if not all are found."""
    own = threading.get_native_id()
    team, until = _teams.get((own, threads), ([], 0.0))
    known = bool(team) and all((_TASKS / str(thread)).exists() for thread in team)
    if not known and time.monotonic() >= until:
        looks = (_find_team(threads) for _ in range(_LOOKS))
        team = next((found for found in looks if len(found) == threads - 1), [])
        _teams[own, threads] = team, 0.0 if team else time.monotonic() + _PAUSE
    return [own, *team]


def _find_team(threads: int) -> list[int]:
    """Return the threads, besides this one, between which torch divides an operation of this one."""
    import torch

    before, start, values = _run_times(), time.thread_time_ns(), torch.zeros(2**20)
    if not before:
        return []
    while (ran := time.thread_time_ns() - start) < _LOOKING_NANOSECONDS:
        values.sin_()
    gained = {thread: now - before.get(thread, 0) for thread, now in _run_times().items()}
    gained.pop(threading.get_native_id(), None)
    most = sorted(gained, key=lambda thread: gained[thread], reverse=True)[: threads - 1]
    # Each has the same part to do, so that one that did much less did something else. This thread's own time
    # includes its waiting for threads that got no processor.
    return [thread for thread in most if 4 * gained[thread] > ran]


def _run_times() -> dict[int, int]:
    """Return the nanoseconds that each thread of this process has run; empty if the system hides them."""
    times = {}
    for entry in os.listdir(_TASKS) if _TASKS.is_dir() else []:
        with contextlib.suppress(OSError, ValueError, IndexError):  # it has ended meanwhile
            times[int(entry)] = int((_TASKS / entry / "schedstat").read_text().split()[0])
    return times


@contextlib.contextmanager
def separate_cores() -> Iterator[None]:
    """Keep each thread of torch on a core of its own within this block.

    Beside another busy program, Linux often runs two of these threads on the same core in turn. They wait for
    each other hundreds of times per update, without giving up the core, so that each wait lasts until the
    scheduler ends the time slice: an update then takes three to six times as long as by one thread.

    It has an effect on Linux, and only where torch has as many threads as this process has cores: otherwise
    several processes would take the same cores and leave others idle. Threads and processes that are started
    within the block keep to the core of the thread that starts them. The first use in a thread takes some 50
    milliseconds, to find the threads of torch.
    """
    import torch

    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    threads = torch.get_num_threads()
    team = _team(threads) if 1 < threads == len(cores) else []
    if len(team) != len(cores):
        yield
        return
    try:
        _keep_to(team, [{core} for core in cores])
        yield
    finally:
        _keep_to(team, [set(cores)] * len(team))


def _keep_to(threads: Sequence[int], cores: Sequence[set[int]]) -> None:
    """Let each thread run on its cores only."""
    for thread, allowed in zip(threads, cores, strict=True):
        with contextlib.suppress(OSError):  # The thread has ended, or the system forbids it.
            os.sched_setaffinity(thread, allowed)


def keep_freed_memory() -> bool:
    """Keep the memory that this process frees for its next allocations.

    glibc returns large blocks to the system immediately and requests them again, and the system must clear
    every page before the process may write to it. That takes up to half of the time of a training step, which
    allocates gigabytes in blocks of the same sizes as the step before. The cost is that the process keeps its
    peak memory until it ends.

    Returns:
        Whether it does so; C libraries other than glibc are not changed.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)  # this process and all it has loaded
    wanted = {_TRIM_THRESHOLD: _NEVER, _TOP_PAD: _RESERVE, _MMAP_THRESHOLD: _NEVER}
    return all([libc.mallopt(parameter, value) == 1 for parameter, value in wanted.items()])


def has_feature(feature: str) -> bool:
    """Return whether torch says that the processor has a feature; older releases of torch do not tell.

    Args:
        feature: What torch calls it: `amx_tile`, `avx512_bf16`, ...
    """
    import torch

    if hasattr(torch.cpu, "get_capabilities"):
        return bool(torch.cpu.get_capabilities().get(feature, False))
    test = getattr(torch.cpu, f"_is_{feature}_supported", None)
    return test is not None and bool(test())
