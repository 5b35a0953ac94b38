"""Which actions AI2-THOR 5.0.0 knows, with which arguments, and what it says to any other.

A player finds the method of an action by its name and the names of its arguments. One that the method does
not have is refused, as is one that is missing; both with a code, which the client raises as an error. Methods
of the older kind take one `ServerAction` and read from it what they know, so they take any argument.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

ENVELOPE: Final = frozenset(
    {
        "action",
        "sequenceId",
        "agentId",
        "renderImage",
        "renderObjectImage",
        "renderClassImage",
        "renderNormalsImage",
        "renderInstanceSegmentation",
    }
)
"""Arguments that every action takes; whatever else a client adds to each action is refused."""

_TELEPORT: Final = "Vector3 rotation, Single horizon, Boolean standing, Boolean forceAction = False"

_METHODS: Final[dict[str, list[str] | None]] = {
    "Reset": None,
    "Initialize": None,
    "TouchThenApplyForce": None,
    "Pass": [""],
    "GetScenesInBuild": [""],
    "ChangeQuality": ["String quality"],
    "ChangeResolution": ["Int32 x, Int32 y"],
    "GetReachablePositions": [
        "Nullable`1 maxStepCount = , Boolean directionsRelativeAgent = False, Nullable`1 gridSize = "
    ],
    "InitialRandomSpawn": [
        "Int32 randomSeed = 0, Boolean forceVisible = False, Boolean placeStationary = True, "
        "ObjectTypeCount[] numDuplicatesOfType = , String[] excludedReceptacles = , "
        "String[] excludedObjectIds = , String[] objectIds = , String[] receptacleObjectIds = , "
        "Int32 numPlacementAttempts = 5, Boolean allowFloor = False, Boolean allowMoveable = False"
    ],
    "MakeAllObjectsMoveable": [""],
    "TeleportFull": [f"Vector3 position, {_TELEPORT}", f"Single x, Single y, Single z, {_TELEPORT}"],
    "PausePhysicsAutoSim": [""],
    "UnpausePhysicsAutoSim": [""],
    "AdvancePhysicsStep": [
        "Single timeStep = 0.02, Nullable`1 simSeconds = , Boolean allowAutoSimulation = False"
    ],
    "SetObjectFilter": ["String[] objectIds"],
    "ResetObjectFilter": [""],
}
"""The parameters of the methods of each action, as AI2-THOR writes them; None: it takes a `ServerAction`."""


@dataclass(frozen=True)
class Outcome:
    """What an action came to.

    Attributes:
        success: Whether it was done.
        message: Why not.
        code: "", or one of the codes that the client raises as an error.
        value: The action's return value.
        patch: Whether it is told by a patch of the metadata, without images.
    """

    success: bool = True
    message: str = ""
    code: str = ""
    value: Any = None
    patch: bool = False


def failed(message: str, code: str = "") -> Outcome:
    """Return the outcome of an action that could not be done."""
    return Outcome(False, message, code)


def thrown(kind: str, message: str) -> Outcome:
    """Return the outcome of an action in whose midst an exception was thrown: its whole stack is told."""
    stack = (
        "  at UnityStandardAssets.Characters.FirstPerson.BaseFPSAgentController.getReachablePositions "
        "(System.Single gridMultiplier, System.Int32 maxStepCount) [0x00000] in <0123456789abcdef>:0 \n"
        "  at (wrapper managed-to-native) System.Reflection.MonoMethod.InternalInvoke(System.Object[])\n"
    )
    return failed(f"{kind}: {message}. trace: {stack}")


def arguments_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a request without those that every action takes."""
    return {name: value for name, value in request.items() if name not in ENVELOPE}


def refusal(request: Mapping[str, Any]) -> Outcome | None:
    """Return what is said to a request that no method fits; None: one does."""
    name, given = str(request.get("action")), arguments_of(request)
    if name not in _METHODS:
        return failed(f"Invalid action: {name}", "InvalidAction")
    methods = _METHODS[name]
    if methods is None:
        return None
    # The method with the most of these names; of equals the first, which needs the fewest.
    method = max(map(_parameters, methods), key=lambda parameters: len(given.keys() & parameters.keys()))
    if unknown := [key for key in given if key not in method]:
        ways = "\n\t\t".join(f"Void {name}({parameters})" for parameters in methods)
        return failed(
            f'\n\tAction: "{name}" called with invalid argument{"s" * (len(unknown) > 1)}: {_quoted(unknown)}'
            f"\n\tExpected arguments: {', '.join(method.values())}"
            f"\n\tYour arguments: {_quoted(list(given))}"
            f'\n\tValid ways to call "{name}" action:\n\t\t{ways}',
            "InvalidArgument",
        )
    if missing := [key for key, text in method.items() if " = " not in text and key not in given]:
        return failed(
            f"action: {name} is missing the following arguments: {','.join(missing)}", "MissingArguments"
        )
    for key, value in given.items():
        wanted = method[key].split()[0]
        if not _converts(value, wanted):
            plain = {"Single": "float", "Int32": "int"}.get(wanted, wanted)
            return failed(
                f"action: {name} has an invalid argument: {key} (=={value}). Cannot convert to: {plain}",
                "InvalidArgument",
            )
    return None


def _parameters(method: str) -> dict[str, str]:
    """Return the parameters of a method by their names."""
    return {text.split()[1]: text for text in method.split(", ") if text}


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _converts(value: Any, wanted: str) -> bool:
    """Return whether a value of JSON becomes one of this type of C#."""
    if wanted in ("Single", "Int32", "Boolean"):
        return isinstance(value, int | float)
    if wanted == "Nullable`1":
        return value is None or isinstance(value, int | float)
    if wanted == "Vector3":
        return isinstance(value, Mapping) and set(value) <= set("xyz")
    return value is None or isinstance(value, list if wanted.endswith("[]") else str)
