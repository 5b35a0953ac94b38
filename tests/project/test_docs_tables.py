"""Tables and numbers of the documentation that the code has too are the same."""

import inspect
import json
import re

import pytest
from documents import ROOT, read, table

from agents.training.presets import PRESETS, TARGETS
from thor_interact_env import world
from thor_interact_env.datasets.making import PAPER_SIZES
from thor_interact_env.errors import PlayerError
from thor_interact_env.locations.splits import ROOM_TYPES, SPLITS
from thor_interact_env.record import tables
from thor_interact_env.simulators.ai2thor import rest
from thor_interact_env.simulators.ai2thor.simulator import Ai2thorSimulator
from thor_interact_env.simulators.mujoco import physics
from thor_interact_env.simulators.mujoco.objects.catalog import CATALOG
from thor_interact_env.simulators.mujoco.rooms import model
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator
from thor_interact_env.simulators.own_objects import appearance, decomposition, elsewhere, making, reduction
from thor_interact_env.simulators.own_objects.table import COLUMNS


def numbers(text):
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", text.replace(",", ""))]


def test_options_of_ai2thor():
    parameters = inspect.signature(Ai2thorSimulator).parameters
    stated = {cells[0].strip("`"): cells[1].strip("`") for cells in table("docs/ai2thor.md", "## Options")}
    assert stated == {
        name: f'"{each.default}"' if isinstance(each.default, str) else str(each.default)
        for name, each in parameters.items()
    }


def test_errors_of_ai2thor():
    rows = table("docs/ai2thor.md", "## Failures of the player")
    assert {cells[0].strip("`") for cells in rows} == {each.__name__ for each in PlayerError.__subclasses__()}


def test_rest_of_ai2thor():
    text = read("docs/ai2thor.md")
    assert (
        f"more than {1000 * rest.STILL_METRES:g} mm or turned by more than {rest.STILL_DEGREES:g} degrees"
        in text
    )
    assert f"more than {-rest.LOWEST:g} m\nbelow the floor" in text


def test_splits():
    rows = table("docs/datasets.md", "## Splits")
    assert {cells[0]: int(cells[2].replace(",", "")) for cells in rows} == PAPER_SIZES
    assert {cells[0]: int(numbers(cells[1])[-1]) for cells in rows} == {
        name: len(rooms) for name, rooms in SPLITS.items()
    }
    assert f"{sum(PAPER_SIZES.values()):,} locations" in read("docs/datasets.md")


def test_columns_of_records():
    cells = [cells[0] for cells in table("docs/records.md", "### Columns")]
    names = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(names) == sorted((*tables.VALUES, *tables.IMAGES))


def test_own_objects():
    text = " ".join(read("docs/objects.md").split())
    rows = table("docs/objects.md", "## The table")
    assert tuple(cells[0].strip("`") for cells in rows) == COLUMNS
    default = inspect.signature(MujocoSimulator).parameters["objects_per_room"].default
    assert f"| `objects_per_room` | {default} |" in text
    sides = f"Its longest side must be {100 * making.LONGEST[0]:g} cm to {making.LONGEST[1]:g} m"
    colliders = f"differs from that around the visible geoms by at most {1000 * making.MISMATCH[0]:g} mm or "
    assert sides in text and f"{colliders}{making.MISMATCH[1]:.0%} of the longest side" in text
    assert f"a mesh that fills {decomposition.CONVEX:.0%} of its convex hull" in text
    assert f"into at most {decomposition.SETTINGS['max_convex_hull']} convex parts" in text
    assert f"at most {appearance.MAXIMUM_SIDE} pixels" in text
    assert f"More than {reduction.FACES:,} triangles" in text
    objects = len(elsewhere.TABLE.read_text().splitlines()) - 1
    assert f"with {objects} objects of LIBERO" in text and f"With the {objects} objects" in text
    assert elsewhere.INSTALL in text


def test_physics():
    stated = {cells[0]: numbers(cells[1]) for cells in table("docs/physics.md", "## Parameters")}
    assert stated["impulse"] == [physics.FORCE_DURATION]
    assert stated["friction"] == [
        model.FRICTION,
        model.GLIDE_MASS,
        model.FEET_FRICTION,
        model.GLIDE_MASS,
        model.GLIDE_FRICTION,
        model.CASTOR_MASS,
        model.CASTOR_FRICTION,
    ]
    assert stated["contacts"] == [model.CONTACT_SECONDS]
    assert stated["damping"] == [physics.DAMPING]
    assert stated["rotational inertia"] == [model.MINIMUM_EXTENT]
    assert stated["step"] == [model.TIME_STEP]
    assert stated["rest"] == [physics.REST_SPEED, physics.REST_SPIN, 2 * physics.CHECK_SECONDS]
    assert stated["end of a motion"] == [
        physics.GLIDE_SECONDS,
        physics.GLIDE_SPEED,
        physics.GLIDE_SPIN,
        physics.TOUCH_SECONDS,
    ]
    assert stated["speed limit"] == list(physics.MAXIMUM_SPEED)
    assert round(physics.FORCE_DURATION / model.TIME_STEP) == 6  # "six steps"


def test_world_version():
    assert f"`thor_interact_env.world.WORLD_VERSION`, which is {world.WORLD_VERSION}." in read(
        "docs/world.md"
    )
    rooms = json.loads((ROOT / "thor_interact_env/simulators/mujoco/golden.json").read_text())["rooms"]
    assert len(rooms) == 12 and "digests of twelve rooms" in read("docs/world.md")


def test_types_and_rooms():
    text = read("docs/environment.md")
    assert f"all {len(CATALOG)} movable object types" in text
    assert f"iTHOR's {sum(len(numbers) for numbers in ROOM_TYPES.values())} rooms" in text
    for rooms in ROOM_TYPES.values():
        assert f"{rooms[0]}`-`" in text and f"-`{rooms[-1]}`" in text.replace("\n", "")


@pytest.mark.parametrize("name", ["quick", "hour"])
def test_presets(name):
    rows = {
        cells[0]: cells
        for cells in table("docs/learning.md", "## How the short presets differ from the paper's")
    }
    schedule, column = PRESETS[name], ("quick", "hour").index(name)
    assert numbers(rows["locations visited"][1])[column] == schedule.total_locations
    assert numbers(rows["updates"][1])[column] == schedule.total_updates
    assert numbers(rows["batch"][1]) == [schedule.batch_size, schedule.window, schedule.window]
    targets = table("docs/learning.md", "## Targets")[column]
    assert targets[0] == f"`{name}`"
    assert [number / 100 for number in numbers(targets[2])] == [
        TARGETS[name]["bbox_ap50"],
        TARGETS[name]["mask_ap50"],
    ]
