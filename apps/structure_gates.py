"""What published measurements and models allow a structure to be, and whether it is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from tsct.analyze.peaks import extremum
from tsct.records.units import ATOMS_PER_A3

from .structure_portrait import Portrait, Q, R

Material = Literal["a-si", "a-lisi", "carbon", "other"]

#: extrema (Q in 1/angstrom, S) of a-Si, Laaziri et al., Phys. Rev. B 60, 13520 (1999), read from the figure: trust +-0.02
#: and +-0.03
LAAZIRI_MAXIMA = ((1.98, 1.77), (3.60, 2.05), (5.64, 1.34), (6.82, 1.07), (8.73, 1.23), (11.26, 1.12))
LAAZIRI_MINIMA = ((2.61, 0.49), (4.44, 0.52), (6.31, 0.98), (7.36, 0.77), (9.87, 0.87))
LAAZIRI = "X-ray a-Si: Laaziri, PRB 60, 13520 (1999)"
#: pair distances of graphene with bonds of 1.420 angstrom
GRAPHENE_A = (1.420, 2.460, 2.840, 3.757, 4.260, 4.919, 5.120)
#: a-LixSi by x: volume per Si (A3), Si-Si below 2.85 A: neighbours and mean distance, Si-Li neighbours below 3.4 A
DFTB = np.array(
    [
        (0.0, 20.44, 3.94, 2.369, 0.0),
        (0.203, 23.62, 3.81, 2.445, 1.67),
        (0.5625, 27.69, 3.38, 2.499, 3.77),
        (0.891, 31.42, 2.97, 2.530, 5.44),
        (1.50, 41.12, 2.03, 2.526, 6.83),
        (2.00, 48.86, 1.41, 2.508, 8.03),
    ]
)
REAXFF = np.array(
    [
        (0.0, 20.44, 3.94, 2.369, 0.0),
        (0.21, 22.09, 4.03, 2.394, 1.93),
        (0.62, 26.50, 3.98, 2.464, 4.71),
        (1.25, 34.46, 3.60, 2.526, 6.82),
    ]
)
LISI_SOURCE = "models: Fernandez et al., PRB 108, 144201 (2023)"
#: how far a structure may lie outside what the models span: they are single frames of 64 to 672 Si
LISI_MARGIN = (0.5, 0.25, 0.020, 0.25)
#: volume of a-Si per atom and of each Li (A3): Laaziri 1999; Chevrier & Dahn, J. Electrochem. Soc. 156, A454 (2009)
VOLUME_SI, VOLUME_LI = 28.0855 / (2.285 * ATOMS_PER_A3), 16.05
#: boxes of disordered matter need this width (A), lest an atom meets its own image within the order that there is
WIDTH_A = 20.0
#: Bragg reflections of silicon up to (311) lie below this, 1/angstrom
BRAGG_Q = 4.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One quantity, the window that it has to lie in, and where the window comes from.

    A window that is None is not judged, and a value that is not a number is a failure.
    """

    title: str
    value: float
    unit: str = ""
    low: float = -np.inf
    high: float = np.inf
    source: str
    judged: bool = True

    @property
    def verdict(self) -> str:
        """``pass``, ``fail``, or ``not judged``."""
        if not self.judged:
            return "not judged"
        return "pass" if self.low <= self.value <= self.high else "fail"


def material(portrait: Portrait) -> Material:
    """What the composition says a structure is meant to be."""
    elements, kind = set(portrait.structure.composition), portrait.structure.kind
    if kind == "periodic" and elements == {"Si"}:
        return "a-si"
    if kind == "periodic" and elements == {"Li", "Si"}:
        return "a-lisi"
    return "carbon" if elements == {"C"} else "other"


def gates(portrait: Portrait, what: Material | None = None) -> list[Gate]:
    """Judge a structure.

    Parameters
    ----------
    portrait : Portrait
        See :func:`tsct.apps.structure_portrait.portrait`.
    what : {"a-si", "a-lisi", "carbon", "other"}, optional
        What it should be: amorphous silicon, lithiated amorphous silicon, sp2 carbon, or anything, for which only the
        distances and the density of atoms are judged. From the composition if omitted.
    """
    special: dict[Material, Callable[[Portrait], Iterator[Gate]]] = {
        "a-si": _silicon,
        "a-lisi": _lithiated,
        "carbon": _carbon,
    }
    what = what or material(portrait)
    return [*_general(portrait), *(special[what](portrait) if what in special else ())]


def _general(portrait: Portrait) -> Iterator[Gate]:
    bounds = "no condensed matter lies outside"
    # a gas is dilute: only the distances within its molecules can be judged
    dense = portrait.structure.density_g_cm3 > 0.01
    yield Gate(
        title="number density",
        value=portrait.structure.number_density_per_a3,
        unit="1/Å³",
        low=1e-3,
        high=0.3,
        source=bounds,
        judged=dense,
    )
    lone = np.isnan(portrait.closest_a)
    yield Gate(
        title="closest atoms", value=portrait.closest_a, unit="Å", low=0.7, source="H–H is 0.74 Å", judged=not lone
    )


def _box(portrait: Portrait) -> Gate:
    source = "order of amorphous silicon reaches 10 Å"
    return Gate(title="narrowest box", value=portrait.width_a, unit="Å", low=WIDTH_A, source=source)
