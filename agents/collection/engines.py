"""The collector that a configuration names."""

from agents.collection.collector import Collector
from agents.collection.local_collector import LocalCollector
from agents.training.configuration import TrainConfig


def make_collector(config: TrainConfig) -> Collector:
    """Return the collector that a configuration names: processes of this machine, or Ray.

    Raises:
        DependencyNotInstalled: Ray is requested and not installed.
        CollectionError: There is no Ray cluster at the address.
    """
    if config.engine == "ray":
        from agents.collection.ray_collector import RayCollector

        return RayCollector(config.address, config.room_memory)
    return LocalCollector(config.workers, config.room_memory)
