"""`python -m eval.report`."""

from eval.report.command_line import main

if __name__ == "__main__":
    main()
