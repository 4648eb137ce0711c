"""From counts to maps, PDFs and difference PDFs, with uncertainty. Knows nothing of phantoms or of the simulator."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
