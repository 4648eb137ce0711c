"""Errors of G(r) against the scatter of repeats: frames of one expectation, integrated by pyFAI with split pixels."""

import numpy as np
import pytest

from tsct.analyze.pdf.bin_correlation import SharedPixels, shared_pixels
from tsct.analyze.pdf.one_pattern import pdf
from tsct.analyze.pdf.xray_tables import mean_compton, mean_f2
from tsct.analyze.readers.patterns import resample
from tsct.analyze.recipe import PdfRecipe
from tsct.records.seeds import generator

GLASS = {"Si": 1 / 3, "O": 2 / 3}
RECIPE = PdfRecipe(composition=GLASS, q_min=1.0, q_max=18.0, mode="adhoc", r_max=20.0, r_step=0.05)


def glass_pattern(q):
    """Free atoms with a first shell, electron units."""
    shell = 0.6 * np.sinc(q * 1.62 / np.pi) * np.exp(-0.5 * (0.05 * q) ** 2)
    return mean_f2(GLASS, q) * (1 + shell) + mean_compton(GLASS, q)


def repeats(count, splitting, pixels):
    """Q, and intensities and errors (repeat, q) of frames that differ by their Poisson noise alone."""
    integrator = pytest.importorskip("pyFAI.integrator.azimuthal").AzimuthalIntegrator(
        dist=0.25, poni1=0.001, poni2=0.001, pixel1=0.2 / pixels, pixel2=0.2 / pixels, wavelength=1.5e-11
    )
    shape = (pixels, pixels)
    q = integrator.center_array(shape, unit="q_A^-1")
    grid = np.linspace(0.1, 25.0, 3000)
    expectation = 40.0 * np.interp(q, grid, glass_pattern(grid))
    found = []
    for repeat in range(count):
        frame = generator(7, repeat).poisson(expectation).astype(np.float64)
        found.append(
            integrator.integrate1d(
                frame,
                600,
                unit="q_A^-1",
                radial_range=(0.9, 18.5),
                correctSolidAngle=False,
                error_model="poisson",
                method=(splitting, "csr", "cython"),
            )
        )
    return found[0].radial, *(np.array([getattr(each, name) for each in found]) for name in ("intensity", "sigma"))


def scatter_over_error(count, splitting, pixels):
    """Root mean square of (G - mean G) / dG over repeats and r, and the half width of its 95 % interval."""
    q, intensity, sigma = repeats(count, splitting, pixels)
    curves, errors, sides = [], [], []
    for one, its_sigma in zip(intensity, sigma, strict=True):
        at, values, spread = resample(q, one, its_sigma)
        shared = shared_pixels(values, spread)
        sides.append(shared.side_bins)
        data = pdf(at, values, RECIPE, sigma=spread, pixels=shared)
        curves.append(data.gr.values)
        errors.append(data.gr_errors.values)
    r = data.r.values
    # independent values of a band-limited curve stand pi / Qmax apart
    lattice = np.searchsorted(r, np.arange(1.2, 19.5, np.pi / RECIPE.q_max))
    pulls = (np.array(curves) - np.mean(curves, axis=0))[:, lattice] / np.array(errors)[:, lattice]
    square = float((pulls**2).sum() / ((count - 1) * len(lattice)))
    half = 1.96 * np.sqrt(2 / ((count - 1) * len(lattice)))
    return np.sqrt(square), np.sqrt(square) * half / 2, float(np.median(sides))


def test_split_pixels_make_errors_of_g_as_large_as_its_scatter():
    ratio, half, side = scatter_over_error(12, "bbox", 400)
    assert 0.9 - half < ratio < 1.1 + half
    assert SharedPixels(side).neighbours > 0.3


@pytest.mark.campaign
@pytest.mark.parametrize("splitting", ["bbox", "full", "no"])
def test_sixty_repeats(splitting):
    ratio, half, _ = scatter_over_error(60, splitting, 400)
    assert ratio - half >= 0.9 and ratio + half <= 1.1
