"""A player that starts at once: a wall, a sink and a mug as flat rectangles, over AI2-THOR's real protocol.

It is for what the stand-in over the embedded simulator is too good for: a room that takes time to come to
rest, answers that lack something, faults by the dozen. It misbehaves as `thor_player/faults.py` says, and as
the variable `FLAT_PLAYER`, a JSON object, asks: "without" leaves out a picture ("rgb", "depth" or "ids"),
"refuses" names an action that it does not know, "fails" one that it cannot do, "scenes" the rooms it has,
"size" its pictures' height and width, "fov" their field of view, "lacks" a field that it leaves out of the
metadata of everything that can be moved.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "thor_player"))

import numpy as np
from faults import Faults
from protocol import Connection, Field, bottom_up

NEAR, FAR = 0.1, 20.0
MUG, SINK, WALL = "Mug|+00.10|+01.00|+00.50", "Sink|+00.00|+01.00|+00.50", "Wall|+00.00|+00.00|+03.00"
NAMES = (WALL, SINK, MUG)
COLOURS = np.array([[90, 90, 90], [200, 200, 220], [220, 40, 40]], np.uint8)
PLANES = np.array([3.0, 1.2, 1.0], np.float32)  # distance from the camera's plane in metres
STEPS_TO_REST = 3
STEP_SHIFT = 5  # columns that a pushed mug moves in each step


class FlatPlayer:
    """Serves the client until it closes its pipe."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = json.loads(os.environ.get("FLAT_PLAYER", "{}"))
        self.faults = Faults(os.environ)
        self.faults.before_start()
        self.scene, self.left, self.moving, self.paused, self.position = "", 150, 0, False, [0.0, 0.9, 0.0]
        self.connection = Connection(os.environ)
        self.answer({"action": None}, {})

    def run(self) -> None:
        while (request := self.connection.read_action()) is not None:
            name = request["action"]
            if self.faults.before_answer(name, self.connection):
                continue
            if name == self.asked.get("refuses"):
                code = "InvalidAction"
                told = {
                    "lastActionSuccess": False,
                    "errorCode": code,
                    "errorMessage": f"Invalid action: {name}",
                }
            elif name == self.asked.get("fails"):
                told = {"lastActionSuccess": False, "errorMessage": "it cannot be done"}
            else:
                told = getattr(self, f"do_{name}", lambda request: {})(request)
            self.answer(request, told)

    def do_GetScenesInBuild(self, request):  # noqa: N802
        return {"actionReturn": [f"{room}_physics" for room in self.asked.get("scenes", ["FloorPlan1"])]}

    def do_Reset(self, request):  # noqa: N802
        self.scene, self.left, self.moving, self.paused = request["sceneName"], 150, 0, False
        return {}

    def do_Initialize(self, request):  # noqa: N802
        return {"actionReturn": {"cameraNearPlane": NEAR, "cameraFarPlane": FAR}}

    def do_GetReachablePositions(self, request):  # noqa: N802
        return {"actionReturn": [{"x": 0.25 * step, "y": 0.9, "z": 0.0} for step in range(3)]}

    def do_TeleportFull(self, request):  # noqa: N802
        if request["x"] > 0.6:
            return {"lastActionSuccess": False, "errorMessage": "the sink is in the way"}
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
        name = NAMES[index] if index else "not a sim object, a structure was touched"
        if name == MUG:
            self.moving = STEPS_TO_REST
            if not self.paused:  # AI2-THOR returns before the rest of the room has come to rest
                self.advance()
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
        return {}

    def advance(self) -> None:
        if self.moving:
            self.moving, self.left = self.moving - 1, self.left + STEP_SHIFT

    def owners(self):
        owners = np.zeros((300, 300), np.int64)
        owners[250:, 20:280] = 1
        owners[120:180, self.left : self.left + 60] = 2
        return owners

    def answer(self, request, told) -> None:
        height, width = self.asked.get("size", (300, 300))
        owners = self.owners()[:height, :width]
        alpha = np.full((height, width, 1), 255, np.uint8)
        pictures = {
            "rgb": (Field.RGB, COLOURS[owners]),
            "depth": (Field.DEPTH, (PLANES * np.float32((FAR - NEAR) / FAR))[owners]),
            "ids": (Field.IDS, np.concatenate([COLOURS[owners], alpha], axis=2)),
        }
        images = [
            (kind, bottom_up(image))
            for name, (kind, image) in pictures.items()
            if name != self.asked.get("without")
        ]
        lacks = self.asked.get("lacks")
        objects = [
            {"objectId": SINK, "objectType": "Sink", "pickupable": False, "moveable": False, "mass": 0.0},
            {"objectId": MUG, "objectType": "Mug", "pickupable": True, "moveable": False, "mass": 1.0},
        ]
        agent = {
            "objects": [
                {key: value for key, value in {**item, "visible": True}.items() if key != lacks}
                for item in objects
            ],
            "colors": [{"name": n, "color": c.tolist()} for n, c in zip(NAMES, COLOURS, strict=True)],
            "isSceneAtRest": self.moving == 0,
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
