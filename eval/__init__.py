"""Evaluation: detection, relative mass and interaction on held-out locations, as tables and figures."""

import lazy_loader

from thor_interact_env.hidden import check_not_hidden

check_not_hidden("agents")

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
