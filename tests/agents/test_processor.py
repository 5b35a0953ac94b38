"""What torch computes with: precision, threads, and memory that stays with the process."""

import os
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from agents.training import processor
from agents.training.processor import fast_bf16, keep_freed_memory, processor_name, use_threads

CPU = torch.device("cpu")

COUNT_FAULTS = """
import resource, sys, torch
from agents.training.processor import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(2**24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if sys.argv[1] == "keep":
    assert keep_freed_memory()
print(min(faults() for _ in range(6)))
"""
"""Prints how many pages ten blocks of 64 MB ask of the system one after another: the minimum over six rounds.

Not each round: until a few small rests of aligned blocks are kept, glibc takes new memory for the next block,
which is in the first round and now and then in a later one.
"""


def faults(mode: str) -> int:
    result = subprocess.run(
        [sys.executable, "-c", COUNT_FAULTS, mode], capture_output=True, text=True, check=True, timeout=120
    )
    return int(result.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives memory back so eagerly")
def test_freed_memory_is_used_again() -> None:
    # Without keeping, no round can do with less than all of its pages; with it, one round of six needs none.
    assert faults("keep") < faults("leave") / 20, "keep_freed_memory does nothing, or glibc keeps such blocks"


def test_other_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr(processor.ctypes, "CDLL", lambda name: pytest.fail(f"{name} was opened"))
    assert not keep_freed_memory()


def test_threads_are_those_asked_for() -> None:
    before = torch.get_num_threads()
    try:
        use_threads(1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
    with pytest.raises(RuntimeError):
        use_threads(0)


@pytest.mark.parametrize(
    ("features", "name", "fast"),
    [
        ({"amx_tile", "avx512_bf16"}, "Intel(R) Xeon(R) Platinum 8481C", True),
        ({"avx512_bf16"}, "Intel(R) Xeon(R) Processor", False),
        ({"avx512_bf16"}, "AMD EPYC 9B14", True),
        (set(), "AMD EPYC 7B13", False),
        (set(), "Intel(R) Core(TM) i7-8550U", False),
    ],
)
def test_bf16_is_for_processors_that_gain(
    features: set[str], name: str, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {feature: feature in features for feature in ("amx_tile", "avx512_bf16")}
    monkeypatch.setattr(torch, "cpu", SimpleNamespace(get_capabilities=lambda: told))
    monkeypatch.setattr(processor, "processor_name", lambda: name)
    assert fast_bf16(CPU) is fast
    assert not fast_bf16(torch.device("meta"))


@pytest.mark.parametrize(("major", "hip", "fast"), [(7, None, False), (8, None, True), (0, "6.2", True)])
def test_bf16_is_for_gpus_that_do_not_emulate_it(
    major: int, hip: str | None, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (major, 5))
    monkeypatch.setattr(torch.version, "hip", hip)
    assert fast_bf16(torch.device("cuda")) is fast


def test_a_torch_that_tells_no_features_computes_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "cpu", SimpleNamespace())
    assert not fast_bf16(CPU)


def test_the_processor_has_a_name() -> None:
    assert processor_name().strip()
    assert "\n" not in processor_name()


SEPARATE_CORES = """
import os, torch
from agents.training.processor import available_cores, separate_cores, use_threads

def allowed():
    return sorted(sorted(os.sched_getaffinity(int(thread))) for thread in os.listdir("/proc/self/task"))

cores = sorted(os.sched_getaffinity(0))
torch.set_num_threads(len(cores))
torch.zeros(2**20).sin_()  # its threads are there before this package hears of them
use_threads(len(cores))
before = allowed()
try:
    with separate_cores():
        assert [core for core, *more in allowed() if not more] == cores, allowed()
        with separate_cores():
            assert [core for core, *more in allowed() if not more] == cores, allowed()
        raise KeyError
except KeyError:
    assert allowed() == before, allowed()
use_threads(1)
with separate_cores():
    assert allowed() == before, allowed()
use_threads(len(cores))
with separate_cores():
    assert len([cores for cores in allowed() if len(cores) == 1]) == len(cores), allowed()
os.sched_setaffinity(0, cores[:1])
with separate_cores():
    assert os.sched_getaffinity(0) == {cores[0]}
"""
"""Fails unless the threads of torch have cores of their own within the block, and the old ones after it."""


LOOKED_FOR_AGAIN = """
import os, time, torch
from agents.training.processor import separate_cores, use_threads

threads, now = os.listdir, time.monotonic

def alone():
    return sorted(core for thread in threads("/proc/self/task") for core, *more in
                  [sorted(os.sched_getaffinity(int(thread)))] if not more)

cores = sorted(os.sched_getaffinity(0))
use_threads(len(cores))
torch.zeros(2**20).sin_()
os.listdir = lambda path: []  # the system hides the threads
with separate_cores():
    assert alone() == []
os.listdir = threads
with separate_cores():
    assert alone() == []
time.monotonic = lambda: now() + 11
with separate_cores():
    assert alone() == cores, alone()
"""
"""Fails unless threads that were not found are found later, but not at once: looking for them takes time."""


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or processor.available_cores() < 2,
    reason="needs Linux and two cores",
)
@pytest.mark.parametrize("code", [SEPARATE_CORES, LOOKED_FOR_AGAIN], ids=["separate", "again"])
def test_each_thread_of_torch_keeps_to_its_core(code: str) -> None:
    # A process of its own: here torch may have started its threads already.
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
