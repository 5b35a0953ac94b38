"""Any agent on any split, in a supervised process. `python -m eval.benchmark`."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
