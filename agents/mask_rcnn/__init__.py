"""Mask R-CNN, on true or self-supervised masks. `python -m agents.mask_rcnn`."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
