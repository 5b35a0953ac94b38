"""Options of a simulator that belong to a machine, in an environment variable."""

import json
import os
from collections.abc import Sequence
from typing import Any

from thor_interact_env.errors import InvalidOptionError


def machine_options(variable: str, allowed: Sequence[str], example: str) -> dict[str, Any]:
    """Return the options in an environment variable; none if it is not set.

    Args:
        variable: Its name.
        allowed: Names of the options.
        example: An example of its value, JSON.

    Raises:
        InvalidOptionError: It is not a JSON object of these options; their values are not checked.
    """
    text = os.environ.get(variable, "")
    if not text:
        return {}
    say = f"say, for example: export {variable}='{example}'"
    try:
        options = json.loads(text)
    except ValueError as error:
        raise InvalidOptionError(f"{variable} {text!r} is not JSON ({error}); {say}") from None
    if not isinstance(options, dict) or not set(options) <= set(allowed):
        raise InvalidOptionError(f"{variable} {text!r} is not an object of {', '.join(allowed)}; {say}")
    return options
