"""Scans in the NXxrdct layout: read back unchanged, and opened by the programs that the layout is for."""

import h5py
import numpy as np
import pytest
import xarray as xr

from tsct.records.errors import InputError
from tsct.records.io.files import read_record
from tsct.records.io.scan_files import write_scan


@pytest.fixture
def scan() -> xr.Dataset:
    """Three dimensions of different size, so that no transposed axis goes unseen."""
    rng = np.random.default_rng(1)
    rays = ("angle", "translation")
    return xr.Dataset(
        {
            "intensity": ((*rays, "q"), rng.poisson(50, (3, 4, 5)).astype(np.float32), {"units": "counts"}),
            "monitor": (rays, rng.random((3, 4)), {"units": "photons"}),
            "transmission": (rays, rng.random((3, 4)), {"units": "1", "long_name": "of the straight beam"}),
            "time": (rays, np.arange(12.0).reshape(3, 4), {"units": "s"}),
            "solid_angle": ("q", rng.random(5), {"units": "sr"}),
            "polarization": ("q", rng.random(5), {"units": "1"}),
        },
        coords={
            "angle": ("angle", [0.0, 60.0, 120.0], {"units": "deg"}),
            "translation": ("translation", [-0.3, -0.1, 0.1, 0.3], {"units": "mm"}),
            "q": ("q", np.arange(1.0, 6.0), {"units": "1/angstrom", "long_name": "Q"}),
            "state": 3,
            "slice": 1,
            "potential_v": ((), 0.42, {"units": "V"}),
            "z_mm": ((), 0.05, {"units": "mm"}),
        },
        attrs={"instrument": "ID15A-like", "energy_kev": 100.0, "distance_mm": 300.0, "exposure_s": 0.1}
        | {"pixel_mm": 0.172, "sensor_mm": 1.0, "sensor_material": "CdTe", "detector": "PILATUS3 X CdTe 2M"},
    )


@pytest.fixture
def path(tmp_path, scan):
    write_scan(tmp_path / "scan.h5", scan, title="a scan")
    return tmp_path / "scan.h5"


def test_the_scan_comes_back_unchanged(path, scan):
    found = read_record(path)
    xr.testing.assert_identical(found, scan)
    assert found.intensity.dims == scan.intensity.dims and found.intensity.dtype == np.float32
    assert found.intensity.values.flags.c_contiguous
    xr.testing.assert_identical(read_record(path, "data"), scan)


def test_nxxrdct_reads_it(path, scan):
    from nxxrdct import NXxrdct

    assert NXxrdct.get_valid_entries(str(path)) == ("/entry",)
    found = NXxrdct().load(str(path), "/entry")
    assert found.title == "a scan"
    np.testing.assert_array_equal(found.instrument.detector.data, scan.intensity.transpose("translation", "angle", "q"))
    np.testing.assert_array_equal(found.sample.translation_values.to("mm").magnitude, scan.translation)
    np.testing.assert_array_equal(found.sample.rotation_angles.to("deg").magnitude, scan.angle)
    assert found.sample.z_translation.to("mm").magnitude == pytest.approx(0.05)
    detector = found.instrument.detector
    assert detector.radial_axis_long_name == "q"
    np.testing.assert_allclose(detector.radial_axis.to("1/angstrom").magnitude, scan.q)
    assert detector.distance.to("m").magnitude == pytest.approx(0.3)
    assert detector.x_pixel_size.to("um").magnitude == pytest.approx(172.0)
    assert detector.count_time.to("s").magnitude == pytest.approx(0.1)
    assert found.beam.incident_energy.to("keV").magnitude == pytest.approx(100.0)
    assert found.instrument.monochromator.wavelength.to("angstrom").magnitude == pytest.approx(0.12398, rel=1e-4)
    np.testing.assert_array_equal(found.control.data, scan.monitor.T)


def test_what_nxxrdct_saves_again_is_the_same(path, tmp_path, scan):
    """The layout is theirs: through their own reader and writer nothing of it is lost."""
    from nxxrdct import NXxrdct

    again = tmp_path / "again.nx"
    NXxrdct().load(str(path), "/entry").save(str(again), "/entry")
    with h5py.File(again) as theirs, h5py.File(path) as ours:
        for name in ("intensity", "translation_values", "rotation_angles", "radial_axis"):
            np.testing.assert_array_equal(theirs["entry/data"][name], ours["entry/data"][name])
        assert list(theirs["entry/data"].attrs["axes"]) == list(ours["entry/data"].attrs["axes"])
        assert theirs["entry/data"].attrs["signal"] == ours["entry/data"].attrs["signal"] == "intensity"


def test_silx_plots_it(path):
    from silx.io import nxdata

    with h5py.File(path) as handle:
        for node in (handle, handle["entry"], handle["entry/data"]):
            found = nxdata.get_default(node, validate=True)
            assert found.signal.shape == (4, 3, 5) and found.is_valid
            assert found.axes_dataset_names == ["translation_values", "rotation_angles", "radial_axis"]
            assert found.interpretation == "spectrum"
        assert nxdata.get_default(handle["entry/transmission"]).signal.shape == (4, 3)


def test_nexusformat_plots_it(path):
    from nexusformat.nexus import nxload

    root = nxload(path)
    data = root.plottable_data
    assert data.nxsignal.nxname == "intensity"
    assert [axis.nxname for axis in data.nxaxes] == ["translation_values", "rotation_angles", "radial_axis"]
    assert root["entry/definition"].nxvalue == "NXxrdct"


def test_it_says_that_nothing_was_applied(path):
    with h5py.File(path) as handle:
        reduction = handle["entry/reduction"]
        applied = [name for name in reduction if name.endswith("_applied")]
        assert {"solid_angle_applied", "polarization_applied", "normalization_applied"} <= set(applied)
        assert not any(reduction[name][()] for name in applied)
        assert reduction["error_model"].asstr()[()] == "poisson"


def test_every_float_has_units(path):
    found = []
    with h5py.File(path) as handle:
        handle.visititems(
            lambda name, node: (
                found.append((name, node.attrs.get("units")))
                if isinstance(node, h5py.Dataset) and node.dtype.kind == "f"
                else None
            )
        )
    assert len(found) > 10
    assert not [name for name, units in found if not units]


def test_links_stay_in_the_file(path):
    """Hard links only: every reader may follow them."""
    with h5py.File(path) as handle:
        data = handle["entry/data"]
        assert {type(data.get(name, getlink=True)) for name in data} == {h5py.HardLink}
        assert data["radial_axis"].attrs["target"] == "/entry/instrument/detector/radial_axis"


def test_a_scan_that_is_no_tomogram_is_refused(tmp_path, scan):
    with pytest.raises(InputError, match="no variable 'monitor'"):
        write_scan(tmp_path / "scan.h5", scan.drop_vars("monitor"))
    assert not list(tmp_path.iterdir())
