"""A plain chain from a scan to everything that the gate compares, with its choices laid open so that they can be wrong.

It is put together from the parts of :mod:`tsct.analyze`, except for the transform of the region's pattern, which is
written out once more.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from tsct.analyze import fbp
from tsct.analyze.pdf import PdfOperator, form_factor, mean_compton, parse_composition, pdf_operator
from tsct.analyze.phases import fit_reference, map_operator
from tsct.analyze.prepare import channel_compton, prepare_sinogram
from tsct.analyze.recipe import PdfRecipe, Recipe, Roi
from tsct.analyze.tomography import ParallelGeometry, fbp_variance, find_axis

FormFactor = Callable[[str, ArrayLike], NDArray[np.float64]]
#: lowest and highest Q of the transform, 1/angstrom
Q_RANGE = (0.8, 25.0)
#: of the polynomial that takes away what the corrections leave: 0.1 to 0.3 % of I(Q), by photons scattered twice and by
#: parallax, without which G(r) would be off by 6 %; higher degrees take no more
DEGREE = 3
#: distance below which that polynomial acts, angstrom
R_POLY = np.pi * DEGREE / Q_RANGE[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the chain does, right by default.

    Parameters
    ----------
    axis_error_mm : float
        Added to the rotation axis that was found.
    q_max : float
        End of the transform, whatever the result states.
    form_factor : callable
        Of a symbol and Q.
    compton : float
        Share of the Compton scattering that is subtracted.
    multiple_scattering : bool
        Whether photons scattered twice are subtracted.
    absorption : bool
        Whether rays are divided by their transmission.
    """

    axis_error_mm: float = 0.0
    q_max: float = Q_RANGE[1]
    form_factor: FormFactor = form_factor
    compton: float = 1.0
    multiple_scattering: bool = True
    absorption: bool = True


def plain_chain(scan: xr.Dataset, choices: Choices | None = None) -> dict[str, Any]:
    """Volumes, maps, patterns and PDFs of all states of the first slice.

    Parameters
    ----------
    scan : xarray.Dataset
        Dims (state, slice, angle, translation, q), without faults that need a repair.
    choices : Choices, optional
        What to do wrong.

    Returns
    -------
    dict
        In the layout of docs/gate.md.
    """
    choices = choices or Choices()
    tiles = [reconstruct_images(scan.isel(state=state, slice=0), choices) for state in range(scan.sizes["state"])]
    iq, variance = (np.stack([tile[k] for tile in tiles])[:, None] for k in range(2))
    q, composition = scan.q.values, parse_composition(scan.attrs["sample_composition"])
    inside = Roi().mask(scan.sizes["translation"])
    patterns = iq[:, 0, inside].mean(axis=1, dtype=np.float64)
    weight = channel_compton(scan.isel(state=0, slice=0))
    recipe = PdfRecipe(composition=composition)
    gr = _transformed(q, patterns, composition, weight, recipe.r, choices)
    return {
        **{"iq": iq, "iq_errors": np.sqrt(variance)},
        **_maps(iq, variance, patterns[0], pdf_operator(q, recipe, compton=weight), inside, composition),
        **{"roi": inside.astype(float), "roi_iq": patterns, "roi_gr": gr, "roi_dgr": gr - gr[0]},
        **{"q": q, "r": recipe.r, "q_min": Q_RANGE[0], "q_max": Q_RANGE[1], "r_poly": R_POLY},
        "composition": composition,
    }


def reconstruct_images(tile: xr.Dataset, choices: Choices) -> tuple[NDArray, NDArray]:
    """I(Q) of every voxel and its variance, shape (y, x, q)."""
    pdf = PdfRecipe(composition=parse_composition(tile.attrs["sample_composition"]))
    sinogram = prepare_sinogram(tile, Recipe(pdf=pdf, multiple_scattering=choices.multiple_scattering))
    lines, variance = sinogram.lines, sinogram.variance
    if not choices.absorption:
        through = tile.transmission.values[..., None].astype(lines.dtype)
        lines, variance = lines * through, variance * through**2
    translations, angles = tile.translation.values, tile.angle.values
    axis_mm, _ = find_axis(lines.sum(axis=-1), translations, angles, variance=variance.sum(axis=-1))
    geometry = ParallelGeometry.from_arrays(translations, angles, axis_mm + choices.axis_error_mm)
    return fbp(lines, geometry), fbp_variance(variance, geometry)


def _transformed(
    q: NDArray, patterns: NDArray, composition: Mapping[str, float], weight: NDArray, r: NDArray, choices: Choices
) -> NDArray[np.float64]:
    """G(r) of every state on the scale of the first, shape (state, r): Faber-Ziman, a plain sine transform.

    The number density is the mean of the pattern over free-atom scattering in the upper half of the data; Q times a
    polynomial in Q is fitted to F(Q) and taken away.
    """
    f = [choices.form_factor(symbol, q) for symbol in composition]
    shares = np.array(list(composition.values()))
    free = shares @ np.square(f) + choices.compton * weight * mean_compton(composition, q)
    upper = q > Q_RANGE[1] / 2
    density = (patterns / free)[:, upper].mean(axis=1)
    reduced = q * (patterns - density[:, None] * free) / (shares @ np.array(f)) ** 2
    used = (q >= Q_RANGE[0] - 1e-6) & (q <= choices.q_max + 1e-6)
    part, fq = q[used], reduced[:, used]
    smooth = part[:, None] * np.polynomial.chebyshev.chebvander(part / part[-1], DEGREE)
    fq = fq - np.linalg.lstsq(smooth, fq.T, rcond=None)[0].T @ smooth.T
    kernel = 2 / np.pi * np.sin(np.outer(part, r))
    return np.trapezoid(fq[..., None] * kernel, part, axis=1) / density[0]


def _maps(
    iq: NDArray,
    variance: NDArray,
    pattern: NDArray,
    operator: PdfOperator,
    inside: NDArray[np.bool_],
    composition: Mapping[str, float],
) -> dict[str, NDArray]:
    """Silicon and carbon of every voxel with their errors, shape (state, slice, y, x)."""
    oxygen = composition.get("O", 0.0) * float(operator.density(pattern))
    reference = fit_reference(operator, operator.apply(pattern), oxygen)
    maps = map_operator(operator, reference, variance[0, 0, inside].mean(axis=0, dtype=np.float64))
    rows = {name: maps.weights[maps.names.index(name)].astype(np.float32) for name in ("silicon", "carbon")}
    values = {name: iq @ row for name, row in rows.items()}
    return values | {f"{name}_errors": np.sqrt(variance @ row**2) for name, row in rows.items()}
