"""Total-scattering computed tomography with a known truth: simulate, analyse, score."""

from importlib.metadata import version
from pathlib import Path

import lazy_loader

from . import moved

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = version("tsct")
# in a checkout the rooms lie beside this folder, not in it
if not Path(__path__[0], "records").is_dir():
    __path__.append(str(Path(__path__[0]).parent))
moved.tell()
