"""`python -m eval.table`."""

from eval.table.command_line import main

if __name__ == "__main__":
    main()
