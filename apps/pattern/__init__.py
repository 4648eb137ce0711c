"""One measured pattern to S(Q), F(Q) and G(r)."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
