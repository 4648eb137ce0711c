"""What is drawn is what was found: numbers behind the lines, labels on every axis, and no text on top of other text."""

from itertools import combinations

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from tsct.validation.report.figures.figure_difference import film
from tsct.validation.report.figures.figure_errors import errors
from tsct.validation.report.figures.figure_maps import inside_electrode, maps, slice_labels
from tsct.validation.report.figures.figure_overview import overview
from tsct.validation.report.figures.figure_pdf import pattern_and_pdf, visible_ghost
from tsct.validation.report.figures.figure_style import around, cell_edges, events, largest
from tsct.validation.report.figures.figure_trends import trends
from tsct.validation.report.figures.plates import Sources, plates

FIGURES = {
    "pdf": lambda truth, found, region: pattern_and_pdf(found, region),
    "silicon": lambda truth, found, region: maps(found, truth, "silicon"),
    "carbon": lambda truth, found, region: maps(found, truth, "carbon"),
    "film": lambda truth, found, region: film(found, truth),
    "trends": lambda truth, found, region: trends(found, truth),
    "errors": lambda truth, found, region: errors(found, truth),
    "overview": lambda truth, found, region: overview(found, truth, region),
}


@pytest.fixture(scope="module")
def drawn(small, region):
    figures = {name: make(*small, region) for name, make in FIGURES.items()}
    for figure in figures.values():
        FigureCanvasAgg(figure).draw()
    return figures


def panel(figure, start):
    """The axes whose title starts with a letter or word."""
    return next(axes for axes in figure.axes if axes.get_title(loc="left").startswith(start))


def line(axes, label):
    """x and y of the line with a label."""
    return next(artist.get_data() for artist in axes.lines if artist.get_label() == label)


def points(axes, label):
    """x and y of the error-bar series with a label."""
    series = next(c for c in axes.containers if c.get_label() == label)
    return series.lines[0].get_data()


@pytest.mark.parametrize("name", FIGURES)
def test_every_axis_says_what_it_shows_and_in_which_unit(drawn, name):
    for axes in (axes for axes in drawn[name].axes if axes.get_visible()):
        for axis in (axes.xaxis, axes.yaxis):
            ticks = [label for label in axis.get_ticklabels() if label.get_visible() and label.get_text()]
            label = axis.get_label_text()
            # an axis without tick labels shares those of its neighbour or is drawn to scale by a bar
            if ticks and not label:
                shared = axes.get_shared_x_axes() if axis is axes.xaxis else axes.get_shared_y_axes()
                bar = axes.get_label() == "<colorbar>"
                assert len(shared.get_siblings(axes)) > 1 or bar, f"{name}: axis without a label"
            elif label and label not in UNITLESS:
                assert "(" in label or "units" in label or "= 1" in label, f"{name}: '{label}' has no unit"


UNITLESS = ("(recovered − truth) / σ", "share of voxels per unit", "10⁻³ atoms Å⁻³")


def shown(figure):
    """Every text that is drawn; matplotlib also keeps labels of ticks outside the limits, which are not."""
    hidden = set()
    for axes in figure.findobj(Axes):
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = axis.get_major_ticks() + axis.get_minor_ticks()
            for tick in ticks:
                if not low <= tick.get_loc() <= high:
                    hidden |= {tick.label1, tick.label2}
    return [t for t in figure.findobj(Text) if t not in hidden and t.get_visible() and t.get_text().strip()]


@pytest.mark.parametrize("name", FIGURES)
def test_no_text_lies_on_other_text(drawn, name):
    figure = drawn[name]
    renderer = figure.canvas.get_renderer()
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in shown(figure)]
    assert len(boxes) > 20
    for (first, a), (second, b) in combinations(boxes, 2):
        width, height = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        # boxes of type are a little larger than its ink
        assert width < 3 or height < 3, f"{name}: '{first}' and '{second}' overlap"


@pytest.mark.parametrize("name", FIGURES)
def test_all_text_lies_on_the_sheet(drawn, name):
    figure = drawn[name]
    renderer = figure.canvas.get_renderer()
    for text in shown(figure):
        box = text.get_window_extent(renderer)
        inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1
        assert inside, f"{name}: '{text.get_text()}' is cut off"


def test_pattern_and_pdf_are_those_recovered(drawn, small, region):
    _, found = small
    figure = drawn["pdf"]
    np.testing.assert_array_equal(line(panel(figure, "a"), "recovered ± σ")[1], 0.08 * found.roi_iq.values[0])
    np.testing.assert_array_equal(line(panel(figure, "b"), "recovered ± σ")[1], found.roi_gr.values[0])
    np.testing.assert_array_equal(line(panel(figure, "b"), "truth, truncated alike")[1], region.gr.values)
    rest = next(axes for axes in figure.axes if axes.get_ylabel() == "difference (%)")
    np.testing.assert_allclose(line(rest, "recovered − truth")[1], 100 * (1 / 1.001 - 1), rtol=1e-9)


def test_bonds_and_ghost_are_named_where_they_are(drawn):
    named = {text.get_text().partition("\n")[0]: text.xy for text in panel(drawn["pdf"], "b").texts}
    for name, position in {"ghost": 1.0, "C–C": 1.42, "Si–Si": 2.37, "2nd shell": 3.8, "graphene": 4.22}.items():
        # the flank of the second shell pulls the shoulder's top down a little
        assert named[name][0] == pytest.approx(position, abs=0.04)


def test_no_ghost_is_named_where_none_can_be_seen(small):
    _, found = small
    shy = found.copy()
    near = np.abs(found.r.values - 1.0) < 0.2
    shy["roi_gr"] = found.roi_gr.where(~near, -1.0)
    assert np.isfinite(visible_ghost(found))
    assert np.isnan(visible_ghost(shy))


def test_maps_show_the_reference_state_with_the_top_slice_first(drawn, small):
    truth, found = small
    grid = np.array([axes for axes in drawn["silicon"].axes if axes.get_label() != "<colorbar>"]).reshape(2, 4)
    images = [[axes.collections[0].get_array() for axes in row] for row in grid[::-1]]
    inside = inside_electrode(found, truth)
    for j, (true, value, rest, error) in enumerate(images):
        np.testing.assert_allclose(true, 1e3 * truth.silicon.values[j])
        np.testing.assert_allclose(value, 1e3 * found.silicon.values[0, j])
        np.testing.assert_allclose(error, 1e3 * found.silicon_errors.values[0, j])
        np.testing.assert_allclose(rest[inside], (value - true)[inside])
        assert rest.mask[~inside].all()
    assert grid[0, 0].get_ylabel().startswith("slice 1, z = 50 µm")


def test_truth_and_recovered_share_their_colours(drawn):
    first, second = drawn["carbon"].axes[:2]
    assert first.collections[0].get_clim() == second.collections[0].get_clim()
    assert first.collections[0].get_cmap() == second.collections[0].get_cmap()


def test_slices_are_numbered_where_their_height_is_unknown(small):
    assert slice_labels(small[1].drop_vars("z_mm")) == ["slice 0", "slice 1"]


def test_film_is_the_difference_pdf(drawn, small):
    _, found = small
    axes = panel(drawn["film"], "a")
    inside = (found.r.values >= 1.0) & (found.r.values <= 5.5)
    np.testing.assert_array_equal(axes.collections[0].get_array(), found.roi_dgr.values[:, inside])
    assert axes.get_ylim() == (0.50, 0.20)
    marked = {text.get_text() for text in axes.texts}
    assert marked == {"0.48 V", "0.28 V", "0.21 V"}
    low, high = axes.collections[0].get_clim()
    assert low == -high


def test_trends_are_the_fitted_parameters(drawn, small):
    truth, _ = small
    figure = drawn["trends"]
    np.testing.assert_allclose(points(panel(figure, "b"), "template fit")[1], truth.silicon_distance.values)
    np.testing.assert_allclose(points(panel(figure, "a"), "2.8 Å, Si–Li")[1], 7 / 8 * found_x(truth), atol=1e-12)
    x, y = points(panel(figure, "c"), "template fit")
    np.testing.assert_allclose(x, y, atol=1e-9)
    lobes = line(panel(figure, "c"), "middle of the lobes")[1]
    np.testing.assert_allclose(np.diff(lobes), 0.5 * np.diff(x))


def found_x(truth):
    """Lithium per silicon in units of its last value."""
    return truth.lithium_per_silicon.values / truth.lithium_per_silicon.values[-1]


def test_trends_leave_the_shift_out_where_nothing_moves(small):
    truth, found = small
    still = truth.copy()
    for name in ("silicon_distance", "lithium_per_silicon", "lithium_neighbours", "second_shell_loss"):
        still[name] = truth[name] * 0 + truth[name].values[0]
    still.attrs["scenario"] = "null"
    figure = trends(found, still)
    assert len(figure.axes) == 2
    assert "units of its error" in figure.axes[0].get_ylabel()


def test_errors_are_per_cent_of_the_pattern(drawn, small):
    _, found = small
    axes = panel(drawn["errors"], "a")
    expected = 100 * found.roi_iq_errors.values[0] / found.roi_iq.values[0]
    np.testing.assert_allclose(line(axes, "region, with gain pattern")[1], expected)
    white = line(axes, f"one voxel / √{int(found.roi.sum())} (white noise)")[1]
    np.testing.assert_allclose(white * np.sqrt(found.roi.sum().item()), line(axes, "one voxel")[1])


def test_pulls_are_deviations_over_errors(drawn, small):
    truth, found = small
    inside = found.roi.values.astype(bool)
    pull = ((found.silicon.values[0, 1] - truth.silicon.values[1]) / found.silicon_errors.values[0, 1])[inside]
    legend = panel(drawn["errors"], "c").get_legend().get_texts()[0].get_text()
    assert legend == f"silicon: mean {pull.mean():+.1f}, spread {pull.std():.1f}".replace("-", "−")


@pytest.mark.parametrize(
    ("make", "panels"),
    [
        (lambda found: pattern_and_pdf(found, None), 4),
        (lambda found: maps(found, None, "silicon"), 4 + 2),
        (lambda found: film(found, None), 2 + 1),
        (lambda found: trends(found, None), 2),
        (lambda found: errors(found, None), 2),
    ],
)
def test_without_truth_only_what_was_recovered_is_drawn(small, make, panels):
    figure = make(small[1])
    FigureCanvasAgg(figure).draw()
    assert len(figure.axes) == panels
    words = " ".join(text.get_text() for text in figure.findobj(Text))
    assert "truth" not in words and "true" not in words


@pytest.mark.parametrize("name", FIGURES)
def test_data_that_are_not_numbers_do_not_stop_the_drawing(small, region, name):
    truth, found = small
    empty = found.copy()
    for variable in found.data_vars:
        if variable not in ("roi", "compton_weight"):
            empty[variable] = found[variable] * np.nan
    FigureCanvasAgg(FIGURES[name](truth, empty, region)).draw()


def test_events_are_those_of_the_scenario(small):
    truth, _ = small
    assert events(truth) == (0.48, 0.28, 0.21)
    assert events(truth.assign_attrs(scenario="null")) == ()
    assert events(None) == ()


def test_cells_meet_half_way_and_end_at_the_last_centres():
    np.testing.assert_allclose(cell_edges(np.array([0.5, 0.4, 0.2])), [0.5, 0.45, 0.3, 0.2])


def test_limits_hold_the_values_and_survive_without_any():
    low, high = around(np.linspace(-1, 3, 101))
    assert low < -0.95 and high > 2.95
    assert around(np.array([np.nan])) == pytest.approx((-1.3, 1.3))
    assert largest(np.array([-3.0, 2.0, np.nan])) == 3.0
    assert largest(np.array([np.nan])) == 1.0


def test_a_sample_of_named_phases_has_a_map_of_each_and_their_amounts(small):
    """Drawn from the values, along the axis that the truth names."""
    truth, _ = small
    n, names = truth.sizes["x"], ["nickel", "alumina"]
    values = np.ones((2, 1, 2, n, n)) * np.array([2e-3, 5e-3])[None, None, :, None, None]
    dims = ("state", "slice", "phase", "y", "x")
    coords = {"phase": names, "state": [0, 1], "slice": [0], "y": truth.y, "x": truth.x}
    found = xr.Dataset(
        {
            "phase_amount": (dims, values),
            "phase_amount_errors": (dims, 0.1 * values),
            "phase_amount_level_errors": (dims[:3], np.full((2, 1, 2), 0.01)),
            "roi": (("y", "x"), np.ones((n, n))),
        },
        coords=coords,
        attrs={"roi_slice": 0},
    )
    known = (
        found[["phase_amount"]].rename(phase="phase_name").assign_coords(time_s=("state", [0.0, 60.0], {"units": "s"}))
    )
    known = known.assign_attrs(state_axis="time_s", sample_radius_mm=2.0)
    sources = Sources(recovered=found, truth=known)
    drawn = {plate.name: plate for plate in plates(sources) if not plate.missing(sources)}
    assert {"map_nickel", "map_alumina", "amounts"} <= set(drawn)
    assert not {"map_silicon", "map_carbon", "trends"} & {plate.name for plate in plates(sources)}
    panels = drawn["amounts"].draw(sources).axes
    assert [axes.get_xlabel() for axes in panels] == ["time (s)", "time (s)"]
    x, y = points(panels[1], "recovered")
    np.testing.assert_allclose([*x, *y], [0, 60, 5, 5])
    assert "nickel" in drawn["map_nickel"].draw(sources).axes[-1].get_xlabel()
