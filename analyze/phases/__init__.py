"""What is in the patterns: shells, fits of reference and differences, breakpoints, maps of phases, unmixing."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
