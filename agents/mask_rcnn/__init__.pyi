from .agent import MaskRCNNAgent as MaskRCNNAgent
from .configuration import MaskRCNNConfig as MaskRCNNConfig
from .training import train as train

__all__ = ["MaskRCNNAgent", "MaskRCNNConfig", "train"]
