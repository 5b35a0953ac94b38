"""`python -m thor_interact_env.play`: see `command_line`."""

from thor_interact_env.hidden import check_not_hidden
from thor_interact_env.play.command_line import main
from thor_interact_env.play.companion import Companion


def load_agent(name: str) -> Companion:
    """Return the agent that a user names; only here does the environment know of agents."""
    check_not_hidden("agents")
    from agents.playing import load_companion

    return load_companion(name)


if __name__ == "__main__":
    main(load_agent)
