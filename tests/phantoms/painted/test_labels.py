"""Labelled volumes: mass is kept whatever the voxels, and every format says the same."""

import tracemalloc

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


#: headers as the formats define them: sizes run from x; the data follow in the order of the file
NRRD = b"NRRD0004\ntype: unsigned char\ndimension: 3\nsizes: 27 31 20\nencoding: raw\nendian: little\n\n"
METAIMAGE = b"ObjectType = Image\nNDims = 3\nDimSize = 27 31 20\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
DETACHED = b"ObjectType = Image\nNDims = 3\nDimSize = 27 31 20\nElementType = MET_UCHAR\nElementDataFile = volume.raw\n"


def test_nrrd_and_metaimage_agree_with_numpy(volume, file, tmp_path):
    """Files written byte by byte, and compressed ones written by ITK; x runs fastest in all of them."""
    itk = pytest.importorskip("SimpleITK")
    (tmp_path / "volume.nrrd").write_bytes(NRRD + volume.tobytes())
    (tmp_path / "volume.mha").write_bytes(METAIMAGE + volume.tobytes())
    (tmp_path / "volume.raw").write_bytes(volume.tobytes())
    (tmp_path / "volume.mhd").write_bytes(DETACHED)
    for ending in ("nrrd", "mha"):
        itk.WriteImage(itk.GetImageFromArray(volume), str(tmp_path / f"packed.{ending}"), useCompression=True)
    reference, covered = Labels(file=file, voxel_mm=0.05, fills=FILLS).fractions(2.0, 64, -0.01, 0.02)
    for name in ("volume.nrrd", "volume.mha", "volume.mhd", "packed.nrrd", "packed.mha"):
        labels = Labels(file=str(tmp_path / name), voxel_mm=0.05, fills=FILLS)
        assert labels.voxels == volume.shape
        found, inside = labels.fractions(2.0, 64, -0.01, 0.02)
        np.testing.assert_array_equal(inside, covered)
        for phase, image in reference.items():
            np.testing.assert_array_equal(found[phase], image)


@pytest.mark.parametrize("ending", ["nrrd", "mha"])
def test_volumes_that_are_cut_short_are_refused_in_one_line(tmp_path, ending):
    pytest.importorskip("SimpleITK")
    path = tmp_path / f"short.{ending}"
    path.write_bytes({"nrrd": NRRD, "mha": METAIMAGE}[ending] + b"\0" * 100)
    with pytest.raises(InputError, match="cannot be read as a volume") as found:
        Labels(file=str(path), voxel_mm=0.05, fills=FILLS).check()
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("form", ["npy", "tif", "packed.tif", "h5"])
def test_cuts_are_read_one_by_one(tmp_path, form):
    """A volume may be larger than memory: reading two cuts of it takes a small share of its size."""
    big = np.zeros((200, 300, 300), dtype=np.uint8)
    path = tmp_path / f"big.{form}"
    if form == "npy":
        np.save(path, big)
    elif form == "h5":
        with h5py.File(path, "w") as target:
            target.create_dataset("labels", data=big, chunks=(1, 300, 300), compression="gzip")
    else:
        tifffile = pytest.importorskip("tifffile")
        packed = {"compression": "zlib"} if form.startswith("packed") else {}
        tifffile.imwrite(path, big, photometric="minisblack", **packed)
    name = "labels" if form == "h5" else ""
    labels = Labels(file=str(path), dataset=name, voxel_mm=0.01, fills={"0": {"nickel": 1.0}})
    labels.voxels  # noqa: B018 (modules are loaded here)
    tracemalloc.start()
    labels.check(-0.005, 0.005)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < big.nbytes / 4


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
