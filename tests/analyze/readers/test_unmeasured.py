"""What stands for "not measured", and what a user leaves out."""

import h5py
import numpy as np
import pytest
import tomli_w

from tsct.analyze.readers.lone_bins import without_lone_bins
from tsct.analyze.readers.patterns import evened
from tsct.analyze.readers.scans import read_scan
from tsct.analyze.readers.text_headers import radial_unit
from tsct.analyze.readers.unmeasured import _are_marks, marked
from tsct.records.errors import InputError, TsctWarning

COUNTS = np.random.default_rng(3).poisson(500.0, (12, 10, 20))


@pytest.mark.parametrize(
    ("kind", "mark"),
    [("u2", 2**16 - 1), ("u4", 2**32 - 1), ("i4", -1), ("i8", 2**32 - 1), ("f4", 2**32 - 1), ("f8", -1), ("i4", -2)],
)
def test_marks_are_found_and_nothing_else(kind, mark):
    values = COUNTS.astype(kind)
    assert not marked(values).any()
    values[3, 4] = mark
    expected = np.zeros(COUNTS.shape, dtype=bool)
    expected[3, 4] = True
    np.testing.assert_array_equal(marked(values), expected)


def test_numbers_below_zero_after_a_background_are_no_marks():
    values = COUNTS - 500
    assert not marked(values).any()
    values = np.where(values < 0, -1, values)
    assert marked(values).any() and not marked(values, may_be_negative=True).any()


def read(tmp_path, counts=COUNTS, angles=None, **tables):
    flags = ("efficiency", "transmission", "solid_angle", "polarization", "monitor")
    attrs = {"energy_kev": 80.0, **{f"{name}_applied": True for name in flags}}
    angles = np.linspace(0, 165, 12) if angles is None else angles
    with h5py.File(tmp_path / "scan.h5", "w") as handle:
        handle["counts"], handle["angle"] = counts, angles
    made = {
        "attrs": attrs,
        "intensity": {"path": "/counts", "dims": ["angle", "translation", "q"], "units": "Counts"},
        "angle": {"path": "/angle", "units": "degrees"},
        "translation": {"linspace": [0.0, 0.9, 10], "units": "mm"},
        "q": {"linspace": [1.0, 20.0, 20], "units": "1/angstrom"},
    }
    (tmp_path / "map.toml").write_text("\ufeff" + tomli_w.dumps(made | tables), encoding="utf-8")
    return read_scan(tmp_path / "scan.h5", tmp_path / "map.toml")


def test_a_user_leaves_out_views_translations_frames_and_ranges(tmp_path):
    drop = {"views": [5], "translations": [0, 1], "frames": [[7, 4]], "channels": [3], "q": [[10.0, 12.0]]}
    scan = read(tmp_path, drop=drop)
    expected = COUNTS.astype(float)
    expected[7, 4], expected[..., 3], expected[..., 9:12] = np.nan, np.nan, np.nan
    np.testing.assert_array_equal(scan.intensity, np.delete(expected, 5, axis=0)[:, 2:])
    for wrong, words in (
        ({"views": [99]}, "number 99 along angle"),
        ({"translations": [4]}, "on both sides"),
        ({"vews": [1]}, "did you mean 'views'"),
        ({"views": 3}, "list of whole numbers"),
    ):
        with pytest.raises(InputError, match=words):
            read(tmp_path, drop=wrong)


def test_a_mask_leaves_out_frames(tmp_path):
    mask = {"value": np.eye(12, 10, dtype=int).tolist(), "dims": ["angle", "translation"], "units": "1"}
    scan = read(tmp_path, mask=mask)
    lost = np.isnan(scan.intensity.values)
    np.testing.assert_array_equal(lost, np.broadcast_to(np.eye(12, 10, dtype=bool)[..., None], lost.shape))


def test_angles_in_another_unit_than_said_are_refused(tmp_path):
    with pytest.raises(InputError, match=r'look like radians, so write \[angle\] units = "rad"'):
        read(tmp_path, angles=np.radians(np.linspace(0, 165, 12)))


def test_an_axis_with_few_decimals_is_even_and_an_uneven_one_stays():
    even = 0.6 + 0.0213217 * np.arange(700)
    found = evened(np.round(even, 4))
    assert np.ptp(np.diff(found)) < 1e-9
    np.testing.assert_allclose(found, even, atol=5e-5)
    uneven = np.round(even + 0.02 * np.sin(even), 4)
    assert evened(uneven) is uneven


@pytest.mark.parametrize(
    ("line", "quantity", "factor"),
    [
        ("#       q_nm^-1             I ", "q", 0.1),
        ("# 2th_deg I sigma", "two_theta", 1.0),
        ("2-Theta Angle (Degrees)", "two_theta", 1.0),
        ("# Q (1/nm)  I", "q", 0.1),
        ("# q (Å⁻¹)", "q", 1.0),
        ("dataformat = Qnm", "q", 0.1),
        ("# 2th_rad I", "two_theta", 180 / np.pi),
        ("Q-Space (Inverse Nanometres)", "q", 0.1),
    ],
)
def test_headers_say_what_the_first_column_is(line, quantity, factor):
    unit = radial_unit(["# pyFAI", line], "a.xy")
    assert unit.quantity == quantity and unit.factor == pytest.approx(factor)


def test_headers_that_say_nothing_or_something_else():
    assert radial_unit(["# glass at 300 K", "# Distance: 250 mm"], "a.xy") is None
    with pytest.raises(InputError, match="radius on the detector"):
        radial_unit(["# r_mm  I"], "a.xy")


def test_a_hot_bin_is_replaced_and_a_peak_stays():
    x = np.arange(500.0)
    smooth = 1000 * (1 + 0.5 * np.cos(x / 20)) + 3000 * np.exp(-(((x - 250) / 2) ** 2))
    noisy = np.random.default_rng(5).poisson(smooth).astype(float)
    assert without_lone_bins(noisy, None, "a.xy")[0] is noisy
    hot = noisy.copy()
    hot[100] *= 20
    with pytest.warns(TsctWarning, match="one hot or dead bin replaced"):
        filled = without_lone_bins(hot, None, "a.xy")[0]
    assert filled[100] == pytest.approx(smooth[100], rel=0.1)
    np.testing.assert_array_equal(np.delete(filled, 100), np.delete(noisy, 100))


@pytest.mark.parametrize(
    ("numbers", "marks"),
    [
        ([-1, -2, -10], True),
        ([-999.0] * 3, True),
        ([-999.0] * 2, False),
        ([-999.5] * 3, False),
        ([-5, -6, -7] * 3, True),
        ([-5, -6, -7, -8] * 3, False),
        ([-5, -5, -5, -6], False),
        ([-np.inf] * 3, False),
    ],
)
def test_few_whole_negative_numbers_that_repeat_are_marks(numbers, marks):
    """One of those in use even once; up to three others, whole, each three times or more."""
    assert _are_marks(np.array(numbers, dtype=float)) == marks
