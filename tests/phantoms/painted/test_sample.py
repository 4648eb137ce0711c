"""Painted samples: amounts, changes and what is refused, against closed forms and against the cell."""

from dataclasses import replace

import numpy as np
import pytest

from tsct.phantoms import States, discharge, lithiated_series, wragg2023
from tsct.phantoms.painted import Change, Cylinder, PaintedSample, Phase, Texture, Tube
from tsct.phantoms.structures import structure
from tsct.records.errors import InputError, UsageError

QUARTZ = Phase(name="quartz", series=(structure("silica-glass"),))
COPPER = Phase(name="copper", series=(structure("copper"),))
CARBON = Phase(name="carbon", series=(structure("graphite"),))
WATER = Phase(name="water", series=(structure("electrolyte"),))
WALL = Tube(name="wall", inner_diameter_mm=1.8, outer_diameter_mm=2.0, fill={"quartz": 1.0})
BED = Cylinder(name="bed", diameter_mm=1.8, fill={"copper": 0.2, "carbon": 0.1}, rest="water")


def sample(*changes, states=(0.0, 1.0), bed=BED, phases=(QUARTZ, COPPER, CARBON, WATER)):
    axis = States(axis="time_s", values=states)
    return PaintedSample(phases=phases, solids=(WALL, bed), states=axis, changes=changes)


def atoms(one, state, name):
    contents = one.contents(state, 0, 2.2, 220)
    pairs = zip(contents.parts, contents.densities, strict=True)
    return sum(float(density.sum()) for part, density in pairs if part.phase == name) * (2.2 / 220) ** 2


def test_amounts_are_area_times_density():
    inside = np.pi * 0.9**2
    for phase, share in ((COPPER, 0.2), (CARBON, 0.1), (WATER, 0.7)):
        expected = share * inside * phase.density_per_a3
        assert atoms(sample(), 0, phase.name) == pytest.approx(expected, rel=2e-3)
    assert atoms(sample(), 0, "quartz") == pytest.approx(np.pi * (1 - 0.81) * QUARTZ.density_per_a3, rel=5e-3)


def test_what_is_painted_later_takes_the_place():
    hole = Cylinder(name="hole", diameter_mm=1.0, fill={})
    one = PaintedSample(phases=(COPPER,), solids=(Cylinder(diameter_mm=1.8, fill={"copper": 1.0}), hole))
    assert atoms(one, 0, "copper") == pytest.approx(np.pi * (0.81 - 0.25) * COPPER.density_per_a3, rel=2e-3)


@pytest.mark.parametrize("where", ["uniform", "rim", "front", "core"])
def test_a_conversion_keeps_the_mean_and_the_volume(where):
    change = Change(
        phase="copper", kind="conversion", into="carbon", curve=((0, 0), (1, 0.4)), where=where, radius_mm=0.9
    )
    one = sample(change)
    before, after = (atoms(one, state, "copper") for state in (0, 1))
    assert after == pytest.approx(0.6 * before, rel=0.03)
    gained = atoms(one, 1, "carbon") - atoms(one, 0, "carbon")
    lost = before - after
    assert gained / CARBON.density_per_a3 == pytest.approx(lost / COPPER.density_per_a3, rel=1e-9)


def test_what_grows_pushes_out_its_filler():
    one = sample(Change(phase="copper", kind="growth", curve=((0, 0), (1, 0.5)), displaces="water"))
    assert atoms(one, 1, "copper") == pytest.approx(1.5 * atoms(one, 0, "copper"), rel=1e-9)
    volume = (atoms(one, 1, "copper") - atoms(one, 0, "copper")) / COPPER.density_per_a3
    assert atoms(one, 0, "water") - atoms(one, 1, "water") == pytest.approx(volume * WATER.density_per_a3, rel=1e-9)


def test_a_strain_keeps_the_atoms_and_moves_them_apart():
    one = sample(Change(phase="copper", kind="strain", curve=((0, 0), (1, 0.01)), displaces="water"))
    assert atoms(one, 1, "copper") == pytest.approx(atoms(one, 0, "copper"), rel=1e-9)
    (part,) = [part for part in one.contents(1, 0, 2.2, 50).parts if part.phase == "copper"]
    first, second = (s.members[0].get_distance(0, 1, mic=True) for s in (COPPER.series[0], part.structure))
    assert second == pytest.approx(1.01 * first, rel=1e-9)
    assert {s.name for s in one.structures} >= {"copper", part.structure.name}


def test_a_series_is_the_lithiation_of_the_cell():
    """The general series with 16.05 A3 per Li gives the numbers of the cell's own lithiation."""
    states = discharge("small", (0.50, 0.20))
    cell = wragg2023(states)
    series = lithiated_series(states.most_lithium)
    silicon = Phase(name="silicon", series=series, coordinates=tuple(s.lithium_per_silicon for s in series))
    change = Change(
        phase="silicon", kind="series", curve=((0.50, 0.0), (0.20, 0.22)), guest_volume_a3=16.05, displaces="water"
    )
    bed = Cylinder(name="bed", diameter_mm=1.8, fill={"silicon": 0.22}, rest="water")
    axis = States(axis="potential_v", values=(0.50, 0.20))
    one = PaintedSample(phases=(silicon, WATER), solids=(bed,), states=axis, changes=(change,))
    ours, theirs = one.contents(1, 0, 1.0, 20), cell.contents(1, 1, 0.5, 20)
    pairs = {p.structure.name: d for p, d in zip(ours.parts, ours.densities, strict=True)}
    others = {p.structure.name: d for p, d in zip(theirs.parts, theirs.densities, strict=True)}
    names = [name for name in pairs if name != "electrolyte"]
    assert names == [name for name in others if name.startswith("a-")]
    for name in names:
        ratio = pairs[name][10, 10] / sum(pairs[n][10, 10] for n in names)
        assert ratio == pytest.approx(others[name][10, 10] / sum(others[n][10, 10] for n in names), rel=1e-9)


def test_composition_is_that_of_the_last_solid_and_knows_only_what_is_known():
    formula = sample().nominal_composition
    copper, carbon = 0.2 * COPPER.density_per_a3, 0.1 * CARBON.density_per_a3
    water = 0.7 * WATER.density_per_a3
    assert formula["Cu"] == pytest.approx(copper / (copper + carbon + water), rel=1e-9)
    unknown = replace(COPPER, known=False)
    assert "Cu" not in sample(phases=(QUARTZ, unknown, CARBON, WATER)).nominal_composition


def test_truth_holds_every_phase_in_every_state():
    one = sample(Change(phase="copper", kind="conversion", into="carbon", curve=((0, 0), (1, 0.4))))
    truth = one.truth(22, 0.1)
    assert truth.phase_amount.shape == (2, 1, 4, 22, 22)
    assert truth.attrs["state_axis"] == "time_s" and truth.time_s.attrs["units"] == "s"
    copper = truth.phase_amount.sel(phase_name="copper").sum(("slice", "y", "x")).values * 0.01
    assert copper == pytest.approx([atoms(one, 0, "copper"), atoms(one, 1, "copper")], rel=5e-3)


def test_grains_are_the_same_on_every_grid():
    texture = Texture(kind="grains", amplitude=0.1, period_mm=0.1, radius_mm=0.9)
    grids = (np.arange(-8, 9) * 0.1, np.arange(-16, 17) * 0.05)
    coarse, fine = (texture.factor(*np.meshgrid(grid, grid), 0.0) for grid in grids)
    np.testing.assert_allclose(coarse, fine[::2, ::2], rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: sample(Change(phase="iron", kind="growth", curve=((0, 0), (1, 1)))), UsageError, "no phase 'iron'"),
        (lambda: sample(phases=(QUARTZ, COPPER, COPPER)), UsageError, "two are called 'copper'"),
        (lambda: sample(phases=(QUARTZ, COPPER, CARBON)), UsageError, "no phase 'water'"),
        (lambda: PaintedSample(phases=(COPPER,)), UsageError, "at least one"),
        (lambda: Phase(name="air", series=(structure("air"),)), UsageError, "not air"),
        (lambda: Change(phase="copper", kind="conversion", curve=((0, 0),)), UsageError, "a conversion needs it"),
        (lambda: Change(phase="copper", kind="growth", curve=((0, np.nan),)), InputError, "finite"),
        (lambda: sample(Change(phase="copper", kind="strain", curve=((0, 0), (1, 3)))), InputError, "-0.2 to 0.2"),
        (lambda: States(axis="heat", values=(1.0,)), UsageError, "a name with its unit"),
        (lambda: States(axis="time_s", values=(np.inf,)), UsageError, "finite"),
    ],
)
def test_what_cannot_be(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_no_room_and_no_texture_beyond_what_fits():
    one = sample(Change(phase="copper", kind="growth", curve=((0, 0), (1, 9)), displaces="water"))
    with pytest.raises(InputError, match="state 1: water gives way to more than there is"):
        one.contents(1, 0, 2.2, 50)
    bed = replace(BED, fill={"copper": 0.9}, texture=(Texture(kind="radial", amplitude=0.5, radius_mm=0.9),))
    with pytest.raises(InputError, match=r"bed.*makes the fill 1\.3"):
        sample(bed=bed).contents(0, 0, 2.2, 50)
