"""Labelled volumes: mass is kept whatever the voxels, and every format says the same."""

import h5py
import numpy as np
import pytest

from tsct.phantoms.painted import Labels
from tsct.records.errors import InputError, UsageError

FILLS = {"0": {}, "1": {"nickel": 0.2, "alumina": 0.5}, "2": {"quartz": 1.0}}


@pytest.fixture(scope="module")
def volume():
    """Two phases and air in 20 x 31 x 27 voxels, none of them a symmetric number."""
    rng = np.random.default_rng(5)
    values = rng.integers(0, 3, (20, 31, 27)).astype(np.uint8)
    values[:, :2] = 0
    return values


@pytest.fixture
def file(volume, tmp_path):
    np.save(tmp_path / "volume.npy", volume)
    return str(tmp_path / "volume.npy")


@pytest.mark.parametrize("rotation_deg", [0.0, 17.0, 90.0])
@pytest.mark.parametrize("pixels", [24, 100, 333])
def test_mass_is_kept_with_coarser_and_finer_pixels(file, volume, pixels, rotation_deg):
    labels = Labels(file=file, voxel_mm=0.05, centre_mm=(0.03, -0.02, 0.4), rotation_deg=rotation_deg, fills=FILLS)
    held, covered = labels.fractions(3.0, pixels, -0.1, 0.9)
    area = (3.0 / pixels) ** 2
    # all of the height is averaged over, which is that of the volume
    for phase, share, label in (("nickel", 0.2, 1), ("alumina", 0.5, 1), ("quartz", 1.0, 2)):
        expected = share * np.sum(volume == label) * 0.05**3
        assert held[phase].sum() * area * 1.0 == pytest.approx(expected, rel=1e-6)
    assert covered.sum() * area == pytest.approx(31 * 27 * 0.05**2, rel=1e-6)


def test_pixels_of_the_size_of_voxels_are_the_voxels(file, volume):
    labels = Labels(file=file, voxel_mm=(0.05, 0.05, 0.1), centre_mm=(0.0, 0.0, 1.0), fills=FILLS)
    held, _ = labels.fractions(31 * 0.05, 31, 0.0, 0.1)
    np.testing.assert_allclose(held["quartz"][:, 2:-2], (volume[0] == 2).astype(float), atol=1e-9)
    between, _ = labels.fractions(31 * 0.05, 31, 0.05, 0.15)
    expected = ((volume[0] == 2).astype(float) + (volume[1] == 2)) / 2
    np.testing.assert_allclose(between["quartz"][:, 2:-2], expected, atol=1e-9)


def test_a_quarter_turn_is_that_of_the_image(file):
    """Counterclockwise: what lies to the right comes to lie above."""
    plain = Labels(file=file, voxel_mm=0.05, centre_mm=(0.0, 0.0, 0.5), fills=FILLS)
    turned = Labels(file=file, voxel_mm=0.05, centre_mm=(0.0, 0.0, 0.5), rotation_deg=90.0, fills=FILLS)
    first, second = (labels.fractions(2.0, 40, 0.0, 1.0)[0]["quartz"] for labels in (plain, turned))
    # [y, x] with both rising: counterclockwise is the other way round for rot90
    correlation = np.corrcoef(np.rot90(first, -1).ravel(), second.ravel())[0, 1]
    assert correlation > 0.95


def test_the_rest_is_filled(file):
    labels = Labels(file=file, voxel_mm=0.05, fills=FILLS, rest="water", centre_mm=(0.0, 0.0, 0.5))
    held, covered = labels.fractions(2.0, 50, 0.0, 1.0)
    np.testing.assert_allclose(sum(held.values()), covered, atol=1e-12)


def test_fractions_of_one_phase(tmp_path):
    share = np.random.default_rng(1).random((4, 8, 8)).astype(np.float32)
    np.savez(tmp_path / "share.npz", share=share)
    labels = Labels(file=str(tmp_path / "share.npz"), voxel_mm=0.1, fraction_of="nickel", centre_mm=(0.0, 0.0, 0.2))
    held, _ = labels.fractions(0.8, 8, 0.0, 0.1)
    np.testing.assert_allclose(held["nickel"], share[0], atol=1e-6)


def test_formats_agree(volume, file, tmp_path):
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "volume.tif", volume)
    tifffile.imwrite(tmp_path / "packed.tif", volume, compression="zlib")
    with h5py.File(tmp_path / "volume.h5", "w") as target:
        target.create_dataset("entry/labels", data=volume, compression="gzip")
    np.savez(tmp_path / "volume.npz", labels=volume)
    files = [("volume.tif", ""), ("packed.tif", ""), ("volume.h5", "entry/labels"), ("volume.npz", "")]
    reference, _ = Labels(file=file, voxel_mm=0.05, fills=FILLS).fractions(2.0, 64, -0.01, 0.02)
    for name, dataset in files:
        labels = Labels(file=str(tmp_path / name), dataset=dataset, voxel_mm=0.05, fills=FILLS)
        held, _ = labels.fractions(2.0, 64, -0.01, 0.02)
        for phase, image in reference.items():
            np.testing.assert_array_equal(held[phase], image)


def test_what_cannot_be_read_is_named(file, tmp_path):
    with pytest.raises(InputError, match=r"cut 0 holds label 2; \[sample.labels.fills\] needs an entry"):
        Labels(file=file, voxel_mm=0.05, fills={"0": {}, "1": {"nickel": 1.0}}).check()
    with pytest.raises(InputError, match="no file"):
        Labels(file=str(tmp_path / "none.npy"), voxel_mm=0.05, fills=FILLS).check()
    (tmp_path / "broken.npy").write_bytes(b"no array")
    with pytest.raises(InputError, match="cannot be read as a volume"):
        Labels(file=str(tmp_path / "broken.npy"), voxel_mm=0.05, fills=FILLS).check()
    np.save(tmp_path / "four.npy", np.zeros((2, 2, 2, 2)))
    with pytest.raises(InputError, match="4 dims"):
        Labels(file=str(tmp_path / "four.npy"), voxel_mm=0.05, fills=FILLS).check()
    np.save(tmp_path / "nan.npy", np.full((2, 2, 2), np.nan))
    with pytest.raises(InputError, match="fractions outside 0 to 1, or none"):
        Labels(file=str(tmp_path / "nan.npy"), voxel_mm=0.05, fraction_of="nickel").check()
    with pytest.raises(UsageError, match=r"fills .* or fraction_of"):
        Labels(file=file, voxel_mm=0.05)
    with pytest.raises(InputError, match="sum to at most 1"):
        Labels(file=file, voxel_mm=0.05, fills={"1": {"nickel": 0.7, "alumina": 0.7}})
