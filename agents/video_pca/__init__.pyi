from .agent import VideoPCAAgent as VideoPCAAgent
from .configuration import VideoPCAConfig as VideoPCAConfig
from .training import train as train

__all__ = ["VideoPCAAgent", "VideoPCAConfig", "train"]
