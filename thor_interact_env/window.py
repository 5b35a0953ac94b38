"""The window of `render_mode="human"`; needs pygame."""

import os
import sys
from typing import Any, Final

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.error import DependencyNotInstalled

_NO_SCREEN: Final = (
    'render_mode="human" shows nothing, as there is no screen: set DISPLAY or WAYLAND_DISPLAY if there is '
    'one, or SDL_VIDEODRIVER to choose one of SDL\'s video drivers, or use render_mode="rgb_array".'
)


class Window:
    """A window that shows images at a steady rate.

    There is one in a process, which all objects of this class share. Without a screen it shows nothing and
    issues one warning.

    Args:
        frames_per_second: Maximum number of images shown in a second.
        scale: Screen pixels per image pixel.

    Raises:
        DependencyNotInstalled: pygame is not installed.
    """

    _warned = False

    def __init__(self, frames_per_second: int, scale: int = 2) -> None:
        """Load pygame; the window opens with the first image."""
        try:
            import pygame
        except ImportError as error:
            raise DependencyNotInstalled(
                'render_mode="human" needs pygame: run `pip install "thor-interact[human]"`'
            ) from error
        self._pygame = pygame
        self._frames_per_second = frames_per_second
        self._scale = scale
        self._clock: Any = None
        self._opened = False

    def show(self, rgb: npt.NDArray[np.uint8]) -> None:
        """Show an image, (height, width, 3) uint8, and wait until the next one is due."""
        pygame = self._pygame
        height, width = rgb.shape[:2]
        size = (width * self._scale, height * self._scale)
        screen = self._screen(size)
        surface = pygame.surfarray.make_surface(rgb.swapaxes(0, 1))  # pygame's first axis is the column
        screen.blit(pygame.transform.scale(surface, size), (0, 0))
        pygame.event.pump()  # otherwise the desktop reports that the program hangs
        pygame.display.flip()
        if self._clock is None:
            self._clock = pygame.time.Clock()
        self._clock.tick(self._frames_per_second)

    def close(self) -> None:
        """Close the window if this object has opened it; a second call does nothing."""
        if self._opened:
            self._pygame.display.quit()
            self._opened = False

    def _screen(self, size: tuple[int, int]) -> Any:
        """Return the surface to draw on, (width, height) pixels; it may have been closed since."""
        display = self._pygame.display
        if not display.get_init():
            self._start()
        screen = display.get_surface()
        if screen is None or screen.get_size() != size:
            display.set_caption("ThorInteract")
            screen = display.set_mode(size)
        return screen

    def _start(self) -> None:
        """Start pygame's display, with a driver that draws to memory if there is no screen."""
        display = self._pygame.display
        named = any(map(os.environ.get, ("SDL_VIDEODRIVER", "SDL_VIDEO_DRIVER")))
        screen = any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
        if named or screen or not sys.platform.startswith("linux"):
            display.init()
        else:
            # By default SDL would use its "offscreen" driver, which opens the process's EGL display and later
            # terminates it for all its users.
            os.environ["SDL_VIDEODRIVER"] = "dummy"
            try:
                display.init()
            finally:
                del os.environ["SDL_VIDEODRIVER"]
        self._opened = True
        if not named and display.get_driver() in ("dummy", "offscreen") and not Window._warned:
            Window._warned = True
            gymnasium.logger.warn(_NO_SCREEN)
