"""Errors of the environment: one type for each mistake; messages state the value and what is allowed."""


class ThorInteractError(ValueError):
    """Base of every error caused by an argument of the environment."""


class UnknownRoomError(ThorInteractError):
    """There is no room of this name."""


class UnknownSplitError(ThorInteractError):
    """There is no data split of this name."""


class InvalidLocationError(ThorInteractError):
    """A field of a location has the wrong type or is outside its range."""


class UnreachableLocationError(ThorInteractError):
    """The agent cannot stand at this position, because furniture or a wall is in the way."""


class InvalidActionError(ThorInteractError):
    """An action has the wrong type or shape, or is outside the action space."""


class InvalidOptionError(ThorInteractError):
    """An argument of the environment or an option of `reset` is unknown or outside its range."""


class InvalidStateError(ThorInteractError):
    """A saved state lacks an entry, or an entry does not fit the environment it is restored to."""


class DatasetError(ThorInteractError):
    """A dataset file cannot be read: the message names the file, the entry and the field."""


class RecordingError(ThorInteractError):
    """A recorded episode lacks an entry, or an entry is malformed."""


class RenderingError(RuntimeError):
    """No image can be rendered on this machine: the message says what to install."""


class MainGuardError(RuntimeError):
    """A process could not be started, because the main program runs again in each new process."""


class PlayerError(RuntimeError):
    """AI2-THOR's Unity player failed: the message names the cause, the player's log file and the remedy."""


class PlayerStartError(PlayerError):
    """The player could not be started, ended during its start, or did not report in time."""


class PlayerDiedError(PlayerError):
    """The player's process ended, or it closed its side of the connection."""


class PlayerTimeoutError(PlayerError):
    """The player did not answer an action in time; it has been killed."""


class PlayerProtocolError(PlayerError):
    """The player sent data that the client cannot read, or omitted a requested image."""


class PlayerActionError(PlayerError):
    """The player refused an action that the adapter relies on: its version does not fit."""
