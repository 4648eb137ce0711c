"""A beam time that an experiment is fitted into: exposure, views, translations, slices and states, if they are free."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor
from typing import Any, Protocol

import numpy as np

from tsct.apps.run.experiment import Experiment, evenly, load
from tsct.apps.run.scenario_list import scenarios
from tsct.apps.run.toml_tables import PRESETS, override, read_table
from tsct.records.errors import UsageError
from tsct.validation.forecast import tomogram_seconds

#: no detector of the field reads frames faster than at a kilohertz, seconds
FASTEST_S = 1e-3
#: with less than this share of the views that full sampling takes, streaks come before noise
FEW_VIEWS = 0.5
#: share of the beam time at most that may go into dead time before views are left out
MOST_DEAD = 0.2
#: translations beyond the sample and its rays of air: the axis may be off by one
SPARE = 2
#: a change needs two states
FEWEST_STATES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What an experiment needs to answer its question.

    Attributes
    ----------
    factor : float
        Exposure over the planned one; zero if nothing is asked, infinite if no exposure would do.
    words : str
        The answer, such as "a shift of 0.01 Å shows in one voxel".
    """

    factor: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """An experiment that fills a beam time.

    Attributes
    ----------
    overrides : tuple of str
        What was chosen, as ``--set`` would say it.
    reasons : tuple of str
        What was chosen and why, a line each.
    """

    overrides: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    def then(self, key: str, value: Any, reason: str) -> "Fitted":
        """The same with one more choice."""
        return replace(self, overrides=(*self.overrides, f"{key}={value}"), reasons=(*self.reasons, reason))


class _Asks(Protocol):
    @property
    def need(self) -> Need: ...


def within_hours(
    source: str, overrides: Sequence[str], hours: float, plan: Callable[[Experiment], _Asks]
) -> tuple[Experiment, Fitted]:
    """The experiment fitted into a beam time.

    Parameters
    ----------
    source, overrides
        As of :func:`tsct.apps.run.experiment.load`; what a file of the user or an override says stays as it is.
    hours : float
        There are so many.
    plan : callable
        Plans an experiment, and knows what exposure answers its question.

    Raises
    ------
    UsageError
        If the hours are none, or too few for what is fixed.
    """
    if not (np.isfinite(hours) and hours > 0):
        raise UsageError(f"--hours is {hours}; give a positive number, such as 48")
    fixed = stated_keys(source, overrides)
    sampled = load(source, overrides=overrides)
    seconds = 3600 * hours
    scan = _fit_scan(sampled, seconds, fixed)
    sampled = load(source, overrides=(*overrides, *scan.overrides))
    _refuse_too_few(sampled, seconds, fixed)
    fitted = _fit_tiles(sampled, seconds, fixed, plan(sampled).need, scan)
    chosen = load(source, overrides=(*overrides, *fitted.overrides))
    if "beamline.exposure_s" in fixed:
        used = tomogram_seconds(chosen.beamline) * len(chosen.tiles) / 3600
        exposure_s = chosen.beamline.exposure_s
        reason = f"The exposure is fixed at {exposure_s:g} s a frame: {used:.3g} of {hours:g} h are used."
        return chosen, replace(fitted, reasons=(*fitted.reasons, reason))
    exposure_s = seconds / _frames(chosen) - chosen.beamline.dead_time_s
    fitted = fitted.then(
        "beamline.exposure_s", f"{exposure_s:.6g}", f"The exposure of {exposure_s:.3g} s a frame fills {hours:g} h."
    )
    return load(source, overrides=(*overrides, *fitted.overrides)), fitted


def stated_keys(source: str, overrides: Iterable[str]) -> frozenset[str]:
    """Keys that a file of the user or an override states, as ``section.key``; a preset is no choice of the user."""
    table: dict[str, Any] = {} if source in (*PRESETS, *scenarios()) else read_table(source)[0]
    for change in overrides:
        override(table, change)
    keys: set[str] = set()
    _collect(table, "", keys)
    return frozenset(keys)


def _collect(table: dict[str, Any], prefix: str, keys: set[str]) -> None:
    for key, value in table.items():
        if isinstance(value, dict):
            _collect(value, f"{prefix}{key}.", keys)
        else:
            keys.add(f"{prefix}{key}")


def full_views(experiment: Experiment) -> float:
    """Views that sample the rim of the sample, of the cell that of the electrode, as finely as the translations do."""
    cell, scan = experiment.cell, experiment.beamline.scan
    width_mm = cell.geometry.electrode_diameter_mm if cell else experiment.phantom.extent_mm
    return width_mm / scan.step_mm * np.pi / 2


def _shortest_s(experiment: Experiment, fixed: frozenset[str]) -> float:
    """Exposure of a frame at least."""
    return experiment.beamline.exposure_s if "beamline.exposure_s" in fixed else FASTEST_S


def _frames(experiment: Experiment) -> int:
    scan = experiment.beamline.scan
    return scan.views * scan.translations * len(experiment.tiles)


def _fit_scan(experiment: Experiment, seconds: float, fixed: frozenset[str]) -> Fitted:
    """Translations that the sample and its air need, and views that sample its rim."""
    fitted, scan, beamline = Fitted(), experiment.beamline.scan, experiment.beamline
    translations = scan.translations
    needed = ceil(experiment.phantom.extent_mm / scan.step_mm) + 2 * experiment.recipe.air_rays + SPARE
    if "beamline.scan.translations" not in fixed and needed <= translations - 2:
        # pairs, so that voxels stay where they are
        translations -= 2 * ((translations - needed) // 2)
        fitted = fitted.then(
            "beamline.scan.translations",
            translations,
            f"{translations} translations instead of {scan.translations}: they hold the sample, "
            f"{experiment.phantom.extent_mm:.3g} mm wide, and {experiment.recipe.air_rays} rays of air on each side.",
        )
    if "beamline.scan.views" in fixed:
        return fitted
    full, row_s = full_views(experiment), seconds / (translations * len(experiment.tiles))
    most = row_s / (_shortest_s(experiment, fixed) + beamline.dead_time_s)
    if beamline.dead_time_s:
        most = min(most, MOST_DEAD * row_s / beamline.dead_time_s)
    views = ceil(full) if most >= ceil(full) else max(floor(most), ceil(FEW_VIEWS * full))
    if views == scan.views:
        return fitted
    why = "as many as sample the rim of the sample as finely as the translations do"
    if views < ceil(full):
        why = f"of the {full:.0f} that sample the rim of the sample no more fit into the time, so expect streaks"
    return fitted.then("beamline.scan.views", views, f"{views} views instead of {scan.views}: {why}.")


def _refuse_too_few(experiment: Experiment, seconds: float, fixed: frozenset[str]) -> None:
    """Refuse hours that do not hold the fewest tomograms at the shortest exposure."""
    beamline, exposure = experiment.beamline, _shortest_s(experiment, fixed)
    states, slices = _fewest(experiment, fixed)
    least = tomogram_seconds(replace(beamline, exposure_s=exposure)) * states * slices
    if least > seconds:
        fit = int(seconds / (exposure + beamline.dead_time_s))
        scan = beamline.scan
        raise UsageError(
            f"--hours is {seconds / 3600:g}: {states * slices} tomograms of {scan.views} x {scan.translations} frames "
            f"of {exposure:g} s take {least / 3600:.3g} h; {fit} frames fit, so take fewer states, slices or views"
        )


def _keys(experiment: Experiment) -> tuple[str, str]:
    """Of states and slices."""
    return "states.potentials_v" if experiment.cell else "states.values", "slices.z_mm"


def _fewest(experiment: Experiment, fixed: frozenset[str]) -> tuple[int, int]:
    """States and slices that there must be."""
    states, slices = len(experiment.phantom.states.values), len(experiment.phantom.slices_z_mm)
    of_states, of_slices = _keys(experiment)
    return states if of_states in fixed else min(states, FEWEST_STATES), slices if of_slices in fixed else 1


def _fit_tiles(experiment: Experiment, seconds: float, fixed: frozenset[str], need: Need, fitted: Fitted) -> Fitted:
    """Fewer slices, then fewer states, until the time of each tomogram answers the question."""
    beamline, shortest = experiment.beamline, _shortest_s(experiment, fixed)
    states, slices = experiment.phantom.states.values, experiment.phantom.slices_z_mm

    def fit(exposure_s: float) -> tuple[int, int] | None:
        return _tiles(experiment, seconds / tomogram_seconds(replace(beamline, exposure_s=exposure_s)), fixed)

    why = f"more do not fit with {shortest:g} s a frame"
    number = fit(shortest) or _fewest(experiment, fixed)
    if "beamline.exposure_s" not in fixed and need.factor:
        enough = fit(max(need.factor * beamline.exposure_s, shortest)) if np.isfinite(need.factor) else None
        number, why = enough or number, f"then {need.words}" if enough else why
        if enough is None:
            reason = f"No choice of states and slices in {seconds / 3600:g} h would do that {need.words}."
            fitted = replace(fitted, reasons=(*fitted.reasons, reason))
    of_states, of_slices = _keys(experiment)
    if number[1] < len(slices):
        fitted = fitted.then(of_slices, list(evenly(slices, number[1])), f"{number[1]} of {len(slices)} slices: {why}.")
    if number[0] < len(states):
        values = list(evenly(tuple(states), number[0]))
        fitted = fitted.then(of_states, values, f"{number[0]} of {len(states)} states: {why}.")
    return fitted


def _tiles(experiment: Experiment, tomograms: float, fixed: frozenset[str]) -> tuple[int, int] | None:
    """States and slices that make so many tomograms at most, slices given up first; None if the fewest are more."""
    few_states, few_slices = _fewest(experiment, fixed)
    states, slices = len(experiment.phantom.states.values), len(experiment.phantom.slices_z_mm)
    if tomograms < few_states * few_slices:
        return None
    slices = min(slices, max(few_slices, floor(tomograms / states)))
    return min(states, floor(tomograms / slices)), slices
