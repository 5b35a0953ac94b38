"""Drawing the predictions of a run for one view."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from agents.training.configuration import check_simulator
from agents.training.schedule import RunError

if TYPE_CHECKING:
    from agents.selfsup_agent.network_agent import NetworkAgent
    from agents.training.configuration import TrainConfig
    from thor_interact_env.locations.location import Location
    from thor_interact_env.simulators.base import Instances, Observation


_FILES = (".npz", ".png", ".json")
"""Files that hold a view or a location; see `read_view`."""


class PredictionInputError(RunError):
    """The input is neither an image with depth nor a location."""


def predict(
    run: Path,
    image_or_location: str,
    out: Path,
    depth: Path | None = None,
    device: str = "auto",
    simulator: str | None = None,
    overview: Path | None = None,
    seed: int = 0,
    objects: str | None = None,
) -> None:
    """Write the six panels of one view, and the tensors of the network.

    Args:
        run: Run folder, or the folder of one of its checkpoints.
        image_or_location: See `read_view`; or a room or a split, in which a location is drawn.
        out: Image to write.
        depth: Depth of a PNG image.
        device: Device of the network.
        simulator: Simulator of a location; None takes the run's.
        overview: Image of the network's own tensors to write; None writes none.
        seed: Seed of a location that is drawn.
        objects: Objects that are added to the rooms of a location; None takes the run's.

    Raises:
        CheckpointError: The run has no readable checkpoint.
        ConfigurationError: The run's agent is not registered here.
        PredictionInputError: The input is neither an image with depth nor a location, an image to write is
            not a PNG, or the run's agent has no interaction network.
        ThorInteractError: There is no such location.
    """
    from agents.registry import learner_of

    learner = learner_of(run)
    config = learner.config_of(run).counterpart().in_world(simulator, objects)
    check_simulator(config.simulator, objects)
    given = draw_location(image_or_location, config, seed) or read_view(image_or_location, depth)
    for file in (out,) if overview is None else (out, overview):
        if file.suffix.lower() != ".png":
            raise PredictionInputError(f"{file} must end in .png.")
        if not file.parent.is_dir():
            raise PredictionInputError(
                f"The folder {file.parent} of {file.name} does not exist; create it first."
            )
    from agents.selfsup_agent.network_agent import NetworkAgent
    from eval.figures.overview import model_overview
    from eval.figures.panels import six_panels, write_png
    from thor_interact_env.locations.location import Location

    agent = learner.from_run(run, device)
    if not isinstance(agent, NetworkAgent):
        raise PredictionInputError(
            f"{run} is a run of {learner.label}, which scores no cells; name one of an interaction network."
        )
    truth, supervision = None, None
    if isinstance(given, Location):
        observation, truth, supervision = _visit(config, given, agent)
    else:
        observation = given
    instances = agent.propose(observation)
    scores, force = agent.maps(observation)
    write_png(out, six_panels(observation, instances, scores, force, truth, supervision))
    print(f"{len(instances)} instances; image written to {out}")
    if overview is not None:
        layers, prediction = agent.layers(observation)
        write_png(overview, model_overview(observation, layers, prediction, instances, supervision))
        print(f"The network's tensors are in {overview}")


def draw_location(name: str, config: TrainConfig, seed: int = 0) -> Location | None:
    """Return a location in a room, or in a room of a split, drawn as the run drew its own.

    Args:
        name: The room, such as `FloorPlan26`, or the split, such as `NovelSpaces/test`.
        config: The run, which states the simulator and the minimum fraction of the view within reach.
        seed: Seed of the location.

    Returns:
        The location; None if there is no such room or split.
    """
    from thor_interact_env.locations.sampling import LocationSampler
    from thor_interact_env.locations.splits import SPLITS
    from thor_interact_env.simulators import make_simulator

    # The names of rooms are the simulator's matter; it may be expensive to make, and is not for a file.
    if name not in SPLITS and (name.lstrip().startswith("{") or "/" in name or Path(name).suffix in _FILES):
        return None
    simulator = make_simulator(config.simulator, **config.simulator_options)
    try:
        rooms = SPLITS.get(name, (name,))
        if not simulator.has_room(rooms[0]):
            return None
        sampler = LocationSampler(simulator, rooms, config.schedule.reachable_fraction)
        return sampler.sample(np.random.default_rng(seed))
    finally:
        simulator.close()


def read_view(text: str, depth: Path | None = None) -> Observation | Location:
    """Return the view or the location of an argument of the command line.

    Args:
        text: A .npz with `rgb` and `depth`, a .png, a .json with a location, or a location as JSON text.
        depth: A .npy with the depth of the .png.

    Raises:
        PredictionInputError: It is none of them, or an array has another shape.
        InvalidLocationError: A field of the location is missing or wrong.
    """
    if text.lstrip().startswith("{"):
        return _location(text, "the JSON text")
    path = Path(text)
    if not path.is_file():
        raise PredictionInputError(f"{path} is neither a file, a room, a split, nor a location as JSON text.")
    if path.suffix == ".json":
        return _location(path.read_text(encoding="utf-8", errors="replace"), str(path))
    if path.suffix == ".npz":
        arrays = _arrays(path)
        missing = {"rgb", "depth"} - set(arrays)
        if missing:
            raise PredictionInputError(f"{path} lacks {', '.join(sorted(missing))}; it needs rgb and depth.")
        return _observation(path, arrays["rgb"], arrays["depth"])
    if path.suffix == ".png":
        if depth is None:
            raise PredictionInputError(f"{path} has no depth; add --depth FILE.npy with (300, 300) metres.")
        if not depth.is_file():
            raise PredictionInputError(f"The depth file {depth} does not exist.")
        import cv2

        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise PredictionInputError(f"{path} is not a PNG image.")
        return _observation(path, cv2.cvtColor(image, cv2.COLOR_BGR2RGB), _arrays(depth)["depth"])
    raise PredictionInputError(f"{path} is not a .npz, .png or .json file.")


def _arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of a .npz by name, or that of a .npy as `depth`."""
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"depth": loaded}
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise PredictionInputError(f"{path} cannot be read as NumPy arrays ({error}).") from None


def _observation(path: Path, rgb: npt.NDArray[Any], depth: npt.NDArray[Any]) -> Observation:
    from selfsup.grid import IMAGE_SIZE
    from thor_interact_env.simulators.base import Observation

    size = (IMAGE_SIZE, IMAGE_SIZE)
    if rgb.shape != (*size, 3) or rgb.dtype != np.uint8:
        raise PredictionInputError(f"{path}: rgb is {rgb.dtype} {rgb.shape}; it must be uint8 {(*size, 3)}.")
    if depth.shape != size or not np.issubdtype(depth.dtype, np.floating):
        raise PredictionInputError(
            f"{path}: depth is {depth.dtype} {depth.shape}; it must be float {size}, in metres."
        )
    if not np.isfinite(depth).all() or (depth < 0).any():
        raise PredictionInputError(
            f"{path}: depth has values that are negative or not finite; it is in metres."
        )
    return Observation(rgb=np.ascontiguousarray(rgb), depth=np.ascontiguousarray(depth, np.float32))


def _location(text: str, source: str) -> Location:
    from thor_interact_env.locations.location import Location

    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise PredictionInputError(f"{source} is not JSON ({error}).") from None
    if isinstance(values, dict):
        # An entry of the authors' data sets keeps its location inside.
        values = values.get("thor_meta", values)
    return Location.from_json(values)


def _visit(
    config: TrainConfig, location: Location, agent: NetworkAgent[Any]
) -> tuple[Observation, Instances, npt.NDArray[np.bool_]]:
    """Load a location, read its ground truth, and touch the points that the agent proposes."""
    from agents.collection.interact import InteractionSchedule, interact
    from thor_interact_env.env import ThorInteractEnv

    def points(observation: Observation) -> list[tuple[int, int, int]]:
        return [(*instance.point, instance.force) for instance in agent.propose(observation)]

    schedule = InteractionSchedule(agent.max_instances, 0, config.schedule.stages[-1].joint)
    env = ThorInteractEnv(locations=[location], interactions=schedule.steps, **config.environment())
    try:
        observation, _ = env.reset(options={"location": location})
        truth = env.ground_truth()
        record = interact(env, location, points, schedule, np.random.default_rng(config.seed))
    finally:
        env.close()
    return observation, truth, record.experience.masks
