"""Records: touches of an agent or a person as a dataset, and views with true masks for detectors.

`python -m thor_interact_env.record --help` explains the command line.
"""

from thor_interact_env.record.actors import Actor, ActorFactory, RandomTouches, make_actor
from thor_interact_env.record.checking import Record, open_record
from thor_interact_env.record.episodes import RecordedEpisode
from thor_interact_env.record.making import FORMATS, make_record
from thor_interact_env.record.parquet import read_episodes
from thor_interact_env.record.plan import Plan

__all__ = [
    "FORMATS",
    "Actor",
    "ActorFactory",
    "Plan",
    "RandomTouches",
    "Record",
    "RecordedEpisode",
    "make_actor",
    "make_record",
    "open_record",
    "read_episodes",
]
