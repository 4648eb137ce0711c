from .methods import BACKENDS, FILTERS, TAKES
from .pdf_recipe import PdfRecipe, Window
from .recipe import PhasePattern, Recipe
from .region import Roi

__all__ = ["BACKENDS", "FILTERS", "TAKES", "PdfRecipe", "PhasePattern", "Recipe", "Roi", "Window"]
