from .annotations import Annotation as Annotation
from .dataset import DatasetEntry as DatasetEntry
from .dataset import LocationDataset as LocationDataset
from .location import HORIZONS as HORIZONS
from .location import ROTATIONS as ROTATIONS
from .location import Location as Location
from .sampling import LocationSampler as LocationSampler
from .splits import ALL_ROOMS as ALL_ROOMS
from .splits import ROOM_TYPES as ROOM_TYPES
from .splits import SPLITS as SPLITS
from .splits import room_type as room_type
from .splits import split_rooms as split_rooms

__all__ = [
    "ALL_ROOMS",
    "HORIZONS",
    "ROOM_TYPES",
    "ROTATIONS",
    "SPLITS",
    "Annotation",
    "DatasetEntry",
    "Location",
    "LocationDataset",
    "LocationSampler",
    "room_type",
    "split_rooms",
]
