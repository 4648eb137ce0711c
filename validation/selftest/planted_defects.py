"""Chains with a planted defect, to learn what the gate sees: each damages a good chain in one way."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
import xraydb
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter
from scipy.special import gammainc

from tsct.analyze.pdf import form_factor
from tsct.records.seeds import generator
from tsct.records.units import q_inv_angstrom, two_theta_rad, wavelength_angstrom

from .plain_chain import Choices, plain_chain

Result = dict[str, Any]
GOOD = Choices()
#: counts a pixel where weighting by 1/n is tried
COUNTS_A_PIXEL = 5.0
#: weights with which pixel splitting shares a reading between a channel and its neighbours
SPLIT = (0.25, 0.5, 0.25)
_MAPS = ("silicon", "carbon")


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One way to be wrong.

    Parameters
    ----------
    name, size : str
        What is wrong, and by how much.
    choices : Choices
        Of the chain.
    scan, result : callable
        Damage to what goes in and to what comes out; nothing if omitted. The result comes with a random generator.
    required : bool
        Whether the gate promises to see it.
    """

    name: str
    size: str
    choices: Choices = GOOD
    scan: Callable[[xr.Dataset], xr.Dataset] | None = None
    result: Callable[[Result, np.random.Generator], Result] | None = None
    required: bool = True

    def chain(self, scan: xr.Dataset, *, seed: int = 0, clean: Result | None = None) -> Result:
        """The damaged chain; `clean` saves the work where only the result is damaged."""
        if clean is None or self.scan is not None or self.choices != GOOD:
            clean = plain_chain(self.scan(scan) if self.scan else scan, self.choices)
        return self.result(dict(clean), generator(seed, "defect", self.name)) if self.result else dict(clean)


def _with(scan: xr.Dataset, **values: NDArray) -> xr.Dataset:
    return scan.assign({name: scan[name].copy(data=np.asarray(array)) for name, array in values.items()})


def _stretched(scan: xr.Dataset) -> xr.Dataset:
    """Q from a wavelength that is 0.1 % too short."""
    return scan.assign_coords(q=scan.q * 1.001)


def _farther(scan: xr.Dataset) -> xr.Dataset:
    """Q from a detector distance that is 0.1 % too short: the tangent of the scattering angle comes out too large."""
    wavelength = wavelength_angstrom(scan.attrs["energy_kev"])
    seen = np.arctan(1.001 * np.tan(two_theta_rad(scan.q.values, wavelength)))
    return scan.assign_coords(q=("q", q_inv_angstrom(seen, wavelength), scan.q.attrs))


def _backwards(scan: xr.Dataset) -> xr.Dataset:
    """The angles with the wrong sign."""
    return scan.assign_coords(angle=(-scan.angle).assign_attrs(scan.angle.attrs))


def _flipped(result: Result, _: np.random.Generator) -> Result:
    images = ("iq", "iq_errors", *_MAPS, *(f"{name}_errors" for name in _MAPS))
    return result | {name: np.flip(result[name], axis=3) for name in images}


def _without(name: str) -> Callable[[xr.Dataset], xr.Dataset]:
    return lambda scan: _with(scan, **{name: np.ones_like(scan[name])})


def _half_as_large_argument(symbol: str, q: ArrayLike) -> NDArray[np.float64]:
    """Q / 2 pi where the table wants Q / 4 pi."""
    return form_factor(symbol, 2 * np.asarray(q))


def _ion(symbol: str, q: ArrayLike) -> NDArray[np.float64]:
    """Si4+ and O1- for the neutral atoms, from the table of Waasmaier & Kirfel."""
    ions = {"Si": "Si4+", "O": "O1-"}
    return (
        xraydb.f0(ions.get(symbol, symbol), np.asarray(q) / (4 * np.pi)) if symbol in ions else form_factor(symbol, q)
    )


def _renormalised(result: Result, _: np.random.Generator) -> Result:
    """Silicon and carbon of every voxel scaled so that they add up alike everywhere."""
    total = sum(np.maximum(result[name], 0) for name in _MAPS)
    filled = total > 0.3 * total.max()
    scale = np.where(filled, total[filled].mean() / np.where(filled, total, 1.0), 1.0)
    return result | {name: result[name] * scale for name in _MAPS}


def _errors_times(factor: float) -> Callable[[Result, np.random.Generator], Result]:
    names = ("iq_errors", *(f"{name}_errors" for name in _MAPS))
    return lambda result, _: result | {name: factor * result[name] for name in names}


def _split(scan: xr.Dataset) -> xr.Dataset:
    """Every reading shared with the neighbouring channels; the errors forget what they share."""
    counts = scan.intensity.values
    padded = np.pad(counts, [(0, 0)] * (counts.ndim - 1) + [(1, 1)], mode="edge")
    shifted = [padded[..., k : k + counts.shape[-1]] for k in range(3)]
    shared = np.sum([weight * part for weight, part in zip(SPLIT, shifted, strict=True)], axis=0)
    variance = np.sum([weight**2 * part for weight, part in zip(SPLIT, shifted, strict=True)], axis=0)
    split = _with(scan, intensity=shared.astype(np.float32))
    known = np.maximum(variance, 1.0).astype(np.float32)
    return split.assign(variance=(scan.intensity.dims, known, {"units": "counts^2"}))


def _weighted_by_counts(scan: xr.Dataset) -> xr.Dataset:
    """The mean of many pixels with few counts each, weighted by 1/n, as it comes out on average.

    Each channel is spread over so many pixels that they hold five counts on average. With weights 1/max(n, 1) a mean of
    ``m`` becomes ``(1 - exp(-m)) / E[1/max(n, 1)]``: 24 % less at five counts.
    """
    counts = scan.intensity.values.astype(np.float64)
    pixels = counts.mean(axis=(-3, -2), keepdims=True) / COUNTS_A_PIXEL
    m = counts / pixels
    low = (1 - np.exp(-m)) / np.maximum(_mean_inverse(m), 1e-12)
    return _with(scan, intensity=(pixels * low).astype(np.float32))


def _mean_inverse(m: NDArray[np.float64]) -> NDArray[np.float64]:
    """E[1/max(n, 1)] of a Poisson number with mean `m`, interpolated from its sum."""
    grid = np.linspace(0.0, float(m.max()), 400)
    n = np.arange(1, int(m.max() + 12 * np.sqrt(m.max()) + 20))
    chance = gammainc(n, grid[:, None]) - gammainc(n + 1, grid[:, None])
    return np.interp(m, grid, np.exp(-grid) + chance @ (1 / n))


def _smoothed(result: Result, _: np.random.Generator) -> Result:
    """Maps through a Gaussian of one voxel: less noise, and no rings."""
    return result | {name: gaussian_filter(result[name], (0, 0, 1.0, 1.0)) for name in _MAPS}


def _swapped_voxels(result: Result, rng: np.random.Generator) -> Result:
    """One voxel of the electrode and one of the wall around it in each other's place, in all images."""
    n = result["iq"].shape[-2]
    angle, own = rng.uniform(0, 2 * np.pi, 2), np.array([rng.uniform(0, 0.28 * n), 0.40 * n])
    (y1, y2), (x1, x2) = (np.rint(own * part(angle) + (n - 1) / 2).astype(int) for part in (np.sin, np.cos))
    names = ("iq", "iq_errors", *_MAPS, *(f"{name}_errors" for name in _MAPS))
    result = result | {name: result[name].copy() for name in names}
    for name in names:
        image = result[name]
        image[:, :, [y1, y2], [x1, x2]] = image[:, :, [y2, y1], [x2, x1]]
    return result


def _swapped_frames(scan: xr.Dataset) -> xr.Dataset:
    """A frame through the middle of the electrode and one through the wall in each other's place."""
    counts = scan.intensity.values.copy()
    views, rays = (counts.shape[2] // 6, counts.shape[2] // 2), (counts.shape[3] // 2, counts.shape[3] // 8)
    counts[:, :, views, rays] = counts[:, :, views[::-1], rays[::-1]]
    return _with(scan, intensity=counts)


def _swapped_views(scan: xr.Dataset) -> xr.Dataset:
    """Two views a third of the range apart in each other's place."""
    order = np.arange(scan.sizes["angle"])
    first, second = len(order) // 6, len(order) // 2
    order[[first, second]] = second, first
    return scan.isel(angle=order).assign_coords(angle=scan.angle)


def _swapped_states(scan: xr.Dataset) -> xr.Dataset:
    return scan.isel(state=slice(None, None, -1)).assign_coords(state=scan.state)


#: the planted defects, in the order of the table
DEFECTS: tuple[Defect, ...] = (
    Defect(name="rotation axis off", size="0.5 voxels", choices=Choices(axis_error_mm=0.065)),
    Defect(name="rotation axis off a little", size="0.1 voxels", choices=Choices(axis_error_mm=0.013), required=False),
    Defect(name="angles with the wrong sign", size="all", scan=_backwards),
    Defect(name="images flipped", size="along y", result=_flipped),
    Defect(name="wavelength", size="0.1 %", scan=_stretched),
    Defect(name="detector distance", size="0.1 %", scan=_farther),
    Defect(name="Qmax not the stated one", size="20 for 25 1/angstrom", choices=Choices(q_max=20.0)),
    Defect(
        name="form factor of another argument",
        size="Q/2pi for Q/4pi",
        choices=Choices(form_factor=_half_as_large_argument),
    ),
    # smooth enough for the polynomial to take most of it: R_w is 3 %, and 5 % are allowed
    Defect(name="form factors of ions", size="Si4+, O1-", choices=Choices(form_factor=_ion), required=False),
    Defect(name="no Compton subtraction", size="all", choices=Choices(compton=0.0)),
    Defect(name="no subtraction of photons scattered twice", size="all", choices=Choices(multiple_scattering=False)),
    Defect(name="no polarisation correction", size="all", scan=_without("polarization")),
    Defect(name="no absorption correction", size="all", choices=Choices(absorption=False)),
    Defect(name="maps renormalised in every voxel", size="to a constant sum", result=_renormalised),
    Defect(name="error bars too large", size="10 %", result=_errors_times(1.1)),
    Defect(name="error bars too small", size="10 %", result=_errors_times(0.9)),
    Defect(name="independent errors after pixel splitting", size="half of a channel", scan=_split),
    Defect(name="mean weighted by 1/n", size="5 counts a pixel", scan=_weighted_by_counts),
    Defect(name="maps smoothed", size="Gaussian of one voxel", result=_smoothed),
    Defect(name="two voxels swapped", size="electrode and wall", result=_swapped_voxels),
    Defect(name="two frames swapped", size="electrode and wall", scan=_swapped_frames),
    Defect(name="two views swapped", size="2 of 60", scan=_swapped_views, required=False),
    Defect(name="two states swapped", size="first and last", scan=_swapped_states),
)
