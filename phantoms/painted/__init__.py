"""Any sample, painted from solids and labelled volumes and filled with named phases that may change with the state."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
