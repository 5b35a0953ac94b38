"""Errors of the environment: one type per mistake, each saying what was found and what is allowed."""


class ThorInteractError(ValueError):
    """Base of every error caused by a value handed to the environment."""


class UnknownRoomError(ThorInteractError):
    """There is no room of this name."""


class UnknownSplitError(ThorInteractError):
    """There is no data split of this name."""


class InvalidLocationError(ThorInteractError):
    """A field of a location has the wrong type or lies outside its range."""


class UnreachableLocationError(ThorInteractError):
    """The agent cannot stand at this position, because furniture or a wall is in the way."""


class InvalidActionError(ThorInteractError):
    """An action has the wrong type or shape, or lies outside the action space."""


class InvalidOptionError(ThorInteractError):
    """An argument of the environment or an option of `reset` is unknown or outside its range."""


class InvalidStateError(ThorInteractError):
    """A saved state lacks an entry, or an entry does not fit the environment it is restored to."""


class DatasetError(ThorInteractError):
    """A dataset file cannot be read: the message names the file, the entry and the field."""


class RenderingError(RuntimeError):
    """No image can be rendered on this machine: the message says what to install."""


class MainGuardError(RuntimeError):
    """A process could not be started, for the main program does its work again in each new process."""


class PlayerError(RuntimeError):
    """AI2-THOR's Unity player failed: the message names the cause, the player's log file and the remedy."""


class PlayerStartError(PlayerError):
    """The player could not be started, died while it started, or did not report in time."""


class PlayerDiedError(PlayerError):
    """The player's process ended, or it closed its side of the connection."""


class PlayerTimeoutError(PlayerError):
    """The player did not answer an action in time; it has been killed."""


class PlayerProtocolError(PlayerError):
    """The player sent what the client cannot read, or left out an image it was asked for."""


class PlayerActionError(PlayerError):
    """The player refused an action that the adapter relies on: it is of a version that does not fit."""
