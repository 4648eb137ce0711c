"""From raw counts to corrected rays: repair, absorption, double scattering, stripes, normalisation."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
