"""What is in the beam: atomic structures, materials, the cell and its states along the discharge."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
