"""Recipes that make atomic structures: networks, carbon, lithiation, glasses, molecules."""
