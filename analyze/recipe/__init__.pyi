from .maps import Peak, PhasePattern
from .methods import BACKENDS, FILTERS, ITERATIONS, TAKES
from .pdf_recipe import NEEDED, PdfRecipe, Window, stated_recipe
from .recipe import Model, Recipe
from .region import Roi

__all__ = [
    "BACKENDS",
    "FILTERS",
    "ITERATIONS",
    "NEEDED",
    "TAKES",
    "Model",
    "PdfRecipe",
    "Peak",
    "PhasePattern",
    "Recipe",
    "Roi",
    "Window",
    "stated_recipe",
]
