"""The command `publish` of what is an interaction network.

Nothing here imports torch, so that `--help` is fast.
"""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from agents.commands.options import parse_options
from agents.commands.run_argument import RunPath


@dataclass(frozen=True)
class PublishCommand:
    """Make a folder of a trained network in the layout of a model on the Hugging Face hub.

    It holds the weights in bfloat16 as safetensors, the configuration, the results of the run's own
    evaluation, and a model card written from them. It takes the place of a run folder in every command.
    Nothing is uploaded; a tool such as `hf upload` does that.
    """

    run: Annotated[tyro.conf.Positional[RunPath], tyro.conf.arg(metavar="RUN")]
    """Evaluated run folder, evaluated folder of one of its checkpoints, or pretrained:NAME."""

    out: Path
    """Folder to make; its name is the name of the model."""

    license: str = "apache-2.0"
    """Licence of the weights, as an identifier of the Hugging Face hub."""


def publish_command(program: str, words: Sequence[str], publish: Callable[[Path, Path, str], None]) -> None:
    """Read the options of `publish`, and carry it out.

    Args:
        program: How the agent's commands are called, such as `python -m agents.selfsup_agent`.
        words: The words after the command's name.
        publish: `eval.publishing.publish.publish`, which only entry points import.

    Raises:
        SystemExit: The help was printed, or a complaint.
    """
    command = parse_options(PublishCommand, f"{program} publish", words)
    publish(command.run, command.out, command.license)
    print(f"The model and its card are in {command.out}")
    print(f"Use it as a run: {program} predict {shlex.quote(str(command.out))} VIEW")
