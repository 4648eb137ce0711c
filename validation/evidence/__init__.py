"""What a check may look at: recovered data, truth, and the region seen through both."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
