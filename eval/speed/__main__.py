"""`python -m eval.speed`."""

from eval.speed.command_line import main

if __name__ == "__main__":
    main()
