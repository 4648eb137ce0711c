from .figure import draw
from .portrait import R
from .published_limits import DFTB, REAXFF, REFERENCES, Gate
from .show import Shown, shown

__all__ = ["DFTB", "REAXFF", "REFERENCES", "Gate", "R", "Shown", "draw", "shown"]
