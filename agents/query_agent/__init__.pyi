from .agent import QueryAgent as QueryAgent
from .network import QueryNet as QueryNet
from .training import train as train

__all__ = ["QueryAgent", "QueryNet", "train"]
