"""The player between the pipes and the room: each action gets its answer."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from actions import Actions
from dispatching import Outcome
from faults import Faults
from protocol import Connection, Field, bottom_up
from scenery import vector
from world import World

from selfsup.grid import IMAGE_SIZE
from thor_interact_env.actions import AGENT_HEIGHT_Y, CAMERA_HEIGHT, FIELD_OF_VIEW


class Player:
    """Answers actions until the client closes its pipe.

    Args:
        environment: What the client passes on.
        faults: What this player does wrong.
    """

    def __init__(self, environment: Mapping[str, str], faults: Faults) -> None:
        """Open the pipe, and greet: unasked, without images."""
        self._faults = faults
        self._world = World(renames=faults.renames)
        self._actions = Actions(self._world)
        self._drawn: tuple[Any, ...] = ()
        self._images: dict[Field, bytes] = {}
        self._objects_of: tuple[Any, ...] = ()
        self._objects: list[dict[str, Any]] = []
        self._connection = Connection(environment)
        self._answer({"action": None, "renderImage": False}, Outcome())

    def run(self) -> None:
        """Serve the client."""
        while (request := self._connection.read_action()) is not None:
            action = str(request.get("action"))
            if self._faults.before_answer(action, self._connection):
                continue
            self._answer(request, self._faults.failure(action) or self._actions.do(request))

    def _answer(self, request: Mapping[str, Any], outcome: Outcome) -> None:
        told = {
            "lastAction": request["action"],
            "lastActionSuccess": outcome.success,
            "errorMessage": outcome.message,
            "errorCode": outcome.code,
            "actionReturn": outcome.value,
            "agentId": 0,
        }
        if outcome.patch:
            self._connection.send_patch(told)
            return
        images = self._draw_images() if self._world.scene and request.get("renderImage", True) else {}
        sequence = int(request.get("sequenceId", 0))
        self._connection.send_event({**self._metadata(), **told}, sequence, list(images.items()))

    def _draw_images(self) -> dict[Field, bytes]:
        """Return the images that were asked for; they are made again only when the room has changed."""
        world, actions = self._world, self._actions
        view = world.see()
        key = (view, world.scenery, actions.render_depth, actions.render_ids)
        if not self._drawn or any(old is not new for old, new in zip(self._drawn, key, strict=True)):
            images = {Field.RGB: bottom_up(view["rgb"])}
            if actions.render_depth:
                images[Field.DEPTH] = bottom_up(world.depth())
            if actions.render_ids and world.scenery is not None:
                images[Field.IDS] = bottom_up(world.scenery.palette[world.geoms()])
            self._drawn, self._images = key, images
        return self._images

    def _metadata(self) -> dict[str, Any]:
        """Return all entries but those about the last action."""
        world, actions = self._world, self._actions
        objects: list[dict[str, Any]] = []
        colors = None
        if world.scenery is not None:
            objects = self._told_objects()
            colors = world.scenery.colors if actions.render_ids else None
        camera = world.position + np.array([0.0, CAMERA_HEIGHT - AGENT_HEIGHT_Y, 0.0])
        agent = {
            "name": "agent",
            "position": vector(world.position),
            "rotation": {"x": 0.0, "y": world.rotation % 360, "z": 0.0},
            "cameraHorizon": world.horizon,
            "isStanding": True,
            "inHighFrictionArea": False,
        }
        return {
            "objects": objects,
            "isSceneAtRest": self._faults.stale or world.seems_at_rest,
            "agent": agent,
            "heldObjectPose": None,
            "arm": None,
            "fov": FIELD_OF_VIEW,
            "cameraPosition": vector(camera),
            "cameraOrthSize": -1.0,
            "thirdPartyCameras": [],
            "collided": False,
            "collidedObjects": [],
            "inventoryObjects": [],
            "sceneName": f"{world.scene}_physics" if world.scene else "",
            "screenWidth": IMAGE_SIZE,
            "screenHeight": IMAGE_SIZE,
            "depthFormat": "Meters",
            "colors": colors,
            "currentTime": 0.0,
            "sceneBounds": None,
        }

    def _told_objects(self) -> list[dict[str, Any]]:
        key = (self._world.see(), self._world.scenery, self._world.visibility_distance)
        if not self._objects_of or any(
            old is not new for old, new in zip(self._objects_of, key, strict=True)
        ):
            self._objects_of, self._objects = key, self._world.objects()
        chosen = self._actions.filter
        if chosen is None:
            return self._objects
        return [item for item in self._objects if item["objectId"] in chosen]
