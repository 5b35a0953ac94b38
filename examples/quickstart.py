"""Touch objects until one moves, and save the view before, the view after and the mask as one image.

python examples/quickstart.py --out touched.png
"""

import argparse
from pathlib import Path

import cv2
import gymnasium
import numpy as np
import numpy.typing as npt

import thor_interact_env  # noqa: F401  (registers ThorInteract-v0)

REACH = 1.5  # metres
SPACING = 15  # pixels between the points that are tried
FORCE = 2  # index of 200 N, which moves nearly everything that can be moved
DIRECTION = 7  # right, up and forward


def points_in_reach(depth: npt.NDArray[np.float32]) -> list[tuple[int, int]]:
    """Return pixels (row, column) on a grid whose depth, (300, 300) in metres, is within reach."""
    ticks = range(SPACING // 2, len(depth), SPACING)
    return [(row, column) for row in ticks for column in ticks if depth[row, column] < REACH]


def side_by_side(
    before: npt.NDArray[np.uint8],
    after: npt.NDArray[np.uint8],
    mask: npt.NDArray[np.bool_],
    point: tuple[int, int],
) -> npt.NDArray[np.uint8]:
    """Return (300, 900, 3) uint8: before with the touched point, after, and after with the mask."""
    marked = before.copy()
    cv2.circle(marked, (point[1], point[0]), 5, (255, 0, 0), 2)
    overlay = after.copy()
    cells = mask.repeat(3, axis=0).repeat(3, axis=1)  # a grid cell is 3 x 3 pixels
    overlay[cells] = overlay[cells] // 2 + np.array([0, 127, 0], np.uint8)
    return np.concatenate([marked, after, overlay], axis=1)


def main() -> None:
    """Run the example."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, default=Path("quickstart.png"), help="the image to write")
    parser.add_argument("--seed", type=int, default=0, help="seed of the room and the pose")
    parser.add_argument("--locations", type=int, default=10, help="how many locations to try at most")
    arguments = parser.parse_args()

    env = gymnasium.make("ThorInteract-v0", locations="NovelSpaces/train", interactions=400)
    for index in range(arguments.locations):
        observation, _ = env.reset(seed=arguments.seed if index == 0 else None)
        points = points_in_reach(observation["depth"])
        print(f"{env.get_wrapper_attr('location').scene}: {len(points)} points in reach")
        for touches, (row, column) in enumerate(points, start=1):
            before = observation["rgb"]
            observation, _, _, _, info = env.step([row, column, FORCE, DIRECTION])
            if info["success"]:
                image = side_by_side(before, observation["rgb"], info["mask"], (row, column))
                if not cv2.imwrite(str(arguments.out), cv2.cvtColor(image, cv2.COLOR_RGB2BGR)):
                    raise SystemExit(f"cannot write {arguments.out}")
                print(f"touch {touches} at row {row}, column {column} moved something: see {arguments.out}")
                env.close()
                return
    env.close()
    raise SystemExit(f"nothing moved at {arguments.locations} locations; try another --seed")


if __name__ == "__main__":
    main()
