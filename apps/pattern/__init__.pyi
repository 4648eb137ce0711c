from .convert import R_STEP, convert
from .corrections import check_states
from .measured import Source, read_measured
from .series import convert_series, is_series

__all__ = ["R_STEP", "Source", "check_states", "convert", "convert_series", "is_series", "read_measured"]
