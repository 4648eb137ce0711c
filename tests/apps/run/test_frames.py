"""`tsct frames`: images on disk that pyFAI integrates with the geometry beside them."""

import h5py
import numpy as np
import pytest

from tsct.apps.run import frames as job
from tsct.apps.run.experiment import load
from tsct.records.errors import InputError, UsageError
from tsct.records.marks import COMMENT
from tsct.simulate.beampath.phase_spectra import spectra_table
from tsct.simulate.scan import simulate_tile

ONE_MODULE = (
    *("beamline.detector.modules=[1, 1]", "beamline.detector.module_pixels=[243, 195]"),
    *("beamline.scan.q_min=1.0", "beamline.scan.q_max=5.0", "beamline.scan.q_step=0.1"),
    *("states.potentials_v=[0.50, 0.20]", "beamline.scan.views=4", "analysis.q_max=5.0", "analysis.r_poly=1.0"),
)


@pytest.fixture(scope="module")
def experiment():
    return load("wragg2023", overrides=ONE_MODULE, seed=1)


@pytest.fixture(scope="module")
def written(experiment, tmp_path_factory):
    folder = tmp_path_factory.mktemp("frames")
    rays = job.chosen(experiment, "0,3", "29:31")
    path, number = job.write(experiment, folder, 1, 2, rays, overwrite=False, track=lambda items, title, total: items)
    assert number == 4
    return path


def test_the_file_tells_all_that_an_integration_needs(experiment, written):
    assert written.name == "state01_slice2.h5"
    with h5py.File(written) as handle:
        assert handle.attrs["complete"]
        entry = handle["entry"]
        images = entry["instrument/detector/data"]
        assert images.shape == (4, 195, 243) and images.dtype == np.int32
        np.testing.assert_array_equal(entry["sample/rotation_angle"], [0.0, 0.0, 135.0, 135.0])
        np.testing.assert_allclose(entry["sample/x_translation"], [-0.065, 0.065] * 2)
        np.testing.assert_allclose(entry["control/data"], experiment.beamline.photons_per_frame, rtol=1e-3)
        assert np.all(images[()][:, entry["instrument/detector/pixel_mask"][()] > 0] == -1)
        assert entry["data"].get("data", getlink=True).__class__ is h5py.HardLink
        assert entry["beam/incident_energy"][()] == 100.0
        # nothing that an experimenter would not know
        text = " ".join(f"{name} {dict(node.attrs)}" for name, node in everything(handle)).lower()
        assert not [word for word in ("phase", "lithium", "offset", "gain", "truth", "seed") if word in text]


def everything(handle):
    found = []
    handle.visititems(lambda name, node: found.append((name, node)))
    return found


def test_viewers_show_an_image(written):
    from silx.io import nxdata

    with h5py.File(written) as handle:
        found = nxdata.get_default(handle, validate=True)
        assert found.is_valid and found.interpretation == "image" and found.signal.shape == (4, 195, 243)


def test_pyfai_integrates_it_with_the_poni_beside_it(experiment, written):
    import pyFAI

    integrator = pyFAI.load(str(written.with_name(job.PONI)))
    with h5py.File(written) as handle:
        assert handle["entry/instrument/detector/poni"].asstr()[()] == written.with_name(
            job.PONI
        ).read_text().removeprefix(f"{COMMENT}\n")
        image = handle["entry/data/data"][0]
    found = integrator.integrate1d(
        image, 41, unit="q_A^-1", radial_range=(0.95, 5.05), mask=image < 0, method=("no", "csr", "cython")
    )
    np.testing.assert_allclose(found.radial, experiment.beamline.scan.q, rtol=1e-6)
    beamline = experiment.beamline
    table = spectra_table(experiment.phantom, beamline)
    scan = simulate_tile(experiment.phantom, beamline, table, 1, 1, 2)
    pattern = scan.intensity.values[0, 29] / scan.solid_angle.values
    # bins a tenth wide and few pixels near the beam; noise of each is half a per cent
    pixel_sr = (beamline.detector.pixel_mm / beamline.distance_mm) ** 2
    np.testing.assert_allclose(found.intensity / pixel_sr, pattern, rtol=0.05)
    assert pattern.max() > 2 * pattern.min()


@pytest.mark.parametrize(
    ("views", "translations", "expected"),
    [("0", "5", 1), ("0,2", ":", 120), (":", "0:60:30", 8), ("-1:", "59", 1)],
)
def test_rays_are_chosen_by_numbers_and_ranges(experiment, views, translations, expected):
    assert len(job.chosen(experiment, views, translations)) == expected


@pytest.mark.parametrize(
    ("views", "kind", "message"),
    [
        ("a", UsageError, "--views a: write it as"),
        ("9:", UsageError, "chooses nothing of 4"),
        ("4", InputError, "the scan has views 0 to 3"),
        ("0:4:0", UsageError, "write it as"),
    ],
)
def test_bad_choices_are_refused(experiment, views, kind, message):
    with pytest.raises(kind, match=message):
        job.chosen(experiment, views, "0")


def test_other_tiles_and_files_in_the_way_are_refused(experiment, written, tmp_path):
    def again(folder, state):
        job.write(experiment, folder, state, 2, [(0, 0)], overwrite=False, track=lambda items, title, total: items)

    with pytest.raises(InputError, match="there are 2 states and 3 slices"):
        again(tmp_path, 2)
    with pytest.raises(UsageError, match="already"):
        again(written.parent, 1)
