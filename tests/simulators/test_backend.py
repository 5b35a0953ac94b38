"""Which OpenGL is drawn with: what MUJOCO_GL names, or a sentence that says what it may name."""

import ctypes
import ctypes.util
import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thor_interact_env.errors import RenderingError
from thor_interact_env.simulators.mujoco.drawing.opengl import choose_backend

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere MuJoCo's own choice is kept")

KNOWN = ("egl", "osmesa", "glfw")


class Machine:
    """The libraries that there are: those listed by the system, and those that its linker finds alone."""

    def __init__(self) -> None:
        self.listed: set[str] = set()
        self.linked: set[str] = set()

    def find_library(self, name: str) -> str | None:
        return f"lib{name}.so.1" if name in self.listed else None

    def load(self, name: str) -> None:
        if name not in self.linked:
            raise OSError(f"{name}: cannot open shared object file")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine without a screen and without libraries."""
    made = Machine()
    monkeypatch.setattr(ctypes.util, "find_library", made.find_library)
    monkeypatch.setattr(ctypes, "CDLL", made.load)
    for name in ("MUJOCO_GL", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    return made


@given(value=st.text(st.characters(codec="ascii", exclude_characters="\0")))
def test_a_value_of_no_use_is_named_beside_those_that_are(value: str) -> None:
    if value.strip().lower() in ("", *KNOWN):
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUJOCO_GL", value)
        with pytest.raises(RenderingError) as error:
            choose_backend()
    assert repr(value) in str(error.value)
    assert str(error.value).endswith("unset it, or set it to one of egl, osmesa, glfw.")


@pytest.mark.parametrize("value", ["glx", "on", "disable", "wgl", "cgl", "0"])
def test_so_are_values_that_mujoco_knows_and_that_need_a_screen_or_draw_nothing(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("MUJOCO_GL", value)
    with pytest.raises(RenderingError, match=rf"MUJOCO_GL is '{value}'; unset it, or set it to one of egl"):
        choose_backend()


def test_a_library_that_is_not_there_is_named(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.listed.add("EGL")
    monkeypatch.setenv("MUJOCO_GL", " OSMesa ")
    with pytest.raises(RenderingError, match=r"no library libOSMesa; .*apt-get install libosmesa6"):
        choose_backend()
    machine.linked.add("libOSMesa.so.8")
    assert choose_backend() == "osmesa"
    machine.linked.clear()
    machine.listed.add("OSMesa")
    assert choose_backend() == "osmesa"


def test_a_screen_is_needed_for_glfw(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "glfw")
    with pytest.raises(
        RenderingError, match="DISPLAY is not set; unset MUJOCO_GL, or set it to egl or osmesa"
    ):
        choose_backend()
    monkeypatch.setenv("DISPLAY", ":0")
    assert choose_backend() == "glfw"


@pytest.mark.parametrize("unset", [None, "", "  "])
def test_without_a_value_egl_comes_first(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, unset: str | None
) -> None:
    def choose() -> str:
        monkeypatch.setenv("MUJOCO_GL", unset or "")
        if unset is None:
            monkeypatch.delenv("MUJOCO_GL")
        return choose_backend()

    with pytest.raises(RenderingError, match="No OpenGL library"):
        choose()
    machine.listed.add("OSMesa")
    assert choose() == os.environ["MUJOCO_GL"] == "osmesa"
    machine.listed.add("EGL")
    assert choose() == os.environ["MUJOCO_GL"] == "egl"


def test_without_a_value_a_library_that_only_the_linker_finds_will_do(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.linked.add("libOSMesa.so.8")
    assert choose_backend() == os.environ["MUJOCO_GL"] == "osmesa"
    monkeypatch.delenv("MUJOCO_GL")
    machine.linked.add("libEGL.so.1")
    assert choose_backend() == os.environ["MUJOCO_GL"] == "egl"
