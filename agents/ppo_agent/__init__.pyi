from .agent import PPOAgent as PPOAgent
from .configuration import PPOConfig as PPOConfig
from .training import train as train

__all__ = ["PPOAgent", "PPOConfig", "train"]
