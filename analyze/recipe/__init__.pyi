from .methods import BACKENDS, FILTERS, TAKES
from .pdf_recipe import NEEDED, PdfRecipe, Window, stated_recipe
from .recipe import PhasePattern, Recipe
from .region import Roi

__all__ = [
    "BACKENDS",
    "FILTERS",
    "NEEDED",
    "TAKES",
    "PdfRecipe",
    "PhasePattern",
    "Recipe",
    "Roi",
    "Window",
    "stated_recipe",
]
