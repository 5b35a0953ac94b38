"""Mesa and triton each contain LLVM: neither order of loading them crashes, with any renderer before."""

import importlib.util
import sys
from pathlib import Path

import fresh_process
import pytest
from looks import ROOMS, digest, look

from thor_interact_env.simulators import triton_import

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere libraries keep their names apart")

STEPS = {
    "draw": "import looks; print(looks.digest(looks.look(sys.argv[1])))",
    # As a program does that has imported the package, and none of its simulators.
    "draw something else": """
import thor_interact_env
from mujoco.egl import GLContext
context = GLContext(8, 8)
context.make_current()
""",
    "draw before the package is imported": """
from mujoco.egl import GLContext
context = GLContext(8, 8)
context.make_current()
""",
    "lightning": "import lightning_fabric",
    "the learner": "import agents.training.ranks",  # of its modules the one that begins with lightning
    "triton": "import triton" if importlib.util.find_spec("triton") else "",
}


@pytest.mark.parametrize(
    "order",
    [
        ("draw", "lightning", "draw"),
        ("draw", "triton", "draw"),
        ("lightning", "draw"),
        ("triton", "draw something else", "draw"),
        ("draw something else", "triton", "draw"),
        ("draw before the package is imported", "the learner", "draw"),
    ],
    ids=", ".join,
)
def test_no_order_crashes_or_changes_an_image(order):
    program = "\n".join(["import sys", *(STEPS[step] for step in order)])
    drawn = fresh_process.run(program, ROOMS[0])
    assert drawn == [digest(look(ROOMS[0]))] * order.count("draw")


def test_drawing_does_not_load_triton():
    program = """
import sys, looks
looks.look(sys.argv[1])
print("libtriton" in open("/proc/self/maps").read(), "triton" in sys.modules, "torch" in sys.modules)
"""
    assert fresh_process.run(program, ROOMS[0]) == ["False False False"]


def test_preparing_twice_is_preparing_once():
    before = list(sys.meta_path)
    triton_import.prepare_for_triton()
    assert sys.meta_path == before
    assert sys.meta_path.count(triton_import.TritonFinder) == 1


def find(monkeypatch: pytest.MonkeyPatch, folder: Path, shared: bool, replaced: bool) -> object:
    (folder / "libtriton.so").write_text("no library")
    monkeypatch.setattr(triton_import, "llvm_is_shared", lambda: shared)
    monkeypatch.setattr(triton_import, "malloc_is_replaced", lambda: replaced)
    return triton_import.TritonFinder.find_spec("triton._C.libtriton", [str(folder)])


def test_beside_an_allocator_of_ld_preload_triton_is_refused(monkeypatch, tmp_path):
    """Torch goes on without it."""
    with pytest.raises(ImportError, match=r"before the first image.*LD_PRELOAD"):
        find(monkeypatch, tmp_path, shared=True, replaced=True)


def test_only_triton_beside_another_llvm_is_loaded_here(monkeypatch, tmp_path):
    with pytest.raises(OSError, match=r"libtriton\.so"):
        find(monkeypatch, tmp_path, shared=True, replaced=False)
    assert find(monkeypatch, tmp_path, shared=False, replaced=True) is None
    assert triton_import.TritonFinder.find_spec("triton._C.libproton", [str(tmp_path)]) is None
    assert triton_import.TritonFinder.find_spec("libtriton", [str(tmp_path)]) is None


def test_what_decides_is_told_from_a_process_that_has_drawn_nothing():
    program = """
from thor_interact_env.simulators import triton_import
print(triton_import.malloc_is_replaced(), triton_import.llvm_is_shared())
"""
    assert fresh_process.run(program, LD_PRELOAD="") == ["False False"]
