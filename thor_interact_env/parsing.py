"""Command lines whose mistakes are one line and exit code 2."""

import argparse
import sys
from typing import NoReturn


def fail(message: str) -> NoReturn:
    """Print a mistake of the user on one line and exit with code 2."""
    print("error: " + " ".join(message.split()), file=sys.stderr)
    raise SystemExit(2)


class OneLineParser(argparse.ArgumentParser):
    """A parser of options that prints an error on one line, with the command that explains the options."""

    def error(self, message: str) -> NoReturn:
        """Print an error on one line and exit."""
        fail(f"{message}; see {self.prog} --help")
