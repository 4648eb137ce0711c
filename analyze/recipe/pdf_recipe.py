"""The choices from I(Q) to G(r), in one value that travels with what was made by it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from tsct.records.errors import InputError, nearest

Window = Literal["none", "lorch", "revised-lorch"]
Mode = Literal["absolute", "adhoc"]
Normalisation = Literal["high-q", "krogh-moe"]
#: 1/angstrom; calibrants at beamlines give 0.005 to 0.05
MOST_BROADENING = 0.3
#: on the grid of G(r)
MOST_DISTANCES = 100_000
#: attribute of recovered data that holds the recipe, and the version of what is in it
ATTRIBUTE, SCHEMA = "pdf_recipe", 1
#: what is stated one by one in recovered data of chains that do not write the attribute
STATED = (
    *("composition", "q_min", "q_max", "q_max_inst"),
    *("window", "mode", "normalisation", "q_damp", "q_broad", "r_poly"),
)
#: those of them without which nothing is stated
NEEDED = STATED[:3]


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
    normalisation : {"high-q", "krogh-moe"}
        Where the number of atoms behind a pattern is taken from. ``high-q``: mean of intensity over free-atom
        scattering in the upper half of the data. ``krogh-moe``: integrals of Q^2 J / <f>^2 over all of them
        (Krogh-Moe, Acta Cryst. 9, 951 (1956); Norman, Acta Cryst. 10, 370 (1957)), without their term
        2 pi^2 rho, below 0.04 % of the integral at Qmax 20, so that the number stays linear in the intensity.
    q_damp : float
        Gaussian resolution of the instrument in 1/angstrom, if known; G(r) is divided by exp(-(r q_damp)^2 / 2).
    q_broad : float
        Broadening of peaks that grows with distance, in 1/angstrom, if known. As in PDFgui, a peak of width s has
        ``s^2 (1 + (r q_broad)^2)`` in the data (Farrow et al., J. Phys.: Condens. Matter 19, 335219 (2007)). Data
        cannot be freed of it without a model, so all models of peaks have it instead, and fitted widths are without.
    r_poly : float, optional
        Distance in angstrom below which the polynomial may act; its degree is :attr:`polynomial_degree`. Default 0.9
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
    normalisation: Normalisation = "high-q"
    q_damp: float = 0.0
    q_broad: float = 0.0
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
        choices = {"window": Window, "mode": Mode, "normalisation": Normalisation}
        for name, allowed in ((name, get_args(kind)) for name, kind in choices.items()):
            if (value := getattr(self, name)) not in allowed:
                raise InputError(
                    f"analysis.{name} is '{value}'{nearest(value, allowed)}; allowed are {', '.join(allowed)}"
                )
        if not 0 < self.r_step < self.r_max < float("inf"):
            raise InputError(f"analysis: r_step {self.r_step} and r_max {self.r_max} need 0 < r_step < r_max, finite")
        if self.r_max / self.r_step > MOST_DISTANCES:
            raise InputError(f"analysis.r_step is {self.r_step}, more than {MOST_DISTANCES} distances; raise it")
        if not 0 <= self.q_damp * self.r_max <= 3:
            raise InputError(
                f"analysis.q_damp is {self.q_damp}; allowed are 0 to {3 / self.r_max:.3g} 1/A, where 1 % of G is left "
                "at r_max"
            )
        if not 0 <= self.q_broad <= MOST_BROADENING:
            raise InputError(
                f"analysis.q_broad is {self.q_broad}; allowed are 0 to {MOST_BROADENING:g} 1/A, where a peak at 3 A is "
                "1.3 times as wide"
            )
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

    @property
    def polynomial_degree(self) -> float:
        """Degree of P in the fitted Q P(Q); a fraction mixes its neighbours.

        ``r_poly q_max_inst / pi`` in absolute mode. One less in ad hoc mode, but not below zero, as PDFgetX3's own G(r)
        of its tutorial powders show.
        """
        degree = self.polynomial_range * self.data_end / float(np.pi)
        return degree if self.mode == "absolute" else max(degree - 1.0, 0.0)

    @property
    def stated(self) -> dict[str, Any]:
        """Every choice that shapes the transform by name, defaults spelled out; all but the grid of r."""
        return {name: getattr(self, name) for name in STATED} | {
            "composition": dict(self.composition),
            "q_max_inst": self.data_end,
            "r_poly": self.polynomial_range,
        }

    def as_attribute(self) -> dict[str, Any]:
        """The recipe as an attribute of a dataset: plain values, which files hold as JSON, and their version."""
        values = {item.name: _plain(getattr(self, item.name)) for item in fields(self)}
        shares = {symbol: _plain(share) for symbol, share in self.composition.items()}
        return {"schema": SCHEMA, **values, "composition": shares}

    @classmethod
    def from_attribute(cls, value: str | Mapping[str, Any]) -> Self:
        """What :meth:`as_attribute` returned, or the same as JSON text.

        Raises
        ------
        InputError
            If it is no recipe, or one of another version.
        """
        try:
            given = dict(json.loads(value) if isinstance(value, str) else value)
        except (ValueError, TypeError, RecursionError):
            raise InputError(f"{ATTRIBUTE} is no table of choices but {str(value)[:60]!r}") from None
        version = given.pop("schema", None)
        if version != SCHEMA:
            raise InputError(f"{ATTRIBUTE} is of schema {version!r}, this tsct reads {SCHEMA}; analyse the scan again")
        names = [item.name for item in fields(cls)]
        for name in given:
            if name not in names:
                raise InputError(f"{ATTRIBUTE} has an unknown key '{name}'{nearest(name, names)}")
        return cls._from_values(given, ATTRIBUTE)

    @classmethod
    def _from_values(cls, values: Mapping[str, Any], source: str) -> Self:
        try:
            return cls(**values)
        except (TypeError, AttributeError, ValueError) as error:
            raise InputError(f"{source} cannot be used ({error})") from None


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def stated_recipe(attrs: Mapping[Any, Any]) -> PdfRecipe | None:
    """The transform that recovered data state, None if they do not.

    The attribute ``pdf_recipe`` wins; without it, the single attributes of ``docs/gate.md`` are read, and of these what
    is not stated was not done.

    Parameters
    ----------
    attrs : mapping
        Attributes of recovered data.

    Raises
    ------
    InputError
        If what is stated is no recipe.
    """
    if ATTRIBUTE in attrs:
        return PdfRecipe.from_attribute(attrs[ATTRIBUTE])
    if not all(name in attrs for name in NEEDED):
        return None
    single = {name: attrs[name] for name in STATED if name in attrs}
    return PdfRecipe._from_values({"r_poly": 0.0, **single}, "the transform that is stated")
