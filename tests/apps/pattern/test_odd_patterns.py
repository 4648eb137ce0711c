"""`tsct pdf` of odd patterns and settings: one clear line, or the right curve."""

import warnings

import numpy as np
import pytest
from diffpy.utils.parsers import load_data
from typer.testing import CliRunner

from tsct.apps.cli.main import app
from tsct.records.errors import TsctError

Q = np.arange(0.5, 25.001, 0.05)
INTENSITY = 1e4 * (np.exp(-Q / 8) + 0.05) * (1 + 0.5 * np.sin(2.35 * Q) / (1 + 0.3 * Q))


def run(folder, *words, composition="Si", code=0):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        result = CliRunner().invoke(app, ["pdf", *map(str, words), "--composition", composition, "-o", str(folder)])
    refusal = result.exception if isinstance(result.exception, TsctError) else None
    assert (refusal.exit_code if refusal else result.exit_code) == code, repr(result.exception)
    return str(refusal) if refusal else result.output


def write(path, *columns):
    np.savetxt(path, np.column_stack(columns), fmt="%.9g")
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    return write(folder / "a.xy", Q, INTENSITY)


@pytest.mark.parametrize(
    ("factor", "sigma", "said"),
    [
        (1e304, None, "an intensity is 1.39e+308; allowed are numbers up to 1e+30"),
        (1.0, 1e300, "an error is 1e+300; allowed are numbers up to 1e+30"),
        (0.0, None, "0 points hold an intensity"),
        (-1.0, None, "the mean intensity at high Q is not positive"),
    ],
)
def test_sizes_that_are_no_measurement(tmp_path, factor, sigma, said):
    errors = [] if sigma is None else [np.full_like(Q, sigma)]
    assert said in run(tmp_path, write(tmp_path / "a.xy", Q, factor * INTENSITY, *errors), code=3)


@pytest.mark.parametrize("mode", ["adhoc", "absolute"])
def test_the_beam_at_zero_is_no_pattern(tmp_path, mode):
    """A point at Q = 0 changes nothing, and Compton scattering has a value at the smallest Q."""
    q = np.arange(0.0, 21.001, 0.02)
    intensity = np.interp(q, Q, INTENSITY)
    options = ["--qmin", "0.015", "--mode", mode, "--solid-angle", "applied", "--polarization", "applied"]
    curves = []
    for name, first in (("with", 0), ("without", 1)):
        run(tmp_path, write(tmp_path / f"{name}.xy", q[first:], intensity[first:]), *options)
        curves.append(load_data(tmp_path / f"{name}.gr"))
    np.testing.assert_array_equal(*curves)
    assert np.all(np.isfinite(curves[0]))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--rmax", "0.5"), "--rmax is 0.5; allowed are 1.4 angstrom"),
        (("--qmax", "0.85"), "allowed is a --qmax of at least 1.2"),
        (("--mode", "absolute", "--density", "24"), "0.51 atoms per cubic angstrom; no matter has more than 0.3"),
        (("--unit", "nm^-1"), "the data end at 2.5 1/angstrom (the first column is read as 'nm^-1')"),
        (("--unit", "degrees"), "the first column is 'degrees'; add --wavelength"),
    ],
)
def test_settings_that_cannot_be(plain, tmp_path, options, said):
    corrected = ("--solid-angle", "applied", "--polarization", "applied")
    assert said in run(tmp_path, plain, *options, *corrected, code=3)


def test_a_unit_in_any_spelling(tmp_path):
    curves = []
    for name, factor, unit in (("a", 1.0, "A^-1"), ("b", 10.0, "nm⁻¹"), ("c", 1.0, "1/angstrom")):
        run(tmp_path, write(tmp_path / f"{name}.xy", factor * Q, INTENSITY), "--unit", unit)
        curves.append(load_data(tmp_path / f"{name}.gr")[:, 1])
    np.testing.assert_allclose(curves[0], curves[2], atol=1e-6)
    np.testing.assert_allclose(curves[1], curves[2], atol=1e-6)
