from .figure import draw
from .portrait import R
from .published_limits import PBE, REAXFF, REFERENCES, WARM_DFTB, Gate
from .show import Shown, shown

__all__ = ["PBE", "REAXFF", "REFERENCES", "WARM_DFTB", "Gate", "R", "Shown", "draw", "shown"]
