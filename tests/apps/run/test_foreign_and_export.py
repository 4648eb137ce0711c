"""From a scan of another program to files for others, by the command line."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from diffpy.utils.parsers import load_data
from nxxrdct.application.nxxrdct import NXxrdct
from typer.testing import CliRunner

from tsct.apps.cli.main import app
from tsct.records.io.files import read_record
from tsct.records.io.scan_files import write_scan

MAPPING = """
[intensity]
units = "counts"
[monitor]
value = 1e11
units = "photons"
[transmission]
path = "/entry/transmission"
dims = ["translation", "angle"]
units = "1"
[solid_angle]
path = "/entry/solid_angle"
dims = ["q"]
units = "sr"
[polarization]
path = "/entry/polarization"
dims = ["q"]
units = "1"
[attrs]
sensor_material = "CdTe"
sensor_mm = 1.0
"""


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One scan in our own file, and the same as nxxrdct writes it, with a mapping of what that cannot hold."""
    import pint

    from tsct import phantoms, simulate

    cell = phantoms.wragg2023(phantoms.discharge("small", (0.50,)))
    beamline = simulate.Beamline(scan=simulate.ScanPattern(views=30, translations=60, q_max=22.0, q_step=0.1))
    scan = simulate.scan(cell, beamline, seed=3, tiles=[(0, 1)]).isel(state=0, slice=0)
    folder, units, entry = tmp_path_factory.mktemp("scan"), pint.get_application_registry(), NXxrdct()
    write_scan(folder / "ours.h5", scan)
    entry.instrument.detector.data = scan.intensity.transpose("translation", "angle", "q").values
    entry.instrument.detector.radial_axis = scan.q.values / units.angstrom
    entry.instrument.detector.radial_axis_long_name = "q"
    entry.sample.rotation_angles = scan.angle.values * units.deg
    entry.sample.translation_values = scan.translation.values * units.mm
    entry.beam.incident_energy = scan.attrs["energy_kev"] * units.keV
    entry.save(str(folder / "theirs.h5"), "entry")
    with h5py.File(folder / "theirs.h5", "r+") as handle:
        handle["entry/transmission"] = scan.transmission.values.T
        for name in ("solid_angle", "polarization"):
            handle[f"entry/{name}"] = scan[name].values
    (folder / "map.toml").write_text(MAPPING, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def analysed(folder):
    """The folder with what was recovered from both scans."""
    formula = "Si0.4 C0.4 O0.2"
    for name, more in (("ours", ["--experiment", "wragg2023"]), ("theirs", ["--mapping", folder / "map.toml"])):
        choices = ["--composition", formula, "--workers", 1, "-o", folder / name]
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            run("analyze", folder / f"{name}.h5", *more, *choices, "--volumes")
    return folder


def test_a_scan_of_another_program_gives_what_ours_gives(analysed):
    ours, theirs = (read_record(analysed / name / "recovered.h5", "gr") for name in ("ours", "theirs"))
    # the monitor of ours has a noise of 1e-4, the other file one number; and the seen part of each cone is not in it
    np.testing.assert_allclose(theirs.gr, ours.gr, atol=0.02 * float(np.abs(ours.gr).max()))


def test_one_file_for_each_view_ends_in_the_report_of_the_whole(analysed, tmp_path):
    """The same scan cut into views that run back and forth, by one command and a mapping of ten lines."""
    scan = read_record(analysed / "ours.h5", "data")
    views = tmp_path / "views"
    views.mkdir()
    for i, angle in enumerate(scan.angle.values):
        way = slice(None, None, -1 if i % 2 else 1)
        with h5py.File(views / f"view_{i}.h5", "w") as handle:
            handle["counts"], handle["rot"] = scan.intensity.values[i, way], angle
            for name in ("monitor", "transmission"):
                handle[name] = scan[name].values[i, way]
            handle["y"] = scan.translation.values[way]
    by_frame = 'dims = ["translation"]'
    lines = [
        'files = "view_*.h5"',
        'intensity = { path = "/counts", dims = ["translation", "q"], units = "counts" }',
        'angle = { path = "/rot", units = "deg" }',
        f'positions = {{ path = "/y", {by_frame}, units = "mm" }}',
        f'monitor = {{ path = "/monitor", {by_frame}, units = "photons" }}',
        f'transmission = {{ path = "/transmission", {by_frame}, units = "1" }}',
        f"q = {{ value = {scan.q.values.tolist()}, units = '1/angstrom' }}",
        f"solid_angle = {{ value = {scan.solid_angle.values.tolist()}, dims = ['q'], units = 'sr' }}",
        f"polarization = {{ value = {scan.polarization.values.tolist()}, dims = ['q'], units = '1' }}",
        f"attrs = {{ energy_kev = {scan.attrs['energy_kev']}, sensor_material = 'CdTe', sensor_mm = 1.0 }}",
    ]
    (tmp_path / "m.toml").write_text("\n".join(lines), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        choices = ["--composition", "Si0.4 C0.4 O0.2", "--workers", 1, "-o", tmp_path / "found"]
        run("analyze", views, "--mapping", tmp_path / "m.toml", *choices)
    assert (tmp_path / "found" / "analysis.html").is_file()
    whole, parts = (read_record(path / "recovered.h5", "gr") for path in (analysed / "theirs", tmp_path / "found"))
    np.testing.assert_allclose(parts.gr, whole.gr, atol=0.02 * float(np.abs(whole.gr).max()))


@pytest.mark.parametrize(("form", "number"), [("gr", 1), ("xye", 1), ("pdfgetx3", 2), ("ndtomo", 1), ("csv", 1)])
def test_what_was_recovered_leaves_in_every_form(analysed, form, number, tmp_path):
    run("export", analysed / "ours", "--format", form, "-o", tmp_path)
    files = sorted(tmp_path.iterdir())
    assert len(files) == number
    if form == "gr":
        record = read_record(analysed / "ours" / "recovered.h5", "gr")
        np.testing.assert_allclose(load_data(str(files[0])).T[1], record.gr[0], rtol=1e-7, atol=1e-8)


def test_a_measured_pattern_becomes_files_that_say_what_resolution_is_left(tmp_path):
    """The silicon powder that diffpy.cmi ships, by the command line, read back by diffpy."""
    data = (
        Path(pytest.importorskip("diffpy.cmi").__file__).parent / "docs" / "examples" / "pdf" / "ch05Fit2Phase" / "data"
    )
    choices = ["--composition", "Si", "--qmax", 23.9, "--rpoly", 1.4, "--qdamp", 0.05, "--qbroad", 0.01]
    run("pdf", data / "iq" / "si.iq", *choices, "-o", tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".sq", ".fq", ".gr", ".png"}
    header = load_data(str(tmp_path / "si.gr"), headers=True)
    assert header["qbroad"] == 0.01 and header["qdamp"] == 0.0 and header["qdamp_corrected"] == 0.05
    r, g = load_data(str(tmp_path / "si.gr")).T[:2]
    first = (r > 2.0) & (r < 2.7)
    assert r[first][np.argmax(g[first])] == pytest.approx(2.352, abs=0.012)
