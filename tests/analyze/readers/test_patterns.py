"""Measured patterns: the forms they come in, what is refused and how, and the move to a uniform grid."""

import re
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsct.analyze.readers.patterns import (
    MIN_POINTS,
    check_q,
    is_uniform,
    q_from_two_theta,
    read_columns,
    read_pattern,
    resample,
)
from tsct.analyze.readers.text_headers import radial_unit
from tsct.records.errors import InputError

X = np.linspace(0.5, 10.0, 20)
Y = np.cos(X) + 3.0


def lines(*columns, separator=" "):
    return [separator.join(f"{value:.17g}" for value in row) for row in zip(*columns, strict=True)]


def write(path, content):
    path.write_text("\n".join(content) + "\n")
    return path


# ---------------------------------------------------------------------------------------------------------------------
# forms


@pytest.mark.parametrize("separator", [" ", "\t", ",", " , ", "   "])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("columns", [2, 3])
def test_columns_come_in_many_forms(tmp_path, separator, newline, columns):
    path = tmp_path / "a.xye"
    rows = lines(*(X, Y, 0.1 * Y)[:columns], separator=separator)
    path.write_bytes((newline.join(["# x y", "", *rows, ""])).encode())
    x, y, sigma = read_pattern(path)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)
    assert (sigma is None) == (columns == 2)


@pytest.mark.parametrize("separator", [" ", "\t", ";", " ; "])
def test_decimal_commas_are_understood(tmp_path, separator):
    rows = [line.replace(".", ",") for line in lines(X, Y, 0.1 * Y, separator=separator)]
    x, y, sigma = read_pattern(write(tmp_path / "a.xye", rows))
    np.testing.assert_array_equal([x, y, sigma], [X, Y, 0.1 * Y])


def test_semicolons_backward_rows_and_wide_characters_are_understood(tmp_path):
    path = tmp_path / "a.xye"
    path.write_bytes("\r\n".join(lines(X[::-1], Y[::-1], separator=";")).encode("utf-16"))
    x, y, _ = read_pattern(path)
    np.testing.assert_array_equal([x, y], [X, Y])


@pytest.mark.parametrize("mark", ["'", "#", "!", ";"])
def test_comments_of_all_programs_are_skipped(tmp_path, mark):
    rows = lines(X, Y)
    path = write(tmp_path / "a.xy", [f"{mark} 1 2 3", *rows[:5], f"  {mark}text", *rows[5:]])
    np.testing.assert_array_equal(read_pattern(path)[0], X)


def test_headers_of_fit2d_and_pdfgetx3_are_skipped(tmp_path):
    fit2d = ["C:\\data\\glass.tif: 1 of 1", "2-Theta Angle (Degrees)", "Intensity", "      20", *lines(X, Y)]
    columns = read_columns(write(tmp_path / "a.chi", fit2d))
    np.testing.assert_array_equal(columns.x, X)
    assert columns.unit.quantity == "two_theta" and columns.unit.factor == 1.0
    # a .chi file of pyFAI has comments instead
    np.testing.assert_array_equal(read_pattern(write(tmp_path / "b.chi", ["# pyFAI", *lines(X, Y)]))[0], X)
    getx3 = ["[DEFAULT]", "version = pdfgetx3", "qmax = 20", "#### start data", "#S 1", "#L Q I", *lines(X, Y)]
    np.testing.assert_array_equal(read_pattern(write(tmp_path / "a.iq", getx3))[0], X)


def test_a_byte_order_mark_and_foreign_letters_in_a_header_do_no_harm(tmp_path):
    for name, encoding in (("utf8", "utf-8-sig"), ("latin", "latin-1")):
        path = tmp_path / f"{name}.xy"
        path.write_bytes("\n".join(["# Ångström Q" if name == "utf8" else "# Ångström", *lines(X, Y)]).encode(encoding))
        np.testing.assert_array_equal(read_pattern(path)[0], X)


finite = st.floats(allow_nan=False, allow_infinity=False, width=64)


@given(
    steps=st.lists(st.floats(1e-3, 10.0), min_size=MIN_POINTS, max_size=40),
    values=st.data(),
    separator=st.sampled_from([" ", "\t", ", "]),
    style=st.sampled_from(["{:.17g}", "{:.17e}", "{!r}"]),
)
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read(tmp_path_factory, steps, values, separator, style):
    x = np.cumsum(steps)
    y = np.array(values.draw(st.lists(finite, min_size=len(x), max_size=len(x))))
    sigma = np.array(values.draw(st.lists(st.floats(1e-300, 1e300), min_size=len(x), max_size=len(x))))
    rows = [separator.join(style.format(float(value)) for value in row) for row in zip(x, y, sigma, strict=True)]
    path = write(tmp_path_factory.mktemp("patterns") / "a.xye", rows)
    for read, wrote in zip(read_pattern(path), (x, y, sigma), strict=True):
        np.testing.assert_array_equal(read, wrote)


# ---------------------------------------------------------------------------------------------------------------------
# hostile files

ROWS = lines(X, Y, 0.1 * Y)


def spoiled(row, number=7):
    """The good rows with one replaced, counted from 1."""
    return [*ROWS[: number - 1], row, *ROWS[number:]]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], ("0 lines of data", "at least 16")),
        (ROWS[:15], ("15 lines of data", "at least 16")),
        (["# only a comment"] * 50, ("0 lines of data",)),
        (spoiled("3.5 word 0.1"), ("line 7", "'word'", "not a number")),
        (spoiled("3.5 1,5 0.1"), ("line 7", "4 columns", "two or three")),
        (spoiled("3.5 0x10 0.1"), ("line 7", "'0x10'")),
        (spoiled("3.5 1_000 0.1"), ("line 7", "'1_000'")),
        (spoiled("3.5 ١٢ 0.1"), ("line 7", "not a number")),
        (spoiled("3.5 __import__('os').getcwd() 0.1"), ("line 7", "not a number")),
        (spoiled("3.5 " + "A" * 100_000), ("line 7", "not a number")),
        (spoiled("3.5 1.0"), ("line 7", "2 columns, the first line of data has 3")),
        (spoiled("3.5 1.0 0.1 7"), ("line 7", "4 columns")),
        (spoiled("3.5"), ("line 7", "1 columns")),
        (spoiled("3.5 nan 0.1"), ("line 7", "intensity is nan")),
        (spoiled("3.5 -INF 0.1"), ("line 7", "intensity is -inf")),
        (spoiled("3.5 1e999 0.1"), ("line 7", "intensity is inf")),
        (spoiled("nan 1 0.1"), ("line 7", "the first column is nan")),
        (spoiled("3.5 1.0 0.0"), ("line 7", "sigma is 0", "infinite weight")),
        (spoiled("3.5 1.0 -1"), ("line 7", "sigma is -1")),
        (spoiled("0.1 1.0 0.1"), ("line 7", "0.1 does not increase")),
        (spoiled(ROWS[5]), ("line 7", "does not increase")),
        (["-1 1 1", *ROWS], ("line 1", "is -1", "zero and larger")),
        ([f"# {'x' * 10}", *spoiled("3.5 nan 0.1")], ("line 8", "nan")),
    ],
)
def test_bad_content_is_refused_with_its_line(tmp_path, content, words):
    path = write(tmp_path / "a.xye", content)
    with pytest.raises(InputError) as error:
        read_pattern(path)
    assert str(path) in str(error.value)
    for word in words:
        assert word in str(error.value)
    # one readable line, whatever the file holds
    assert len(str(error.value)) - len(str(path)) < 200
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        b"\x00" * 1000,
        bytes(range(256)) * 20,
        "1 2\n".encode("utf-16-le"),
        b"\x89HDF\r\n\x1a\n\x00" + b"1 2\n" * 50,
        b"\x1f\x8b\x08",
    ],
)
def test_binary_files_are_refused(tmp_path, content):
    path = tmp_path / "a.xy"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a plain text file"):
        read_pattern(path)


def test_what_is_no_file_is_refused_at_once(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe.xy")
    started = time.perf_counter()
    for name, words in (("pipe.xy", "not a regular file"), (".", "not a regular file"), ("none.xy", "no such file")):
        with pytest.raises(InputError, match=words):
            read_pattern(tmp_path / name)
    with pytest.raises(InputError, match="not a regular file"):
        read_pattern("/dev/zero")
    assert time.perf_counter() - started < 1.0


def test_a_file_of_any_size_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "a.xy"
    with path.open("wb") as handle:
        handle.truncate(10**12)
    started = time.perf_counter()
    with pytest.raises(InputError, match="at most 64 MiB"):
        read_pattern(path)
    assert time.perf_counter() - started < 1.0


@pytest.mark.parametrize("attack", [" " * 200_000, "," * 200_000, "1" * 200_000, "1 ," * 60_000, "." * 100_000])
def test_long_lines_take_no_time(tmp_path, attack):
    path = write(tmp_path / "a.xy", [*lines(X, Y), attack + "x"])
    started = time.perf_counter()
    with pytest.raises(InputError):
        read_pattern(path)
    assert time.perf_counter() - started < 2.0


@given(content=st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_any_bytes_give_a_pattern_or_an_input_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("bytes") / "a.chi"
    path.write_bytes(content)
    with pytest.raises(InputError):
        # 400 bytes of chance never hold 16 good rows
        read_pattern(path)


# ---------------------------------------------------------------------------------------------------------------------
# units


def test_two_theta_becomes_q():
    # sin 30 degrees is one half
    np.testing.assert_allclose(
        q_from_two_theta(np.array([0.0, 60.0, 180.0]), 1.0), [0, 2 * np.pi, 4 * np.pi], atol=1e-12
    )


@pytest.mark.parametrize("wavelength", [0.0, -1.0, 0.01, 5.0, np.nan, np.inf])
def test_wavelengths_that_give_no_pdf_are_refused(wavelength):
    with pytest.raises(InputError, match=r"allowed are 0\.05 to 3 angstrom"):
        q_from_two_theta(X, wavelength)
    with pytest.raises(InputError, match=r"allowed are 0\.05 to 3 angstrom"):
        check_q(X, wavelength)


def test_q_where_no_photon_scatters_is_refused():
    check_q(X, 1.0)
    with pytest.raises(InputError, match=r"4 pi / wavelength is 12.57; is it 2theta"):
        check_q(2 * X, 1.0)
    # in 1/nm
    with pytest.raises(InputError, match="or in 1/nm"):
        check_q(10 * X)
    with pytest.raises(InputError, match="is the first column Q"):
        q_from_two_theta(20 * X, 1.0)


# ---------------------------------------------------------------------------------------------------------------------
# grids


def uneven(n=400, seed=1):
    """Steps that differ by up to a factor of three."""
    steps = np.random.default_rng(seed).uniform(0.5, 1.5, n)
    return 0.5 + 25.0 * np.cumsum(steps) / steps.sum()


def test_a_uniform_grid_is_known_and_left_alone():
    q = np.arange(0.5, 25.0, 0.02)
    assert is_uniform(q)
    assert is_uniform(np.round(q, 5))
    assert not is_uniform(uneven())
    moved, intensity, sigma = resample(q, np.sin(q), np.full_like(q, 0.1))
    np.testing.assert_allclose(moved, q, rtol=1e-12)
    np.testing.assert_allclose(intensity, np.sin(q), atol=1e-10)
    np.testing.assert_allclose(sigma, 0.1, rtol=1e-9)


def test_a_smooth_pattern_is_moved_without_loss():
    q = uneven()
    wave = 2.0
    edges = np.concatenate([[1.5 * q[0] - 0.5 * q[1]], (q[1:] + q[:-1]) / 2, [1.5 * q[-1] - 0.5 * q[-2]]])
    # the mean of the cosine over each channel, in closed form
    channels = 2.0 + np.diff(np.sin(wave * edges)) / wave / np.diff(edges)
    moved, intensity, _ = resample(q, channels)
    step = moved[1] - moved[0]
    expected = 2.0 + np.cos(wave * moved) * np.sinc(wave * step / 2 / np.pi)
    # the end channels reach beyond the data; a cubic spline through uneven edges is good to some 1e-5 here
    np.testing.assert_allclose(intensity[2:-2], expected[2:-2], atol=5e-5)


@given(seed=st.integers(0, 1000), factor=st.floats(0.5, 4.0))
@settings(max_examples=30, deadline=None)
def test_integral_and_its_variance_are_kept(seed, factor):
    q = uneven(200, seed)
    rng = np.random.default_rng(seed)
    intensity, sigma = rng.uniform(1.0, 5.0, len(q)), rng.uniform(0.1, 0.3, len(q))
    # a grid that ends where the old one does
    step = (q[-1] - q[0]) / round((len(q) - 1) / factor)
    moved, new, errors = resample(q, intensity, sigma, step)
    edges = np.concatenate([[1.5 * q[0] - 0.5 * q[1]], (q[1:] + q[:-1]) / 2, [1.5 * q[-1] - 0.5 * q[-2]]])
    low, high = max(edges[0], moved[0] - step / 2), min(edges[-1], moved[-1] + step / 2)
    widths = np.diff(np.clip(np.concatenate([moved - step / 2, [moved[-1] + step / 2]]), edges[0], edges[-1]))
    inside = np.diff(np.clip(edges, low, high))
    # cubic interpolation of the sum at two edges: one part in a hundred of one channel
    assert np.sum(new * widths) == pytest.approx(np.sum(intensity * inside), rel=0.005)
    expected = np.sum(inside * np.diff(edges) * sigma**2)
    assert np.sum((errors * widths) ** 2) == pytest.approx(expected, rel=1e-9)


def test_errors_of_a_transform_survive_the_move():
    """The spread of a sine transform over random patterns is what the errors on the new grid predict."""
    q = uneven(300)
    sigma = 0.05 + 0.01 * q
    rng = np.random.default_rng(5)
    r = np.array([2.0, 5.0, 9.0])
    moved, _, errors = resample(q, np.ones_like(q), sigma)
    step = moved[1] - moved[0]
    kernel = np.sin(np.outer(r, moved)) * step
    draws = [kernel @ resample(q, 1.0 + sigma * rng.normal(size=len(q)))[1] for _ in range(2000)]
    predicted = kernel**2 @ errors**2
    # 2000 draws: 3 % for a variance, four of those; the rest is that new channels count as independent
    np.testing.assert_allclose(np.var(draws, axis=0), predicted, rtol=0.2)


@pytest.mark.parametrize("step", [0.0, -0.1, 5.0, np.nan, np.inf])
def test_steps_that_leave_no_pattern_are_refused(step):
    with pytest.raises(InputError, match="step"):
        resample(uneven(), np.ones(400), None, step)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("# s (1/nm)", "Q / 2 pi"),
        ("# s=Q/2pi [1/A]", "Q / 2 pi"),
        ("# sin(theta)/lambda", "sin"),
        ("# d-spacing  I", "a spacing d"),
        ("# theta (deg)", "half of 2theta"),
        ("# Angle, Intensity", "if it is 2theta"),
        ("# q^2  I", "a function of it"),
        ("# log10(q)", "a function of it"),
        ("# tof counts", "time of flight"),
        ("# Q (furlong^-1)", "a unit that is not known"),
        ("# Energy (keV)  Intensity", "an energy"),
    ],
)
def test_columns_that_are_no_q_are_refused(header, words):
    with pytest.raises(InputError, match=f"{re.escape(words)}.*--unit"):
        radial_unit([header], "a.xy")


@pytest.mark.parametrize(
    ("header", "quantity", "factor"),
    [
        ("# 2theta (mrad)", "two_theta", 0.18 / np.pi),
        ("# 2th_mrad I", "two_theta", 0.18 / np.pi),
        ("# two theta (deg)", "two_theta", 1.0),
        (r"# q ($\AA^{-1}$)", "q", 1.0),
        ("# q (AA^-1)", "q", 1.0),
    ],
)
def test_units_are_read_in_more_spellings(header, quantity, factor):
    unit = radial_unit([header], "a.xy")
    assert unit.quantity == quantity and unit.factor == pytest.approx(factor)
