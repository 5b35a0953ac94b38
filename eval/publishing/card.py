"""The model card of an artefact, in the format of the Hugging Face hub: written from the files beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agents.artefacts import PREFIX
from agents.registry import RegisteredAgent
from eval.evaluation.evaluate import cell
from eval.metrics.bootstrap import CONFIDENCE
from selfsup.grid import GRID, IMAGE_SIZE
from thor_interact_env.actions import FORCES
from thor_interact_env.locations.annotations import MASS_CLASSES

METRICS: Mapping[str, str] = {
    "bbox_ap50": "box AP50",
    "bbox_ap": "box AP",
    "mask_ap50": "mask AP50",
    "mask_ap": "mask AP",
    "mass_accuracy": "mass accuracy",
}
"""Results in the card, and their headings."""


_LEARNED = "It learned from its own touches in simulated rooms, without labels and without ground truth."
_WITH_ORACLES = "It learned from touches in simulated rooms with the help of ground truth: {}."
_ORACLES: Mapping[str, str] = {
    "points": "this added points on the objects that its own points missed",
    "masks": "this told which touches succeeded, and gave their masks",
}
"""What an oracle of the configuration did in the training; see `agents.collection.oracles`."""
_IMPORTED = "Its weights were trained elsewhere and imported; nothing of their training is recorded here."


@dataclass(frozen=True)
class Model:
    """What a card is written from.

    Attributes:
        name: Name of the model.
        learner: What was trained.
        license: Identifier of its licence.
        size: Numbers in the file of its weights, those of the batch statistics included.
        checksum: SHA-256 of the file of the weights, hexadecimal.
        config: `config.json`.
        notes: `run.json` of an artefact.
        evaluation: `evaluation.json`; the first of its rows is the model's own.
    """

    name: str
    learner: RegisteredAgent
    license: str
    size: int
    checksum: str
    config: Mapping[str, Any]
    notes: Mapping[str, Any]
    evaluation: Mapping[str, Any]

    @property
    def imported(self) -> Mapping[str, Any] | None:
        """Where imported weights are from; None if a run of this package trained them."""
        origin: Mapping[str, Any] | None = self.notes.get("imported")
        return origin

    @property
    def oracles(self) -> tuple[str, ...]:
        """The oracles of its training, by their names in the configuration: points, masks, both or none."""
        chosen: Mapping[str, Any] = self.config.get("oracles") or {}
        return tuple(name for name in _ORACLES if chosen.get(name))

    @property
    def learns_mass(self) -> bool:
        """Whether forces were learned; if not, its mass classes have no meaning."""
        schedule: Mapping[str, Any] = self.config.get("schedule") or {}
        stages = schedule.get("stages")
        # A configuration without stages, of another package, does not say it.
        return not stages or any(stage["joint"] for stage in stages)

    @property
    def metrics(self) -> Mapping[str, str]:
        """The results in its card, and their headings."""
        return {name: text for name, text in METRICS.items() if name != "mass_accuracy" or self.learns_mass}

    @property
    def results(self) -> Mapping[str, Any]:
        """The model's own results."""
        own: Mapping[str, Any] = next(iter(self.evaluation["rows"].values()))
        return own

    @property
    def views(self) -> str:
        """The views of the evaluation, in words."""
        dataset = " of a dataset file" if "dataset" in self.evaluation else ""
        return (
            f"{self.evaluation.get('locations', 'unknown')} locations{dataset} of "
            f"{self.evaluation.get('split', 'an unknown split')}, seed "
            f"{self.evaluation.get('seed', 'unknown')}, in "
            f'the world "{self.evaluation.get("world", "unknown")}"'
        )


def model_card(model: Model) -> str:
    """Return the card: front matter in YAML, then Markdown."""
    parts = [
        f"# {model.name}",
        _what(model),
        "## Use",
        _use(model),
        "## Training",
        _training(model),
        "## Scores",
        _scores(model),
        "## What it cannot do",
        _limits(model),
    ]
    return f"---\n{_front_matter(model)}\n---\n\n" + "\n\n".join(parts) + "\n"


def _front_matter(model: Model) -> str:
    """Return the metadata. Each value is JSON, which YAML contains, so no text can be misread."""
    metrics = [
        {
            "type": name,
            "name": f"{heading}, percent",
            "value": float(cell(name, model.results[name])),
        }
        for name, heading in model.metrics.items()
        if model.results.get(name) is not None
    ]
    split = str(model.evaluation.get("split", "unknown"))
    result = {
        "task": {"type": "image-segmentation", "name": "class-agnostic instance segmentation"},
        "dataset": {"type": "thor-interact", "name": model.views, "split": split.partition("/")[2] or split},
        "metrics": metrics,
    }
    values = {
        "license": model.license,
        "library_name": "thor-interact",
        "pipeline_tag": "image-segmentation",
        "tags": [
            *(() if model.oracles else ("self-supervised-learning",)),
            "instance-segmentation",
            "embodied-vision",
            "gymnasium",
            "mujoco",
        ],
        "model-index": [{"name": model.name, "results": [result]}],
    }
    texts = {name: json.dumps(value, indent=2).replace("\n", "\n  ") for name, value in values.items()}
    return "\n".join(f"{name}: {text}" for name, text in texts.items())


def _what(model: Model) -> str:
    forces = f"{', '.join(f'{force:g}' for force in FORCES)} N: {', '.join(MASS_CLASSES)}"
    proposed = "points to touch" + (
        f", the mask of the object at each point, and the force that moves it ({forces})"
        if model.learns_mass
        else " and the mask of the object at each point"
    )
    return (
        f"An interaction network of ThorInteract ({model.learner.label}): from one image with colour and "
        f"depth, {IMAGE_SIZE} x {IMAGE_SIZE} pixels, it proposes {proposed}. {_origin(model)} Its weights "
        f"and batch statistics, {model.size:,} numbers, are stored as safetensors, matrices and kernels in "
        "bfloat16."
    )


def _origin(model: Model) -> str:
    """Return from what it learned."""
    if model.imported is not None:
        return _IMPORTED
    if model.oracles:
        return _WITH_ORACLES.format("; ".join(_ORACLES[name] for name in model.oracles))
    return _LEARNED


def _use(model: Model) -> str:
    module, _, kind = model.learner.agent.partition(":")
    return f"""```python
from {module} import {kind}

agent = {kind}.from_run("{model.name}")  # this folder
instances = agent.propose(observation)  # point, force, score and mask of each, best first
```

Every command of ThorInteract that takes a run takes this folder. Where it comes with the package, it is also
`{PREFIX}{model.name}`, and `agents.pretrained("{model.name}")` returns the agent.

SHA-256 of `model.safetensors`, checked at loading: `{model.checksum}`."""


def _training(model: Model) -> str:
    config, notes = model.config, model.notes
    if model.imported is not None:
        origin = "\n".join(f"| {name} | {value} |" for name, value in model.imported.items())
        return f"{_IMPORTED}\n\n| imported | |\n|---|---|\n{origin}"
    hardware = notes.get("hardware", {})
    worlds = sorted({start["world"] for start in notes.get("starts", []) if "world" in start})
    facts = {
        "preset": config.get("preset"),
        "split": f"{config['split']}/train" if "split" in config else None,
        "seed": f"{config['seed']}, one run" if "seed" in config else None,
        "simulator": config.get("simulator"),
        "world": ", ".join(worlds) or None,
        "episodes": notes.get("checkpoint"),
        "touches": f"{notes['touches']:,}" if "touches" in notes else None,
        "time": f"{notes['training_seconds'] / 60:.1f} minutes" if "training_seconds" in notes else None,
        "machine": ", ".join(
            text
            for text in (
                hardware.get("processor"),
                f"{hardware['cores']} cores" if "cores" in hardware else None,
                hardware.get("gpu"),
            )
            if text
        ),
        "libraries": ", ".join(f"{name} {version}" for name, version in notes.get("versions", {}).items()),
        "started": ", ".join(start["time"] for start in notes.get("starts", []) if "time" in start),
    }
    lines = [f"| {name} | {value} |" for name, value in facts.items() if value not in (None, "")]
    return "\n".join(["| | |", "|---|---|", *lines]) + "\n\n`config.json` has all settings."


def _scores(model: Model) -> str:
    rows = model.evaluation["rows"]
    own = next(iter(rows))
    columns = model.metrics
    lines = ["| agent | " + " | ".join(columns.values()) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, results in rows.items():
        cells = [cell(key, results.get(key)) + _interval(results, key) for key in columns]
        lines.append(f"| {'**this model**' if name == own else name} | " + " | ".join(cells) + " |")
    success = model.evaluation.get("training_success") or {}
    touched = (
        f" In the last quarter of the training, {success['greedy']:.1%} of its own touches and "
        f"{success['random']:.1%} of random ones succeeded."
        if success
        else ""
    )
    return (
        "In percent, class-agnostic, against movable objects within "
        f"{model.evaluation.get('reach', 'unknown')} m, at {model.views}. In brackets: "
        f"the range of {CONFIDENCE:.0%} of the values when locations are drawn "
        "again; it does not contain the variation between seeds.\n\n"
        + "\n".join(lines)
        + f"\n\nMeasured by the run's own evaluation; the weights are rounded to bfloat16.{touched}"
    )


def _interval(results: Mapping[str, Any], key: str) -> str:
    ends = results.get("intervals", {}).get(key)
    return f" ({cell(key, ends[0])} to {cell(key, ends[1])})" if ends else ""


def _limits(model: Model) -> str:
    return "\n".join(f"- {line}" for line in _limitations(model))


def _limitations(model: Model) -> Iterator[str]:
    simulator = model.config.get("simulator", "mujoco")
    yield (
        ("" if model.imported else f"It has seen only rendered rooms of the simulator `{simulator}`. ")
        + "On photographs, in other worlds than that of the scores and with other cameras it is not measured."
    )
    yield f"It needs depth in metres beside colour, and views of {IMAGE_SIZE} x {IMAGE_SIZE} pixels."
    yield (
        "It knows no types of objects, and nothing of what never moves when touched: walls, counters, sinks."
        + ("" if model.imported else f" It learned only what is within {model.config.get('reach', 1.5)} m.")
    )
    yield (
        f"Masks are found on a grid of cells of {IMAGE_SIZE // GRID} x {IMAGE_SIZE // GRID} pixels; small "
        "objects are missed or merged with what is beside them."
    )
    found, true = model.results.get("instances_per_image"), model.results.get("truths_per_image")
    if found is not None and true is not None:
        yield (
            f"It proposes {found:.1f} instances in a view that has {true:.1f} objects: use the score to "
            "select, which is for ranking and is no probability."
        )
    confusion = model.results.get("confusion")
    if not model.learns_mass:
        yield "It learned no forces: those of its proposals, and their mass classes, have no meaning."
    elif confusion and model.results.get("mass_matches"):
        recalls = ", ".join(
            f"{name} {row[number]:.0%}"
            for number, (name, row) in enumerate(zip(MASS_CLASSES, confusion, strict=True))
        )
        yield (
            f"The mass class of an object that it finds is correct for: {recalls} (chance: 33%, "
            f"{model.results['mass_matches']} matches)."
        )
    else:
        yield "Its mass classes are not measured: the evaluation matched no object."
    one = "for research" if model.imported else "one run with one seed, for research"
    yield f"It is {one}; nothing that can do harm should depend on it."
