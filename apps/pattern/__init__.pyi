from .measured import Source, read_measured

__all__ = ["Source", "read_measured"]
