"""`python -m thor_interact_env.gallery`."""

from thor_interact_env.gallery.command_line import main

if __name__ == "__main__":
    main()
