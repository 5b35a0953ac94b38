"""The window of `render_mode="human"`: what it does without a screen, and beside other windows."""

import os
import warnings

import fresh_process
import numpy as np
import pytest

from thor_interact_env.window import Window

pygame = pytest.importorskip("pygame")

IMAGE = np.arange(300 * 300 * 3, dtype=np.uint32).astype(np.uint8).reshape(300, 300, 3)


@pytest.fixture(autouse=True)
def no_window_is_left():
    yield
    pygame.display.quit()


def shown() -> np.ndarray:
    return pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)[::2, ::2]


def window() -> Window:
    return Window(frames_per_second=1000)


def test_two_windows_are_one_and_either_may_be_closed_first():
    first, second = window(), window()
    first.show(IMAGE)
    second.show(IMAGE[::-1])
    np.testing.assert_array_equal(shown(), IMAGE[::-1])
    first.close()
    second.show(IMAGE)
    np.testing.assert_array_equal(shown(), IMAGE)
    first.show(IMAGE[::-1])
    np.testing.assert_array_equal(shown(), IMAGE[::-1])
    first.close()
    second.close()
    second.close()
    assert not pygame.display.get_init()


def test_a_display_that_the_program_has_opened_stays_open():
    pygame.display.init()
    ours = window()
    ours.show(IMAGE)
    ours.close()
    assert pygame.display.get_init()


def test_a_driver_that_the_user_named_is_used_without_a_word(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        window().show(IMAGE)
    assert pygame.display.get_driver() == "dummy"
    assert os.environ["SDL_VIDEODRIVER"] == "dummy"


NO_SCREEN = """
import os, sys, warnings
import numpy as np
from thor_interact_env.window import Window
before = dict(os.environ)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for turn in range(2):
        window = Window(1000)
        window.show(np.full((300, 300, 3), 7, np.uint8))
        import pygame
        assert pygame.surfarray.array3d(pygame.display.get_surface()).max() == 7
        window.close()
assert dict(os.environ) == before
messages = [str(item.message) for item in caught]
print(len(messages), "SDL_VIDEODRIVER" in messages[0], "libEGL" in open("/proc/self/maps").read())
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="elsewhere there always is a screen")
def test_without_a_screen_it_warns_once_and_leaves_egl_alone():
    assert fresh_process.run(NO_SCREEN)[-1] == "1 True False"


CHECKERS = """
import sys
import gymnasium, numpy as np, thor_interact_env
def view():
    env = gymnasium.make("ThorInteract-v0", reachable_fraction=0.0)
    observation = env.reset(seed=5)[0]
    env.close()
    return observation
env = gymnasium.make("ThorInteract-v0", reachable_fraction=0.0)
first = env.reset(seed=5)[0]
if sys.argv[1] == "gymnasium":
    from gymnasium.utils.env_checker import check_env
else:
    from stable_baselines3.common.env_checker import check_env
check_env(gymnasium.make("ThorInteract-v0").unwrapped)
human = gymnasium.make("ThorInteract-v0", render_mode="human", reachable_fraction=0.0)
human.reset(seed=1)
for observation in (env.reset(seed=5)[0], view()):
    assert all(np.array_equal(observation[name], first[name]) for name in first)
human.close()
for observation in (env.reset(seed=5)[0], view()):
    assert all(np.array_equal(observation[name], first[name]) for name in first)
print("as before")
"""


@pytest.mark.parametrize("library", ["gymnasium", "stable_baselines3"])
def test_an_environment_passes_the_checkers_without_a_screen(library):
    """They open and close a window, as every render mode."""
    pytest.importorskip(library)
    assert fresh_process.run(CHECKERS, library)[-1] == "as before"


def test_the_wrapper_of_gymnasium_that_shows_images_may_be_closed():
    program = """
import gymnasium, numpy as np, thor_interact_env
def make():
    return gymnasium.make("ThorInteract-v0", render_mode="rgb_array", reachable_fraction=0.0)
shown = gymnasium.wrappers.HumanRendering(make())
first = shown.reset(seed=5)[0]
shown.close()
assert np.array_equal(make().reset(seed=5)[0]["rgb"], first["rgb"])
print("as before")
"""
    assert fresh_process.run(program)[-1] == "as before"
