"""The choices of an analysis, in one value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tsct.records.errors import InputError, UsageError, nearest

from .reconstruct import check_settings

Window = Literal["none", "lorch", "revised-lorch"]
Mode = Literal["absolute", "adhoc"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PdfRecipe:
    """How I(Q) becomes G(r).

    Parameters
    ----------
    composition : mapping of str to float
        Atom fractions that the analyst assumes, the same for all voxels and states.
    q_min, q_max : float
        Range of the Fourier transform, 1/angstrom.
    q_max_inst : float, optional
        End of the data that the polynomial is fitted to and the scale is taken from, at least `q_max`; data beyond
        `q_max` steady both but are not transformed. `q_max` if omitted.
    window : {"none", "lorch", "revised-lorch"}
        Modification function.
    mode : {"absolute", "adhoc"}
        ``absolute`` subtracts self and Compton scattering of the composition and then what a polynomial of low degree
        explains; ``adhoc`` lets a polynomial of higher degree explain all of it, in the manner of PDFgetX3.
    r_poly : float, optional
        Distance in angstrom below which the polynomial may act; its degree is ``r_poly q_max_inst / pi``. Default 0.9
        in ad hoc and 0.6 in absolute mode.
    r_max, r_step : float
        Grid of G(r), from `r_step` to `r_max`, angstrom.
    """

    composition: Mapping[str, float]
    q_min: float = 0.8
    q_max: float = 20.0
    q_max_inst: float | None = None
    window: Window = "none"
    mode: Mode = "absolute"
    r_poly: float | None = None
    r_max: float = 20.0
    r_step: float = 0.02

    def __post_init__(self) -> None:
        if not 0 <= self.q_min < self.q_max:
            raise InputError(f"analysis: q_min {self.q_min} and q_max {self.q_max} need 0 <= q_min < q_max")
        if not self.q_max <= self.data_end < float("inf"):
            raise InputError(
                f"analysis: q_max {self.q_max} and q_max_inst {self.data_end} need q_max <= q_max_inst, both finite"
            )
        for name, allowed in (("window", get_args(Window)), ("mode", get_args(Mode))):
            if (value := getattr(self, name)) not in allowed:
                raise InputError(
                    f"analysis.{name} is '{value}'{nearest(value, allowed)}; allowed are {', '.join(allowed)}"
                )
        if not 0 < self.r_step < self.r_max < float("inf"):
            raise InputError(f"analysis: r_step {self.r_step} and r_max {self.r_max} need 0 < r_step < r_max, finite")
        if self.r_poly is not None and not 0 <= self.r_poly <= 3:
            raise InputError(f"analysis.r_poly is {self.r_poly}; allowed are 0 to 3 angstrom")
        if not self.composition or min(self.composition.values()) < 0:
            raise InputError("analysis.composition needs at least one element, with a positive share")

    @property
    def r(self) -> NDArray[np.float64]:
        """Grid of G(r) in angstrom, shape (r,)."""
        return self.r_step * np.arange(1, round(self.r_max / self.r_step) + 1, dtype=np.float64)

    @property
    def data_end(self) -> float:
        """End of the data that enter: `q_max_inst`, or `q_max` without it."""
        return self.q_max if self.q_max_inst is None else self.q_max_inst

    @property
    def polynomial_range(self) -> float:
        """`r_poly`, or its default for the mode."""
        if self.r_poly is not None:
            return self.r_poly
        return 0.9 if self.mode == "adhoc" else 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Roi:
    """A circle of voxels; x to the right and y upwards of the image's centre, in voxels."""

    x_voxels: float = 3.0
    y_voxels: float = -1.0
    radius_voxels: float = 16.0

    def mask(self, n: int) -> NDArray[np.bool_]:
        """Voxels whose centre lies inside, shape (y, x).

        Raises
        ------
        InputError
            If no voxel of an `n` by `n` image does.
        """
        centre = np.arange(n) - (n - 1) / 2
        y, x = np.meshgrid(centre - self.y_voxels, centre - self.x_voxels, indexing="ij")
        inside = np.hypot(x, y) <= self.radius_voxels
        if not inside.any():
            raise InputError(f"analysis.roi {self} holds no voxel of the {n} x {n} image")
        return inside


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All choices of the chain from a scan to maps, PDFs and dPDFs.

    Parameters
    ----------
    pdf : PdfRecipe
        From I(Q) to G(r).
    roi : Roi
        The region whose PDF is followed through the states.
    method, backend : str
        How images are made and by whose code; see :func:`tsct.analyze.reconstruct.reconstruct`.
    filter, iterations, nonnegative, subsets, tv_weight, padding
        Settings of the method, each refused where the method does not take it.
    draws : int
        Random repeats from which the variance is taken where no exact rule exists.
    air_rays : int
        Outermost translations on each side that see only air; their mean is subtracted. Zero: none.
    multiple_scattering, outgoing_absorption : bool
        Whether photons scattered twice are subtracted, and absorption on the way out is undone, both from the map of
        attenuation; see :mod:`tsct.analyze.attenuation`.
    """

    pdf: PdfRecipe
    roi: Roi = field(default_factory=Roi)
    method: str = "fbp"
    backend: str = "tsct"
    filter: str = "ramp"
    iterations: int | None = None
    nonnegative: bool = False
    subsets: int = 8
    tv_weight: float = 0.002
    padding: int = 0
    draws: int = 20
    air_rays: int = 2
    multiple_scattering: bool = True
    outgoing_absorption: bool = True

    def __post_init__(self) -> None:
        check_settings(self.method, **self.settings)
        if self.draws < 2:
            raise UsageError(f"analysis.draws is {self.draws}; two or more are possible, 20 give 5 % error bars")

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments of `reconstruct` after the method."""
        names = ("backend", "filter", "iterations", "nonnegative", "subsets", "tv_weight", "padding")
        return {name: getattr(self, name) for name in names}
