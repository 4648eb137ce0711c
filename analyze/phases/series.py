"""The region of interest through the states: difference PDFs, fitted changes with errors, and onset potentials."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from tsct.analyze.pdf.peaks import between, extremum
from tsct.analyze.pdf.termination_ripples import ripple_test
from tsct.analyze.pdf.transform import PdfOperator, pdf_operator
from tsct.analyze.recipe.pdf_recipe import ATTRIBUTE
from tsct.analyze.recipe.recipe import Recipe

from .breakpoints import Hinges, fit_hinges
from .difference_fit import DIFFERENCE_RANGE, PARAMETER_UNITS, PARAMETERS, fit_difference, fit_lithium_shell
from .reference_fit import Reference, fit_reference
from .shells import SILICON_LITHIUM, Shell
from .squared_amplitude_fit import SQUARED_PEAKS, squared_amplitudes

#: signals that the hinge model follows: contacts with lithium, Si-Si bonds, order beyond them
HINGED = ("silicon_lithium", "shift", "second_shell")
#: an onset is claimed only if a series without events would look like this with a smaller chance
ONSET_CHANCE = 1e-4
#: the Si-Li shell is looked for if its strongest number of neighbours exceeds so many errors
LITHIUM_SURE = 4.0
#: else that of the handbook is used, with these errors of its distance (angstrom) and variance (square angstrom)
LITHIUM_DOUBT = (0.10, 0.02)
#: reference and state are scaled to each other by their PDFs from here on, angstrom
SCALED_FROM = 1.0
#: channels over which the scatter between neighbouring Q bins is averaged
NOISE_CHANNELS = 101
#: windows in angstrom for the lobes of the first difference peak: loss at short, gain at long distance
LOBES = {"lobe_low": (2.05, 2.40, -1.0), "lobe_high": (2.36, 2.65, 1.0)}


def fit_series(tiles: Sequence[xr.Dataset], recipe: Recipe) -> xr.Dataset:
    """Follow the region of interest of one slice through the states.

    Parameters
    ----------
    tiles : sequence of xarray.Dataset
        Results of :func:`~tsct.analyze.chain.analyze_tile`; the first is the reference.
    recipe : Recipe
        All choices.

    Returns
    -------
    xarray.Dataset
        ROI I(Q), F(Q), G(r) and dPDF of every state with errors, fitted parameters with errors, lobes, onsets.
    """
    q = tiles[0].q.values
    operator = pdf_operator(q, recipe.pdf, compton=tiles[0].compton_weight.values)
    intensity = np.stack([tile.roi_iq.values for tile in tiles])
    poisson = np.stack([tile.roi_iq_variance.values for tile in tiles])
    density = float(operator.density(intensity[0]))
    absolute = poisson + gain_noise(intensity, poisson, recipe)
    changing = poisson + drift_noise(intensity, poisson)
    weights = reference_weights(operator.apply(intensity), operator.r, recipe)
    record = _curves(operator, density, tiles, intensity, absolute, changing, weights)
    oxygen = recipe.pdf.composition.get("O", 0.0) * density
    reference = fit_reference(operator, operator.apply(intensity[0]), oxygen)
    covariance = operator.covariance(absolute[0]) / density**2
    record["roi_gr_covariance"] = (
        ("r", "r_2"),
        covariance.astype(np.float32),
        {"units": "1/angstrom^4", "long_name": "covariance of G(r) in the reference state"},
    )
    record["gr_model"] = ("r", reference.model / density, {"units": "1/angstrom^2"})
    record["compton_weight"] = tiles[0].compton_weight.reset_coords(drop=True)
    record.attrs |= _reference_attrs(reference, density)
    record.attrs[ATTRIBUTE] = recipe.pdf.as_attribute()
    if len(tiles) > 1:
        changes = _changes(operator, reference, intensity, changing, density, weights)
        record = record.merge(changes, combine_attrs="no_conflicts")
        parts = [_onsets(record), _features(tiles, recipe, intensity, weights)]
        if recipe.squared_amplitudes:
            parts.append(_squared(record, operator, changing / density**2, weights))
        record = xr.merge([record, *parts], combine_attrs="override", compat="no_conflicts", join="outer")
    return record


def reference_weights(h: NDArray, r: NDArray, recipe: Recipe) -> NDArray[np.float64]:
    """Matrix (state, state) that turns patterns of states into differences from the reference.

    Row n is ``G_n - s_n mean(G_1 ... G_k)``. With `scale_matched`, s_n minimises the square of row n beyond 1 angstrom;
    its own small error is not propagated.

    Parameters
    ----------
    h : ndarray, shape (state, r)
        H(r) of the region in all states.
    r : ndarray, shape (r,)
    recipe : Recipe
    """
    count = len(h)
    first = min(recipe.reference_states, count)
    mean = np.zeros(count)
    mean[:first] = 1.0 / first
    scale = np.ones(count)
    if recipe.scale_matched:
        inside = h[:, r >= SCALED_FROM]
        reference = mean @ inside
        scale = inside @ reference / (reference @ reference)
    return np.eye(count) - np.outer(scale, mean)


def channel_noise(intensity: NDArray, poisson: NDArray) -> NDArray[np.float64]:
    """Variance of each channel beyond counting, shape (q,), from the scatter between neighbouring Q bins.

    A total-scattering pattern is smooth on the scale of a bin, so second differences hold noise alone:
    ``(J[i-1] - 2 J[i] + J[i+1])^2 / 6`` has the channel variance as its mean. What exceeds the counting noise is a gain
    pattern.
    """
    second = np.diff(intensity, 2, axis=-1) ** 2 / 6
    padded = np.pad(second.mean(axis=0), 1, mode="edge")
    return np.maximum(uniform_filter1d(padded - poisson.mean(axis=0), NOISE_CHANNELS, mode="nearest"), 0.0)


def gain_noise(intensity: NDArray, poisson: NDArray, recipe: Recipe) -> NDArray[np.float64]:
    """Variance of each channel by its gain, shape (q,): as the recipe has it, or from :func:`channel_noise`."""
    if recipe.gain_error is None:
        return channel_noise(intensity, poisson)
    return np.asarray((recipe.gain_error * intensity.mean(axis=0)) ** 2)


def drift_noise(intensity: NDArray, poisson: NDArray) -> NDArray[np.float64]:
    """Variance per state beyond counting that differences do not cancel, shape (q,)."""
    if len(intensity) < 2:
        return np.zeros(intensity.shape[-1])
    changes = np.diff(intensity, axis=0)
    both = poisson[1:] + poisson[:-1]
    return channel_noise(changes, both) / 2


def _curves(
    operator: PdfOperator,
    density: float,
    tiles: Sequence[xr.Dataset],
    intensity: NDArray,
    absolute: NDArray,
    changing: NDArray,
    weights: NDArray,
) -> xr.Dataset:
    gr = operator.apply(intensity) / density
    fq = operator.fq(intensity) / density
    fq_errors = np.sqrt(operator.fq_variance(absolute)) / density
    gr_errors = np.sqrt(operator.variance(absolute)) / density
    dgr_errors = np.sqrt(operator.variance(weights**2 @ changing)) / density
    series = ("state",)
    return xr.Dataset(
        {
            "roi_gr": ((*series, "r"), gr, {"units": "1/angstrom^2", "long_name": "G(r)"}),
            "roi_gr_errors": ((*series, "r"), gr_errors, {"units": "1/angstrom^2"}),
            "roi_dgr": ((*series, "r"), weights @ gr, {"units": "1/angstrom^2", "long_name": "G_n(r) - G_1(r)"}),
            "roi_dgr_errors": ((*series, "r"), dgr_errors, {"units": "1/angstrom^2"}),
            "roi_fq": ((*series, "q_used"), fq, {"units": "1/angstrom", "long_name": "F(Q)"}),
            "roi_fq_errors": ((*series, "q_used"), fq_errors, {"units": "1/angstrom"}),
            "roi_iq": ((*series, "q"), intensity / density, {"units": "electron units/atom", "long_name": "I(Q)"}),
            "roi_iq_errors": ((*series, "q"), np.sqrt(absolute) / density, {"units": "electron units/atom"}),
        },
        coords={
            "state": ("state", [int(tile["state"]) for tile in tiles]),
            "potential_v": ("state", [float(tile.potential_v) for tile in tiles], {"units": "V"}),
            "q": ("q", operator.q, {"units": "1/angstrom"}),
            "q_used": ("q_used", operator.q[operator.transformed], {"units": "1/angstrom"}),
            "r": ("r", operator.r, {"units": "angstrom"}),
        },
    )


def _reference_attrs(reference: Reference, density: float) -> dict[str, float]:
    return {
        "reference_density": density,
        "reference_distance": reference.first.distance,
        "reference_sigma": reference.first.sigma,
        "reference_silicon": float(reference.amplitudes[0]),
        "reference_carbon": float(reference.amplitudes[2]),
    }


def _changes(
    operator: PdfOperator,
    reference: Reference,
    intensity: NDArray,
    variance: NDArray,
    density: float,
    weights: NDArray,
) -> xr.Dataset:
    """Fitted parameters of every difference; ``covariance_single`` is that of one state, without the reference's."""
    differences, both = operator.apply(weights @ intensity), weights**2 @ variance
    lithium, strongest = lithium_shell(operator, reference, differences, both)
    fits = [fit_difference(operator, reference, change, lithium) for change in differences]
    values = np.stack([fit.parameters for fit in fits])
    own = np.stack([fit.covariance(operator.covariance(row)) for fit, row in zip(fits, variance, strict=True)])
    total = np.stack([fit.covariance(operator.covariance(row)) for fit, row in zip(fits, both, strict=True)])
    shell = np.diag(LITHIUM_DOUBT) ** 2
    if strongest:
        response = fits[strongest].lithium_matrix[:1]
        shell[0, 0] = (response @ operator.covariance(both[strongest]) @ response.T).item()
        # a wrong width moves the fitted distance with it
        drag = np.array([[1.0, fits[strongest].distance_by_variance], [0.0, 1.0]])
        shell = drag @ shell @ drag.T
    of_shell = np.stack([fit.by_lithium @ shell @ fit.by_lithium.T for fit in fits])
    errors = np.sqrt(np.diagonal(total + of_shell, axis1=1, axis2=2))
    if not weights[0].any():
        values[0], errors[0] = 0.0, 0.0
    curves = differences / density
    record = xr.Dataset(coords={"parameter": ("parameter", list(PARAMETERS))})
    record.attrs = {"lithium_distance": lithium.distance, "lithium_sigma": lithium.sigma}
    record["fit"] = (("state", "parameter"), values, {"units": "mixed", "parameter_units": list(PARAMETER_UNITS)})
    record["fit_errors"] = (("state", "parameter"), errors, {"units": "mixed"})
    record["fit_covariance_single"] = (("state", "parameter", "parameter_2"), own, {"units": "mixed"})
    record["difference_weights"] = (("state", "state_2"), weights, {"units": "1"})
    record["dgr_model"] = (("state", "r"), np.stack([fit.model for fit in fits]) / density, {"units": "1/angstrom^2"})
    for name, (low, high, sign) in LOBES.items():
        found = np.array([extremum(operator.r, curve, low, high, sign) for curve in curves])
        found[0] = np.nan
        record[name] = ("state", found[:, 0], {"units": "angstrom"})
        record[f"{name}_height"] = ("state", found[:, 1], {"units": "1/angstrom^2"})
    return record


def lithium_shell(
    operator: PdfOperator, reference: Reference, differences: NDArray, variance: NDArray
) -> tuple[Shell, int]:
    """Si-Li shell for all states and the state that it is fitted to: the strongest, if it surely holds lithium.

    Else, the shell of the handbook and zero.
    """
    strongest = int(np.argmax(np.sum(differences[:, between(operator.r, DIFFERENCE_RANGE)] ** 2, axis=1)))
    fit = fit_difference(operator, reference, differences[strongest])
    at = PARAMETERS.index("silicon_lithium")
    error = np.sqrt(fit.covariance(operator.covariance(variance[strongest]))[at, at])
    if fit.parameters[at] < LITHIUM_SURE * error:
        return SILICON_LITHIUM, 0
    return fit_lithium_shell(operator, reference, differences[strongest]), strongest


def _onsets(record: xr.Dataset) -> xr.Dataset:
    states = record.sizes["state"]
    if states < 5:
        return xr.Dataset()
    found = _claimed(fit_hinges(record.potential_v.values[1:], *_signals(record, HINGED)))
    coords = {"hinge": ("hinge", [1, 2, 3]), "signal": ("signal", list(HINGED))}
    return xr.Dataset(
        {
            # in the order of the discharge: with fewer than three it is not known which of three events they are
            "onset_v": ("hinge", found.potentials_v, {"units": "V", "reasons": list(found.reasons)}),
            "onset_v_errors": ("hinge", found.errors_v, {"units": "V"}),
            "onset_slopes": (("signal", "hinge"), found.slopes, {"units": "1/V"}),
            "onset_chance": ("hinge", found.chances, {"units": "1", "long_name": "that noise makes one more hinge"}),
        },
        coords=coords,
    )


def _claimed(found: Hinges) -> Hinges:
    """The hinges, or none of them where the whole series could be noise."""
    if found.chance <= ONSET_CHANCE:
        return found
    nothing, why = np.full_like(found.errors_v, np.nan), f"the series could be noise (chance {found.chance:.2g})"
    return replace(found, potentials_v=nothing, errors_v=nothing, reasons=(why,) * len(nothing))


def _signals(record: xr.Dataset, names: Iterable[str]) -> tuple[NDArray, NDArray]:
    """Parameters over the states, (signal, state), and their covariance, (signal, state, signal, state)."""
    rows = [PARAMETERS.index(name) for name in names]
    weights = record["difference_weights"].values[1:]
    own = record["fit_covariance_single"].values[:, rows][:, :, rows]
    covariance = np.einsum("as,sij,bs->iajb", weights, own, weights, optimize=True)
    return record["fit"].values[1:, rows].T, covariance


def _features(tiles: Sequence[xr.Dataset], recipe: Recipe, intensity: NDArray, weights: NDArray) -> xr.Dataset:
    """Which features of the reference's PDF and of the last difference are ripples of the transform."""
    q, compton = tiles[0].q.values, tiles[0].compton_weight.values
    record = xr.Dataset()
    for name, pattern in (("gr", intensity[0]), ("dgr", (weights @ intensity)[-1])):
        found = ripple_test(q, pattern, recipe.pdf, compton=compton)
        dim = f"{name}_feature"
        record[f"{dim}_r"] = (dim, found.position, {"units": "angstrom"})
        record[f"{dim}_is_ripple"] = (dim, found.ripple.astype(np.int8), {"units": "1"})
        for variant, move in found.moves.items():
            record[f"{dim}_move_{variant}"] = (dim, move, {"units": "angstrom"})
    return record


def _squared(record: xr.Dataset, operator: PdfOperator, variance: NDArray, weights: NDArray) -> xr.Dataset:
    both = weights**2 @ variance
    covariances = [operator.covariance(row) for row in both]
    pairs = zip(record.roi_dgr.values, covariances, strict=True)
    values, bias = np.array([squared_amplitudes(operator.r, curve, noise) for curve, noise in pairs]).transpose(1, 0, 2)
    return xr.Dataset(
        {
            "squared_amplitude": (("state", "peak"), values, {"units": "1/angstrom^4"}),
            "squared_amplitude_bias": (("state", "peak"), bias, {"units": "1/angstrom^4"}),
        },
        coords={"peak": ("peak", list(SQUARED_PEAKS))},
    )
