"""The lesson: its numbers are those of the Python functions, in a browser, from disk, with no request to anyone."""

import importlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tsct.analyze.pdf.peaks import extremum
from tsct.analyze.pdf.xray_tables import mean_f
from tsct.apps.lesson.model import TRUTH_Q_MIN, Settings, amounts, build_library, curves, operator, slice_maps
from tsct.apps.lesson.page import render
from tsct.phantoms.structures.library import lithiated_series, structure
from tsct.simulate.scattering.scattering import structure_reduced

#: what the sliders are set to, and where
CASES = (
    Settings(q_max=24.6, q_min=1.1, window="lorch", photons=10**11.3, silicon_share=0.35, lithium=0.17, draw=2),
    Settings(q_max=33.0, window="revised-lorch", r_poly=1.25, photons=10**10.5, parallax_mm=-1.7, lithium=0.6, draw=5),
    Settings(q_max=14.2, r_poly=0.0, silicon_share=1.0, lithium=0.05, photons=10**12.8),
    # every slider at an end
    Settings(
        **{"q_max": 12.0, "q_min": 3.0, "r_poly": 1.6, "parallax_mm": 2.6},
        **{"silicon_share": 0.0, "lithium": 0.6, "photons": 10**9.6, "draw": 5},
    ),
)
#: float64 sums in another order: six digits are asked for, at least nine are there
SAME = 1e-9


@pytest.fixture(scope="module")
def library():
    return build_library()


@pytest.fixture(scope="module")
def path(library, tmp_path_factory):
    path = tmp_path_factory.mktemp("lesson") / "lesson.html"
    path.write_text(render(library), encoding="utf-8")
    return path


@pytest.fixture
def lesson(path, watched):
    opened = watched(offline=True)
    opened.page.goto(path.as_uri())
    opened.page.wait_for_selector("body[data-ready=true]", timeout=60_000)
    yield opened
    opened.page.close()


def set_sliders(page, settings, map_r=2.38, difference=False):
    """Move the widgets as a hand would, and wait until everything is drawn."""
    values = {
        **{name: getattr(settings, name) for name in ("q_max", "q_min", "r_poly", "parallax_mm", "lithium")},
        "photons": float(np.log10(settings.photons)),
        "silicon_share": 100 * settings.silicon_share,
        "draw": settings.draw + 1,
        "map_r": map_r,
    }
    groups = {
        "window": ("none", "lorch", "revised-lorch").index(settings.window),
        "map_kind": int(difference),
    }
    page.evaluate(
        """([values, groups]) => {
            const find = (name) => Bokeh.documents[0].get_model_by_name(name);
            for (const [name, value] of Object.entries(values)) find(name).value = value;
            for (const [name, active] of Object.entries(groups)) find(name).active = active;
        }""",
        [values, groups],
    )
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def drawn(page, source):
    """What a plot shows."""
    return page.evaluate(
        """(source) => {
            const data = Bokeh.documents[0].get_model_by_name(source).data;
            const names = typeof data.keys === "function" ? [...data.keys()] : Object.keys(data);
            const column = (name) => (data.get ? data.get(name) : data[name]);
            return Object.fromEntries(names.map((name) => [name, Array.from(column(name), (v) =>
                typeof v === "number" || typeof v === "string" ? v : Array.from(v))]));
        }""",
        source,
    )


def same(found, expected):
    found = np.asarray(found, float).reshape(np.shape(expected))
    return np.max(np.abs(found - expected)) <= SAME * np.max(np.abs(expected))


def test_numbers_equal_python(lesson, library):
    for settings in CASES:
        set_sliders(lesson.page, settings, map_r=1.42, difference=settings.lithium > 0.1)
        expected = curves(library, settings)
        pattern, reduced = drawn(lesson.page, "pattern_source"), drawn(lesson.page, "reduced_source")
        pdf, change = drawn(lesson.page, "pdf_source"), drawn(lesson.page, "change_source")
        assert same(pattern["iq"], expected["iq"]) and same(pattern["free"], expected["free"])
        assert same(reduced["fq"], expected["fq"])
        assert same(pdf["gr"], expected["gr"]) and same(pdf["true"], expected["gr_true"])
        assert same(pdf["high"], expected["gr"] + expected["gr_sigma"])
        assert same(change["dgr"], expected["dgr"]) and same(change["true"], expected["dgr_true"])
        assert same(change["high"], expected["dgr"] + expected["dgr_sigma"])
        maps = slice_maps(library, settings, 1.42, difference=settings.lithium > 0.1)
        assert same(drawn(lesson.page, "map_found_source")["image"], maps["found"])
        assert same(drawn(lesson.page, "map_true_source")["image"], maps["true"])
    assert lesson.errors == []
    assert lesson.far_requests("file:///") == []


#: settings that reach the goal of each step, in the order in which they must come, and the answer of its question
ROUTES = (
    ([Settings(q_max=18.0), Settings(q_max=22.0)], None),
    ([Settings(q_max=32.0)], None),
    ([Settings(q_max=32.0, photons=10**9.6), Settings(photons=10**9.6)], None),
    ([Settings(r_poly=1.5)], "number density"),
    (
        [Settings(lithium=0.2, q_max=18.0), Settings(lithium=0.2, q_max=26.0), Settings(lithium=0.2, window="lorch")],
        "broad Si–Li",
    ),
    ([Settings(lithium=0.04)], "cannot tell"),
    ([Settings(parallax_mm=2.6)], "same share"),
    ([Settings()], None),
)


def test_every_step_can_be_reached_and_none_is_reached_by_itself(lesson):
    page = lesson.page
    for number, (route, answer) in enumerate(ROUTES):
        assert page.text_content("#step-number") == f"Step {number + 1} of {len(ROUTES)}"
        set_sliders(page, Settings())
        assert page.get_attribute("#step", "data-reached") == "false"
        for settings in route:
            set_sliders(page, settings, map_r=0.98 if number == len(ROUTES) - 1 else 2.38)
        assert page.get_attribute("#step", "data-reached") == "true", page.text_content("#step-title")
        if answer:
            page.click(f"#quiz button:has-text('{answer}')")
            assert page.get_attribute(f"#quiz button:has-text('{answer}')", "class") == "right"
        if number < len(ROUTES) - 1:
            assert page.text_content("#next") == "Next step"
            page.click("#next")
    assert page.locator("#progress button.complete").count() == len(ROUTES)
    assert lesson.errors == []


def test_the_ghost_is_marked_where_python_finds_it_and_a_window_takes_it_away(lesson, library):
    r, gr = library.r, curves(library, Settings())["gr"]
    ghosts = drawn(lesson.page, "ghosts_source")
    assert ghosts["r"][0] == pytest.approx(extremum(r, gr, 0.85, 1.15, 1.0)[0], abs=1e-6)
    assert "ripple of C–C" in lesson.page.text_content("#pdf-says")
    set_sliders(lesson.page, Settings(window="lorch"))
    assert drawn(lesson.page, "ghosts_source")["r"] == []


def test_sliders_move_by_keyboard(lesson):
    page = lesson.page
    before = drawn(page, "pdf_source")["gr"]
    handle = page.locator("[role=slider]").first
    handle.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("Bokeh.documents[0].get_model_by_name('q_max').value > 20.5")
    page.wait_for_timeout(200)
    assert np.max(np.abs(np.subtract(drawn(page, "pdf_source")["gr"], before))) > 0.05


def test_packages_that_build_on_bokeh_add_nothing(library):
    importlib.import_module("panel")
    page = render(library)
    assert "<script src" not in page and "<link" not in page


def test_the_documentation_holds_the_lesson(path, tmp_path, watched):
    """Every page of the documentation is built without a warning, and the lesson works inside its own."""
    for name in ("sphinx", "myst_parser"):
        pytest.importorskip(name)
    docs = Path(__file__).parents[3] / "docs"
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-D", f"lesson={path}", docs, tmp_path]
    built = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert built.returncode == 0, built.stderr
    opened = watched(offline=True)
    opened.page.goto((tmp_path / "lesson.html").as_uri())
    opened.page.frame_locator("iframe").locator("body[data-ready=true]").wait_for(timeout=60_000)
    assert "pictures/lesson.png" not in opened.page.content()
    assert opened.errors == []
    assert opened.far_requests("file:///") == []


# ---------------------------------------------------------------------------------------------------------------------
# the model itself, by other routes


def test_untruncated_truth_is_that_of_a_transform_to_the_end_of_the_tables(library):
    """The composed pattern with one table of form factors throughout, transformed to 75 1/angstrom."""
    settings = Settings(silicon_share=0.4)
    atoms = amounts(library, settings, 0.0)
    shares = {"Si": atoms[0] / atoms.sum(), "C": atoms[-1] / atoms.sum()}
    q = np.arange(TRUTH_Q_MIN, 75.0, 0.02)
    phases = ((lithiated_series()[0], "Si"), (structure("carbon-black"), "C"))
    # the analyst's table for both: what each scatters beyond its free atoms, in units of its own form factor
    reduced = sum(
        shares[symbol] * (mean_f({symbol: 1.0}, q) / mean_f(shares, q)) ** 2 * structure_reduced(material, q)
        for material, symbol in phases
    )
    whole = 2 / np.pi * np.trapezoid(reduced * np.sin(np.multiply.outer(library.r, q)), q)
    assert curves(library, settings)["gr_true"] == pytest.approx(whole, abs=2e-3)


def test_band_is_the_scatter_of_the_draws(library):
    base = Settings(photons=1e11)
    quiet = curves(library, replace(base, photons=1e20))["gr"]
    far = library.r > 1.0
    pulls = [
        (curves(library, replace(base, draw=draw))["gr"] - quiet)[far] / curves(library, base)["gr_sigma"][far]
        for draw in range(6)
    ]
    # neighbouring points are correlated over about 0.1 A: some 70 independent numbers per draw
    assert np.mean(np.square(pulls)) == pytest.approx(1.0, abs=0.25)


def test_map_noise_has_the_size_of_the_band_of_one_voxel(library):
    settings = Settings(photons=1e11)
    noisy = slice_maps(library, settings, 2.38)["found"]
    clean = slice_maps(library, replace(settings, photons=1e20), 2.38)["found"]
    k = round(2.38 / 0.02) - 1
    expected = curves(library, settings)["gr_sigma"][k]
    # 1024 anti-correlated voxels; the blocks of Q and the steps of the fields add a few per cent
    assert np.std(noisy - clean) == pytest.approx(expected, rel=0.15)
    assert np.abs(library.fields).max() < 127


def test_atoms_are_conserved_while_lithium_comes_in(library):
    before, after = (amounts(library, Settings(), x) for x in (0.0, 0.33))
    per_silicon = 1 / (1 + library.lithium)
    assert (after[:-1] * per_silicon).sum() == pytest.approx(before[0])
    assert (after[:-1] * per_silicon * library.lithium).sum() == pytest.approx(0.33 * before[0])
    assert after[-1] == before[-1]
    assert operator(library, Settings()).density(amounts(library, Settings(), 0.0) @ library.spectra) > 0


def test_the_si_si_peak_keeps_its_true_height_while_lithium_comes_in(library):
    """Counted per atom of the present state, found and true would part by a factor of 1.4 at 0.6 Li per Si."""
    near = (library.r > 2.0) & (library.r < 3.0)
    for lithium in (0.0, 0.3, 0.6):
        # so far out in Q that the end hardly lowers the peak
        drawn = curves(library, Settings(lithium=lithium, silicon_share=1.0, q_max=36.0, photons=1e20))
        assert drawn["gr"][near].max() == pytest.approx(drawn["gr_true"][near].max(), rel=0.05), lithium


def test_the_difference_is_that_of_the_two_curves(library):
    base = Settings(silicon_share=0.4, photons=1e20)
    before, now = (curves(library, replace(base, lithium=x)) for x in (0.0, 0.33))
    for name, tolerance in (("gr", 1e-4), ("gr_true", 1e-12)):
        expected = now[name] - before[name]
        assert now[f"d{name}"] == pytest.approx(expected, abs=tolerance * np.abs(expected).max()), name
