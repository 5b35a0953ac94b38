"""The window of `render_mode="human"`; needs pygame."""

from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.error import DependencyNotInstalled


class Window:
    """A window that shows pictures at a steady rate.

    Args:
        frames_per_second: Greatest number of pictures shown in a second.
        scale: Screen pixels per picture pixel.

    Raises:
        DependencyNotInstalled: pygame is not installed.
    """

    def __init__(self, frames_per_second: int, scale: int = 2) -> None:
        """Load pygame; the window opens with the first picture."""
        try:
            import pygame
        except ImportError as error:
            raise DependencyNotInstalled(
                'render_mode="human" needs pygame: run `pip install "thor-interact[human]"`'
            ) from error
        self._pygame = pygame
        self._frames_per_second = frames_per_second
        self._scale = scale
        self._screen: Any = None
        self._clock: Any = None

    def show(self, rgb: npt.NDArray[np.uint8]) -> None:
        """Show a picture, (height, width, 3) uint8, and wait until the next one is due."""
        pygame = self._pygame
        height, width = rgb.shape[:2]
        size = (width * self._scale, height * self._scale)
        if self._screen is None:
            pygame.display.init()
            pygame.display.set_caption("ThorInteract")
            self._screen = pygame.display.set_mode(size)
            self._clock = pygame.time.Clock()
        surface = pygame.surfarray.make_surface(rgb.swapaxes(0, 1))  # pygame's first axis is the column
        self._screen.blit(pygame.transform.scale(surface, size), (0, 0))
        pygame.event.pump()  # without it the desktop believes the program has hung
        pygame.display.flip()
        self._clock.tick(self._frames_per_second)

    def close(self) -> None:
        """Close the window; closing twice is harmless."""
        if self._screen is not None:
            self._pygame.display.quit()
            self._screen = None
