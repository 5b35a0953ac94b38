from .agent import SelfSupervisedAgent as SelfSupervisedAgent
from .network import InteractionNet as InteractionNet
from .training import train as train

__all__ = ["InteractionNet", "SelfSupervisedAgent", "train"]
