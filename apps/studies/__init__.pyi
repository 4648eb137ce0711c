from .plan import Plan, draw

__all__ = [
    "Plan",
    "draw",
]
