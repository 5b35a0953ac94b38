"""`python -m thor_interact_env.datasets`: see `command_line`."""

from thor_interact_env.datasets.command_line import main

if __name__ == "__main__":  # worker processes import this module too
    main()
