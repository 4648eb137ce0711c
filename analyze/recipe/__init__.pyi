from .methods import BACKENDS, FILTERS, TAKES
from .recipe import PdfRecipe, PhasePattern, Recipe, Roi, Window

__all__ = ["BACKENDS", "FILTERS", "TAKES", "PdfRecipe", "PhasePattern", "Recipe", "Roi", "Window"]
