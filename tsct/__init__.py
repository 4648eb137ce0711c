"""Total-scattering computed tomography with a known truth: simulate, analyse, score."""

from importlib.metadata import version

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=["analyze", "apps", "phantoms", "records", "simulate", "validation"]
)
__version__ = version("tsct")
