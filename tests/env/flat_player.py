"""A player that starts at once: a wall, a sink and a mug as flat rectangles, over AI2-THOR's real protocol.

It is for what the stand-in over the embedded simulator is too good for: a room that takes time to come to
rest, answers that lack something, faults by the dozen. Each advance of physics, and each action while physics
is not paused, moves what moves by one step. After a spawn the mug hangs above its place, and falls once it
was made moveable.

It misbehaves as `thor_player/faults.py` says, and as the variable `FLAT_PLAYER`, a JSON object, asks:
"without" leaves out an image ("rgb", "depth" or "ids"), "refuses" names an action that it does not know,
"fails" one that it cannot do, "scenes" the rooms it has, "size" its images' height and width, "fov" their
field of view, "lacks" a field that it leaves out of the metadata of everything, "breaks" that a touched mug
breaks, so that its pieces move and are told by nothing, "trembles" that the room never says it rests, "place"
how many columns to the right of its place a spawn puts the mug.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "thor_player"))

import numpy as np
from dispatching import Outcome, failed, refusal, thrown
from faults import Faults
from protocol import Connection, Field, bottom_up

NEAR, FAR = 0.1, 20.0
SINK, WALL = "Sink|+00.00|+01.00|+00.50", "Wall|+00.00|+00.00|+03.00"
COLOURS = np.array([[90, 90, 90], [200, 200, 220], [220, 40, 40]], np.uint8)
PLANES = np.array([3.0, 1.2, 1.0], np.float32)  # distance from the camera's plane in metres
GREYS = {"Very Low": 60, "Ultra": 90}  # of the wall, at each quality of the images
MUG_TOP, MUG_LEFT = 120, 150  # where it rests
STEPS_TO_REST = 3  # of a pushed mug
STEPS_TO_FALL = 2
STEPS_OF_PIECES = 7  # of a broken mug, after which nothing moves
STEP_SHIFT = 5  # columns that a pushed mug, and rows that a falling one, moves in each step
PIXEL = 1 / 150  # metres of a column or row at the mug's distance


class FlatPlayer:
    """Serves the client until it closes its pipe."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = json.loads(os.environ.get("FLAT_PLAYER", "{}"))
        self.faults = Faults(os.environ)
        self.faults.before_start()
        self.scene, self.position, self.quality = "", [0.0, 0.9, 0.0], "Ultra"
        self.enter("")
        self.connection = Connection(os.environ)
        self.answer({"action": None}, {})

    def enter(self, scene: str) -> None:
        self.scene, self.top, self.left, self.mug = scene, MUG_TOP, MUG_LEFT, "Mug|+00.10|+01.00|+00.50"
        self.moving, self.falling, self.pieces, self.broken = 0, 0, 0, False
        self.paused, self.advanced = False, False

    def run(self) -> None:
        while (request := self.connection.read_action()) is not None:
            name = request["action"]
            if self.faults.before_answer(name, self.connection):
                continue
            if not self.paused:
                self.advance()
                self.advanced = False  # each speed is then compared with itself
            outcome: Outcome | None
            told: dict[str, Any]
            if name == self.asked.get("refuses"):
                outcome = failed(f"Invalid action: {name}", "InvalidAction")
            elif name == self.asked.get("fails"):
                outcome = thrown("InvalidOperationException", "it cannot be done")
            else:
                outcome = self.faults.failure(name) or refusal(request)
            if outcome is None:
                told = getattr(self, f"do_{name}", lambda request: {})(request)
            else:
                told = {
                    "lastActionSuccess": False,
                    "errorCode": outcome.code,
                    "errorMessage": outcome.message,
                }
            self.answer(request, told)

    def do_GetScenesInBuild(self, request):  # noqa: N802
        return {"actionReturn": [f"{room}_physics" for room in self.asked.get("scenes", ["FloorPlan1"])]}

    def do_Reset(self, request):  # noqa: N802
        self.enter(request["sceneName"])
        return {}

    def do_ChangeQuality(self, request):  # noqa: N802
        self.quality = request["quality"]
        return {}

    def do_Initialize(self, request):  # noqa: N802
        return {"actionReturn": {"cameraNearPlane": NEAR, "cameraFarPlane": FAR}}

    def do_InitialRandomSpawn(self, request):  # noqa: N802
        self.top = MUG_TOP - STEPS_TO_FALL * STEP_SHIFT
        self.left = MUG_LEFT + self.asked.get("place", 0)
        height = 1.0 + STEPS_TO_FALL * STEP_SHIFT * PIXEL + 0.05 * self.faults.renames
        self.mug = f"Mug|+00.10|{height:+06.2f}|+00.50"
        return {}

    def do_MakeAllObjectsMoveable(self, request):  # noqa: N802
        self.falling, self.advanced = (MUG_TOP - self.top) // STEP_SHIFT, False
        return {}

    def do_GetReachablePositions(self, request):  # noqa: N802
        return {"actionReturn": [{"x": 0.25 * step, "y": 0.9, "z": 0.0} for step in range(3)]}

    def do_TeleportFull(self, request):  # noqa: N802
        if request["x"] > 0.6:
            told = thrown("InvalidOperationException", "the sink is in the way")
            return {"lastActionSuccess": False, "errorMessage": told.message}
        self.position = [request[axis] for axis in "xyz"]
        return {}

    def do_TouchThenApplyForce(self, request):  # noqa: N802
        row, column = int(request["y"] * 300), int(request["x"] * 300)
        index = self.owners()[row, column]
        ray = np.sqrt(1 + ((row - 149.5) ** 2 + (column - 149.5) ** 2) / 150**2)
        way = float((PLANES[index] - NEAR) * ray)
        nothing = {"didHandTouchSomething": False, "objectId": "", "armsLength": request["handDistance"]}
        if way > request["handDistance"]:
            return {"actionReturn": nothing}
        name = ("not a sim object, a structure was touched", SINK, self.mug)[index]
        if name == self.mug and not self.broken:
            self.moving, self.advanced = STEPS_TO_REST, False
            if self.asked.get("breaks"):
                self.moving, self.broken, self.pieces = 0, True, STEPS_OF_PIECES
        return {"actionReturn": {"didHandTouchSomething": True, "objectId": name, "armsLength": way}}

    def do_PausePhysicsAutoSim(self, request):  # noqa: N802
        self.paused = True
        return {}

    def do_UnpausePhysicsAutoSim(self, request):  # noqa: N802
        self.paused = False
        return {}

    def do_AdvancePhysicsStep(self, request):  # noqa: N802
        if not self.paused and not request.get("allowAutoSimulation"):
            return {"lastActionSuccess": False, "errorMessage": "physics is not paused"}
        self.advance()
        self.advanced = True
        return {}

    def advance(self) -> None:
        if self.falling:
            self.falling, self.top = self.falling - 1, self.top + STEP_SHIFT
        if self.moving:
            self.moving, self.left = self.moving - 1, self.left + STEP_SHIFT
        if self.pieces:
            self.pieces, self.left = self.pieces - 1, self.left + STEP_SHIFT

    def owners(self):
        owners = np.zeros((300, 300), np.int64)
        owners[250:, 20:280] = 1
        owners[self.top : self.top + 60, self.left : self.left + 60] = 2
        return owners

    def answer(self, request, told) -> None:
        height, width = self.asked.get("size", (300, 300))
        owners = self.owners()[:height, :width]
        alpha = np.full((height, width, 1), 255, np.uint8)
        colours = COLOURS.copy()
        colours[0] = GREYS.get(self.quality, 75)
        requested = {
            "rgb": (Field.RGB, colours[owners]),
            "depth": (Field.DEPTH, (PLANES * np.float32((FAR - NEAR) / FAR))[owners]),
            "ids": (Field.IDS, np.concatenate([COLOURS[owners], alpha], axis=2)),
        }
        images = [
            (kind, bottom_up(image))
            for name, (kind, image) in requested.items()
            if name != self.asked.get("without")
        ]
        lacks = self.asked.get("lacks")
        # Pieces are in no metadata: the mug stays where it broke.
        left = MUG_LEFT if self.broken else self.left
        places = {SINK: (0.0, 1.0), self.mug: (PIXEL * (left - MUG_LEFT), 1.0 - PIXEL * (self.top - MUG_TOP))}
        common = {"rotation": dict.fromkeys("xyz", 0.0), "isBroken": False, "visible": True}
        objects: list[dict[str, Any]] = [
            {"objectId": SINK, "objectType": "Sink", "pickupable": False, "moveable": False, "mass": 0.0},
            {"objectId": self.mug, "objectType": "Mug", "pickupable": True, "moveable": False, "mass": 1.0},
        ]
        for item in objects:
            x, y = places[item["objectId"]]
            item |= {**common, "position": {"x": x, "y": y, "z": 0.5}}
        objects[1]["isBroken"] = self.broken
        # Pieces count for nothing while physics is paused.
        rests = not (self.advanced and (self.moving or self.falling))
        agent = {
            "objects": [{key: value for key, value in item.items() if key != lacks} for item in objects],
            "colors": [
                {"name": name, "color": colour.tolist()}
                for name, colour in zip((WALL, SINK, self.mug), COLOURS, strict=True)
            ],
            "isSceneAtRest": (rests or self.faults.stale) and not self.asked.get("trembles"),
            "sceneName": self.scene,
            "screenWidth": width,
            "screenHeight": height,
            "thirdPartyCameras": [],
            "depthFormat": "Meters",
            "fov": self.asked.get("fov", 90.0),
            "lastAction": request["action"],
            "lastActionSuccess": True,
            "errorCode": "",
            "errorMessage": "",
            "actionReturn": None,
        }
        images = images if self.scene else []
        self.connection.send_event({**agent, **told}, int(request.get("sequenceId", 0)), images)


if __name__ == "__main__":
    FlatPlayer().run()
