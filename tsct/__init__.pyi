from . import analyze, apps, phantoms, records, simulate, validation

__all__ = ["analyze", "apps", "phantoms", "records", "simulate", "validation"]
__version__: str
