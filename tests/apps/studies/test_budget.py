"""A beam time that an experiment is fitted into: it is filled, and every choice has a reason."""

import pytest

from tsct.apps.run.experiment import load
from tsct.apps.studies.budget import FASTEST_S, Need, stated_keys, within_hours
from tsct.records.errors import UsageError


class Asks:
    """A plan that needs so many times the exposure."""

    def __init__(self, factor):
        self.need = Need(factor=factor, words="it shows")


def fitted(preset, hours, *overrides, factor=0.0):
    return within_hours(preset, overrides, hours, lambda _: Asks(factor))


def hours_of(experiment):
    beamline, scan = experiment.beamline, experiment.beamline.scan
    frames = scan.views * scan.translations * len(experiment.tiles)
    return frames * (beamline.exposure_s + beamline.dead_time_s) / 3600


@pytest.mark.parametrize(("preset", "factor"), [("standard", 0.0), ("standard", float("inf")), ("wragg2023", 30.0)])
def test_the_time_is_filled_and_the_settings_say_how(preset, factor):
    experiment, choice = fitted(preset, 48.0, factor=factor)
    assert hours_of(experiment) == pytest.approx(48.0, rel=1e-4)
    again = load(preset, overrides=choice.overrides)
    assert again.settings == experiment.settings
    assert len(choice.reasons) >= len(choice.overrides)


def test_the_scan_holds_the_sample_and_samples_its_rim():
    experiment, choice = fitted("capillary", 48.0)
    scan, before = experiment.beamline.scan, load("capillary").beamline.scan
    air = experiment.recipe.air_rays
    assert experiment.phantom.extent_mm < (scan.translations - 2 * air) * scan.step_mm < scan.extent_mm
    assert (before.translations - scan.translations) % 2 == 0
    # one arc between two views is as long as a step: pi / 2 * 2 mm / 0.05 mm
    assert scan.views == 63
    assert any(line.startswith("63 views instead of 60") for line in choice.reasons)


def test_slices_go_before_states_until_the_question_is_answered():
    base = load("capillary")
    # 47 x 63 frames of 0.1 s are 0.082 h: 48 h hold 32 times all 18, 9.7 of 60 times or 3.9 of 150 times the exposure
    for factor, tiles in ((1.0, (6, 3)), (60.0, (6, 1)), (150.0, (3, 1))):
        experiment, choice = fitted("capillary", 48.0, factor=factor)
        states, slices = len(experiment.phantom.states.values), len(experiment.phantom.slices_z_mm)
        assert (states, slices) == tiles, factor
        exposure = experiment.beamline.exposure_s
        assert exposure >= factor * base.beamline.exposure_s * (1 - 1e-4)
        if slices < 3:
            assert "1 of 3 slices: then it shows." in choice.reasons and experiment.phantom.slices_z_mm == (0.0,)
    assert experiment.phantom.states.values[0] == 300.0 and experiment.phantom.states.values[-1] == 800.0


def test_a_question_without_an_answer_costs_nothing_and_is_said():
    experiment, choice = fitted("capillary", 48.0, factor=1e6)
    assert len(experiment.tiles) == 18
    assert "No choice of states and slices in 48 h would do that it shows." in choice.reasons


def test_what_the_user_states_stays():
    stated = ("beamline.scan.views=40", "beamline.scan.translations=51", "slices.z_mm=[-0.05, 0.0, 0.05]")
    experiment, choice = fitted("capillary", 48.0, *stated, factor=200.0)
    scan = experiment.beamline.scan
    assert (scan.views, scan.translations, len(experiment.phantom.slices_z_mm)) == (40, 51, 3)
    assert not any(one.startswith(("beamline.scan", "slices")) for one in choice.overrides)
    fixed, choice = fitted("capillary", 2.0, "beamline.exposure_s=2.0", factor=200.0)
    assert fixed.beamline.exposure_s == 2.0 and hours_of(fixed) <= 2.0 < 2 * hours_of(fixed)
    assert "The exposure is fixed at 2 s a frame" in choice.reasons[-1]


def test_a_preset_states_nothing_and_a_file_of_the_user_what_it_holds(tmp_path):
    assert stated_keys("capillary", ()) == frozenset()
    path = tmp_path / "own.toml"
    path.write_text("name = 'own'\n[beamline.scan]\nviews = 30\n")
    assert stated_keys(str(path), ("slices.z_mm=[0.05]",)) == {"name", "beamline.scan.views", "slices.z_mm"}


def test_little_time_takes_views_away_and_says_so():
    experiment, choice = fitted("wragg2023", 0.02)
    assert experiment.beamline.exposure_s >= FASTEST_S * (1 - 1e-4)
    assert any("expect streaks" in line for line in choice.reasons)
    assert any("more do not fit" in line for line in choice.reasons)


@pytest.mark.parametrize(("hours", "words"), [(0.0, "positive"), (float("nan"), "positive"), (1e-5, "frames fit")])
def test_hours_that_hold_no_experiment_are_refused(hours, words):
    with pytest.raises(UsageError, match=words):
        fitted("capillary", hours)
