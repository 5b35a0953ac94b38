"""VideoPCA: masks from videos of moving objects. `python -m agents.video_pca`."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
