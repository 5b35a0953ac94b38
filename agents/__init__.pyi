from .acting import ActingAgent as ActingAgent
from .artefacts import pretrained as pretrained
from .base import Agent as Agent
from .base import Instance as Instance
from .mask_rcnn.agent import MaskRCNNAgent as MaskRCNNAgent
from .ppo_agent.agent import PPOAgent as PPOAgent
from .random_agent import RandomAgent as RandomAgent
from .selfsup_agent.agent import SelfSupervisedAgent as SelfSupervisedAgent
from .selfsup_agent.training import train as train
from .superpixel_agent import SuperpixelAgent as SuperpixelAgent
from .training.configuration import TrainConfig as TrainConfig
from .video_pca.agent import VideoPCAAgent as VideoPCAAgent

__all__ = [
    "ActingAgent",
    "Agent",
    "Instance",
    "MaskRCNNAgent",
    "PPOAgent",
    "RandomAgent",
    "SelfSupervisedAgent",
    "SuperpixelAgent",
    "TrainConfig",
    "VideoPCAAgent",
    "pretrained",
    "train",
]
