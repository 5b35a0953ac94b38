"""How objects of a folder are told from a room's own; a module of its own, which loads no simulator."""

_OWN = "own"


def own_identifier(type: str, number: int) -> str:
    """Return the identifier of an object of a folder, `Type|own|number`.

    Args:
        type: Its type.
        number: Its number among the movable objects of the room.
    """
    return f"{type}|{_OWN}|{number}"


def is_own(identifier: str) -> bool:
    """Return whether an identifier of the ground truth is of an object of a folder.

    Examples:
        >>> is_own("Mug|own|31"), is_own("Mug|31")
        (True, False)
    """
    return identifier.split("|")[1:2] == [_OWN]
