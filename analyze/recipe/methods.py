"""The methods of reconstruction by name, and what each may be told.

Apart from the methods themselves, so that a wrong setting is refused before compiled code is loaded.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tsct.records.errors import UsageError, nearest

#: Methods of each backend; `reconstruct.METHODS` has the functions
BACKENDS = {
    "tsct": ("fbp", "sirt", "cgls", "mlem", "osem", "tv"),
    "astra": ("fbp", "sirt", "cgls"),
    "skimage": ("fbp", "sart"),
    "tomopy": ("fbp", "mlem", "osem"),
}
#: Settings that each method takes
TAKES = {
    "fbp": ("filter",),
    "sirt": ("iterations", "nonnegative", "transmission"),
    "cgls": ("iterations", "transmission"),
    "mlem": ("iterations", "transmission"),
    "osem": ("iterations", "subsets", "transmission"),
    "tv": ("iterations", "nonnegative", "tv_weight", "transmission"),
    "sart": ("iterations", "nonnegative"),
}
#: Iterations after which a sharp disc without noise is back within 1 % of its value
ITERATIONS = {"sirt": 100, "cgls": 12, "mlem": 40, "osem": 5, "tv": 200, "sart": 5}
#: Windows on the ramp as the weights of the same kernel shifted by so many samples: cos(k) in frequency is a shift
FILTERS: dict[str, dict[float, float]] = {
    "ramp": {0.0: 1.0},
    "cosine": {-0.5: 0.5, 0.5: 0.5},
    "hamming": {-1.0: 0.23, 0.0: 0.54, 1.0: 0.23},
    "hann": {-1.0: 0.25, 0.0: 0.5, 1.0: 0.25},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodChoices:
    """Choices that a recipe makes for its method of reconstruction, each refused where the method does not take it.

    Parameters
    ----------
    backend : str
        By whose code, see :data:`BACKENDS`.
    filter : str
        Window on the ramp, see :data:`FILTERS`.
    iterations : int, optional
        :data:`ITERATIONS` of the method if omitted.
    nonnegative : bool
        Whether images are held at zero or above.
    subsets : int
        Of the views.
    tv_weight : float
        Of the total variation.
    padding : int
        Translations that are added on either side, where the object leaves the field.
    """

    backend: str = "tsct"
    filter: str = "ramp"
    iterations: int | None = None
    nonnegative: bool = False
    subsets: int = 8
    tv_weight: float = 0.002
    padding: int = 0

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments of `reconstruct` after the method."""
        return {item.name: getattr(self, item.name) for item in fields(MethodChoices)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settings(MethodChoices):
    """All that the methods may be told; the defaults of `reconstruct`."""

    transmission: ArrayLike | None = None
    threads: int = 1

    def check(self, method: str) -> None:
        """Refuse an unknown backend or method, impossible values, and settings that this method would ignore.

        Raises
        ------
        UsageError
            Naming what is allowed.
        """
        if self.backend not in BACKENDS:
            raise UsageError(
                f"reconstruct: no backend '{self.backend}'; there are {', '.join(BACKENDS)}"
                f"{nearest(self.backend, BACKENDS)}"
            )
        methods = BACKENDS[self.backend]
        if method not in methods:
            raise UsageError(
                f"reconstruct: backend '{self.backend}' has no method '{method}'; it has {', '.join(methods)}"
                f"{nearest(method, methods)}"
            )
        self._check_values()
        self._refuse_idle(method)

    def _check_values(self) -> None:
        if self.filter not in FILTERS:
            raise UsageError(f"reconstruct: unknown filter '{self.filter}'{nearest(self.filter, FILTERS)}")
        if self.padding < 0 or self.threads < 1 or (self.iterations is not None and self.iterations < 1):
            raise UsageError(
                f"reconstruct: padding = {self.padding} must not be negative, threads = {self.threads} and "
                f"iterations = {self.iterations} must be one or more"
            )

    def _refuse_idle(self, method: str) -> None:
        takes = {"backend", "padding", "threads", *TAKES[method]}
        if self.backend != "tsct":
            takes -= {"transmission", "threads"}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in takes and not np.array_equal(value, np.asarray(field.default)):
                raise UsageError(
                    f"reconstruct: method '{method}' of backend '{self.backend}' takes no {field.name}; "
                    f"it takes {', '.join(sorted(takes))}"
                )
