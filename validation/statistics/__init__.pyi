from .numbers import number, prose, window, with_unit

__all__ = [
    "number",
    "prose",
    "window",
    "with_unit",
]
