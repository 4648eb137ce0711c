"""The figures of the pages: one module for each, and what each needs to be drawn."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
