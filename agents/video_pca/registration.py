"""VideoPCA, and its row (g)."""

from agents.registry import RegisteredAgent, Row, register
from agents.video_pca.configuration import SYSTEM

register(
    RegisteredAgent(
        name=SYSTEM,
        label="VideoPCA",
        agent="agents.video_pca.agent:VideoPCAAgent",
        config="agents.video_pca.configuration:VideoPCAConfig",
        train="agents.video_pca.training:train",
        monitored=False,  # it finds masks only after its training
        rows=(Row("g", "VideoPCA"),),
    )
)
