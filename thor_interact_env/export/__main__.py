"""`python -m thor_interact_env.export`."""

from thor_interact_env.export.command_line import main

if __name__ == "__main__":
    main()
