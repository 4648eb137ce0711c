"""From rays to images: geometry, rotation axis, projector, methods of reconstruction and their variance."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
