"""From I(Q) to S(Q), F(Q) and G(r), with its variance: transform, form factors, conventions, ripples, peaks."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
