"""`python -m eval.figures`."""

from eval.figures.command_line import main

if __name__ == "__main__":
    main()
