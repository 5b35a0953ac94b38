"""`python -m thor_interact_env.record`: see `command_line`."""

from thor_interact_env.hidden import check_not_hidden
from thor_interact_env.record.command_line import main

if __name__ == "__main__":  # worker processes import this module too
    check_not_hidden("agents")
    from agents.acting import actor_named

    main(actor_named)
