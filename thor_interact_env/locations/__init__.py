"""Locations of an agent: sampling, the splits of the rooms, and the authors' files."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
