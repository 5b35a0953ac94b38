"""The command line of the page."""

from __future__ import annotations

import argparse
import sys
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from typing import NoReturn

from thor_interact_env.parsing import OneLineParser, fail, run_command
from thor_interact_env.play.companion import Companion
from thor_interact_env.play.requests import MAX_SEED
from thor_interact_env.play.server import PlayServer
from thor_interact_env.play.sessions import Sessions, make_environment

PROGRAM = "python -m thor_interact_env.play"
FIRST_SEED = 30


def main(load_agent: Callable[[str], Companion], arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line until Ctrl-C, and exit.

    Args:
        load_agent: Returns the agent that a word of the user names, or exits.
        arguments: Words after the program's name; by default those of the process.

    Raises:
        SystemExit: Always: 0 after Ctrl-C, or 130 if the page was not ready, 2 after a mistake in the
            arguments.
    """
    parser = OneLineParser(
        prog=PROGRAM,
        description="A local web page for touching a room by hand, alone or beside an agent.",
        allow_abbrev=False,
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument(
        "--seed",
        type=int,
        default=FIRST_SEED,
        help=f"seed of the first location (default: {FIRST_SEED}, a kitchen with twelve objects in reach)",
    )
    parser.add_argument("--room", help="room of the first location, such as FloorPlan1 (default: any)")
    parser.add_argument(
        "--agent",
        metavar="AGENT",
        help="an agent that shows what it sees and touches beside you: a run folder, a registered agent "
        "that needs no run, or package.module:Class",
    )
    parser.add_argument(
        "--objects",
        metavar="FOLDER",
        help="add the objects of a folder to the rooms, or those of Elsewhere (default: none)",
    )
    parser.add_argument("--open", action="store_true", help="open the page in the default browser")
    options = parser.parse_args(arguments)
    if not 0 <= options.port <= 65535:
        fail(f"--port {options.port} is not in 0..65535")
    if not 0 <= options.seed <= MAX_SEED:
        fail(f"--seed {options.seed} is not in 0..{MAX_SEED}")
    run_command(lambda: _serve(options, load_agent), "Stopped.")


def _serve(options: argparse.Namespace, load_agent: Callable[[str], Companion]) -> None:
    """Serve the page until Ctrl-C."""
    companion = None if options.agent is None else load_agent(options.agent)
    make = partial(make_environment, options.objects)
    with closing(Sessions(companion, make, seed=options.seed, room=options.room)) as sessions:
        sessions.prepare()
        sessions.leave(sessions.open()["session"])  # what does not work is said here, not on the page
        try:
            served = PlayServer(sessions, options.port)
        except OSError as error:
            fail(f"--port {options.port}: {error.strerror}; name another port, or none for a free one")
        with closing(served) as server:
            print(f"Open {server.address} in a browser on this machine. Ctrl-C stops the server.", flush=True)
            if options.open:
                webbrowser.open(server.address)
            try:
                server.serve()
            except KeyboardInterrupt:
                print("\nStopped.", file=sys.stderr)
