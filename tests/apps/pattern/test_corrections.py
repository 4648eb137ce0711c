"""Solid angle and polarisation: divided out once, whoever says so, against pyFAI's own corrections."""

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from tsct.analyze.readers.text_headers import corrections_applied, stated_wavelength
from tsct.analyze.recipe import PdfRecipe
from tsct.apps.cli.main import app
from tsct.apps.pattern import Source, check_states, read_measured
from tsct.records.errors import InputError, TsctError, UsageError

WAVELENGTH = 0.16
RECIPE = PdfRecipe(composition={"Si": 1.0}, q_min=1.5, q_max=24.0, mode="adhoc")
PIXELS = 300
NAMES = ("solid_angle", "polarization")


@pytest.fixture(scope="module")
def integrator():
    pixel = 0.3 / PIXELS
    return pytest.importorskip("pyFAI.integrator.azimuthal").AzimuthalIntegrator(
        dist=0.19, poni1=0.15, poni2=0.15, pixel1=pixel, pixel2=pixel, wavelength=WAVELENGTH * 1e-10
    )


@pytest.fixture(scope="module")
def frame(integrator):
    """An image without noise: scattering of a polarised beam, on equal pixels of a flat detector."""
    shape = (PIXELS, PIXELS)
    q = integrator.center_array(shape, unit="q_A^-1")
    scattering = 1e4 * (np.exp(-q / 8) + 0.05) * (1 + 0.2 * np.sin(2.3 * q) / (1 + 0.3 * q))
    return scattering * integrator.solidAngleArray(shape) * integrator.polarization(shape, 0.99)


@pytest.fixture(scope="module")
def files(integrator, frame, tmp_path_factory):
    """Text files of pyFAI: both corrected, and neither."""
    folder = tmp_path_factory.mktemp("text")
    for name, factor, solid_angle in (("both", 0.99, True), ("neither", None, False)):
        integrator.integrate1d(
            frame,
            400,
            unit="q_A^-1",
            radial_range=(0.5, 24.5),
            filename=str(folder / f"{name}.dat"),
            polarization_factor=factor,
            correctSolidAngle=solid_angle,
            method=("bbox", "csr", "cython"),
        )
    return folder


def run(*words, code=0):
    result = CliRunner().invoke(app, ["pdf", *map(str, words), "--composition", "Si", "--qmin", "1.5"])
    refusal = result.exception if isinstance(result.exception, TsctError) else None
    assert (refusal.exit_code if refusal else result.exit_code) == code, repr(result.exception)
    return str(refusal) if refusal else result.output


def test_what_is_missing_is_divided_out_as_pyfai_does(files):
    corrected = read_measured(Source(pattern=files / "both.dat"), RECIPE)
    raw = read_measured(Source(pattern=files / "neither.dat", applied={"solid_angle": False}), RECIPE)
    assert raw.corrections.here == ("solid_angle", "polarization") and not raw.corrections.assumed
    assert corrected.corrections.assumed == ("solid_angle",) and not corrected.corrections.here
    assert raw.wavelength == corrected.wavelength == pytest.approx(WAVELENGTH)
    used = (corrected.q > 1.5) & (corrected.q < 24.0)
    np.testing.assert_allclose(raw.intensity[used], corrected.intensity[used], rtol=2e-3)
    # and the correction is no small one
    plain = read_measured(Source(pattern=files / "neither.dat", applied=dict.fromkeys(NAMES, True)), RECIPE)
    assert plain.intensity[used][-1] < 0.7 * corrected.intensity[used][-1]


def test_a_background_follows_its_own_header(files):
    """Corrected pattern less half of the same pattern that was not corrected: half of it."""
    both = read_measured(Source(pattern=files / "both.dat"), RECIPE)
    mixed = read_measured(
        Source(
            pattern=files / "both.dat",
            background=files / "neither.dat",
            background_scale=0.5,
            applied={"solid_angle": True},
        ),
        RECIPE,
    )
    used = (both.q > 1.5) & (both.q < 24.0)
    angle = 2 * np.arcsin(both.q[used] * WAVELENGTH / 4 / np.pi)
    np.testing.assert_allclose(mixed.intensity[used] / both.intensity[used], 1 - 0.5 * np.cos(angle) ** 3, rtol=5e-3)


def test_nobody_says_and_the_scale_matters(files, tmp_path):
    said = run(files / "both.dat", "-o", tmp_path)
    assert "solid angle taken as divided out before; if not so, add --solid-angle missing" in said
    refusal = run(files / "both.dat", "-o", tmp_path / "a", "--mode", "absolute", code=3)
    assert "nobody says whether solid angle was divided out" in refusal and "--solid-angle applied" in refusal
    said = run(files / "both.dat", "-o", tmp_path / "a", "--mode", "absolute", "--solid-angle", "applied")
    assert "divided out" not in said


def test_nothing_is_divided_out_twice(files):
    with pytest.raises(InputError, match="polarisation was divided out, and --polarization missing would do it again"):
        read_measured(Source(pattern=files / "both.dat", applied={"polarization": False}), RECIPE)


def test_dividing_out_needs_a_wavelength(tmp_path):
    path = tmp_path / "a.xy"
    q = np.arange(0.5, 25.0, 0.05)
    np.savetxt(path, np.column_stack([q, 100 * np.exp(-q / 8)]), header="polcorrectionenable = False\nQ(A^-1) I")
    with pytest.raises(InputError, match="polarisation must be divided out, which needs --wavelength"):
        read_measured(Source(pattern=path), RECIPE)


def test_an_option_takes_two_words():
    with pytest.raises(UsageError, match="--solid-angle is 'done'; allowed are applied and missing"):
        check_states(solid_angle="done")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["# Polarization factor: None"], {"polarization": False}),
        (["# Polarization factor: 0.99"], {"polarization": True}),
        (["# Polarization factor: 0.0"], {"polarization": True}),
        (['#     "polarization_factor": null,'], {"polarization": False}),
        (["sacorrectionenable = True", "polcorrectionenable = False"], {"solid_angle": True, "polarization": False}),
        (["# solid_angle_applied: 1", "# polarization_applied = 0"], {"solid_angle": True, "polarization": False}),
        (['# "correct_solid_angle": true'], {"solid_angle": True}),
        (["# no solid angle was seen"], {}),
    ],
)
def test_header_lines_about_corrections(lines, expected):
    assert corrections_applied(lines) == expected


@pytest.mark.parametrize(
    ("line", "angstrom"),
    [
        ('#     "wavelength": 1.5e-11', 0.15),
        ("# Wavelength: 1.5e-11 m", 0.15),
        ("wavelength = 0.1430", 0.1430),
        ("# wavelength = None", None),
        ("# the wavelength is not known", None),
    ],
)
def test_header_lines_about_the_wavelength(line, angstrom):
    assert stated_wavelength([line]) == (None if angstrom is None else pytest.approx(angstrom))


def test_a_unit_that_its_writer_lost_is_asked_for(tmp_path):
    path = tmp_path / "a.xy"
    q = np.arange(0.5, 25.0, 0.05)
    np.savetxt(path, np.column_stack([q, np.exp(-q / 8)]), header="{str(dim1_unit):14s}  {'I':14s}", comments="#")
    with pytest.raises(InputError, match=r"lost the unit of the first column .* say it with --unit"):
        read_measured(Source(pattern=path), RECIPE)
    assert read_measured(Source(pattern=path, unit="1/angstrom"), RECIPE).q[0] == pytest.approx(0.5)


@pytest.mark.parametrize("applied", [True, False])
def test_the_flags_of_a_stack_decide(integrator, frame, tmp_path, applied, monkeypatch):
    nexus = pytest.importorskip("pyFAI.io.nexus")
    # pyFAI sets it for the whole process
    monkeypatch.setattr(h5py.get_config(), "track_order", h5py.get_config().track_order)
    result = integrator.integrate1d(
        frame,
        400,
        unit="q_A^-1",
        radial_range=(0.5, 24.5),
        polarization_factor=0.99 if applied else None,
        correctSolidAngle=applied,
        method=("bbox", "csr", "cython"),
        error_model="poisson",
    )
    path = tmp_path / "stack.h5"
    nexus.save_NXazint1d(str(path), result)
    with h5py.File(path) as handle:
        assert bool(handle["entry/solid_angle_applied"][()]) is applied
    said = run(path, "-o", tmp_path)
    assert ("solid angle and polarisation divided out here" in said) is not applied
    assert "taken as" not in said
    assert f"wavelength = {WAVELENGTH:g}" in (tmp_path / "stack_0000.gr").read_text(encoding="utf-8")
