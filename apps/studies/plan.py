"""The planner: one page that says what a beamtime will see, what limits it and what must change to see more."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tsct.apps.run.experiment import Experiment
from tsct.phantoms import Phantom
from tsct.records.errors import UsageError
from tsct.validation import forecast
from tsct.validation.forecast import (
    SIGNIFICANT,
    Comparison,
    Forecast,
    compare,
    compare_sample,
    forecast_sample,
    shared_by_sample_seeds,
    shared_by_seeds,
    simulate_sample_seed,
    simulate_seed,
)

from .budget import FEW_VIEWS, Fitted, Need, full_views
from .plan_page import common_document, cost_rows, counts_row, finite

#: a tomogram that lets the lithium content change by more than this blurs its own states
MUCH_LITHIUM = 0.02
#: shift that parallax leaves at the electrode's rim in a scan over 180 degrees, relative to the distance
RIM_PARALLAX = 2 / np.pi


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A forecast with the question that was asked of it."""

    experiment: Experiment
    forecast: Forecast
    wanted_shift: float
    comparisons: Sequence[Comparison] = ()
    fitted: Fitted = field(default_factory=Fitted)

    @property
    def _cell(self) -> Phantom:
        assert self.experiment.cell is not None, "study_of makes this plan of the cell alone"
        return self.experiment.cell

    @property
    def rows(self) -> list[tuple[str, str]]:
        """What a researcher asks first, with the answers."""
        f, sigma = self.forecast, self.forecast.sigma
        at_r = int(np.argmin(np.abs(sigma.r.values - f.bond)))
        q10 = int(np.argmin(np.abs(sigma.q.values - 10.0)))
        pattern = f"voxel {_percent(sigma.voxel_iq[q10])}, region {_percent(sigma.roi_iq[q10])}"
        pdf = f"voxel {sigma.voxel_gr[at_r]:.3f}, region {sigma.roi_gr[at_r]:.3f} 1/Å²"
        return [
            *cost_rows(f.costs, self.experiment.beamline),
            ("lithium taken up during one tomogram", f"{f.lithium_per_tomogram:.4f} Li per Si"),
            counts_row(f.counts),
            (f"error of I(Q) at {sigma.q.values[q10]:.2g} 1/Å", pattern),
            ("error of G at the Si–Si peak", pdf),
            ("error of the dPDF there", f"region {sigma.roi_dgr[at_r]:.4f} 1/Å²"),
            ("error of the maps, one voxel", f"silicon {_percent(sigma.maps[0])}, carbon {_percent(sigma.maps[1])}"),
            (
                "error of the maps, all voxels alike",
                f"silicon {_percent(sigma.map_levels[0])}, carbon {_percent(sigma.map_levels[1])}",
            ),
            ("error of a Si–Si shift", self._both("shift", " Å")),
            ("error of Si–Li neighbours", self._both("silicon_lithium", "")),
            ("their Cramér–Rao bounds", self._bounds()),
            (
                "least lithium that shows (3 σ)",
                f"voxel x = {f.detectable_x['voxel']:.3f}, region {f.detectable_x['roi']:.4f}",
            ),
            ("error of the onset potentials", self._onsets()),
        ]

    def _both(self, name: str, unit: str) -> str:
        return f"voxel {self.total('voxel', name):.2g}{unit}, region {self.total('roi', name):.2g}{unit}"

    def total(self, region: str, name: str) -> float:
        """Error of a fitted change by counting and drift together."""
        at = {"region": region, "parameter": name}
        return float(np.hypot(self.forecast.sigma.change.sel(at), self.forecast.sigma.change_drift.sel(at)))

    def _bounds(self) -> str:
        bound = self.forecast.sigma.bound
        shift, lithium = (bound.sel(parameter=name).values for name in ("shift", "silicon_lithium"))
        return f"shift {shift[0]:.2g} and {shift[1]:.2g} Å, Si–Li {lithium[0]:.2g} and {lithium[1]:.2g}, by counting"

    def limit(self, region: str) -> str:
        """What limits a shift: ``photons``, ``systematics`` (drift of the gains) or ``geometry`` (too few views)."""
        scan = self.experiment.beamline.scan
        if scan.angular_range_deg < 180 or scan.views < FEW_VIEWS * full_views(self.experiment):
            return "geometry"
        at = {"region": region, "parameter": "shift"}
        counting, drift = (float(self.forecast.sigma[name].sel(at)) for name in ("change", "change_drift"))
        return "photons" if counting > drift else "systematics"

    @property
    def need(self) -> Need:
        """Exposure that shows the shift, in one voxel or if drift forbids that in the region."""
        factor, words = self.forecast.time_factor(self.wanted_shift, "voxel"), "one voxel"
        if not np.isfinite(factor):
            factor, words = self.forecast.time_factor(self.wanted_shift, "roi"), "the region of interest"
        return Need(factor=factor, words=f"a shift of {self.wanted_shift:g} Å shows in {words}")

    def _onsets(self) -> str:
        errors = self.forecast.sigma.onset_v.values
        if not np.isfinite(errors).all():
            return "the states do not determine three onsets"
        return ", ".join(f"{1e3 * error:.1f} mV" for error in errors)

    @property
    def advice(self) -> list[str]:
        """What limits the experiment, and what would help."""
        return [*self._about_shift(), *self._about_scan()]

    def _about_shift(self) -> list[str]:
        f, wanted = self.forecast, self.wanted_shift
        lines = []
        for region, words in (("voxel", "in every voxel"), ("roi", "in the region of interest")):
            seen = wanted / self.total(region, "shift")
            if seen >= SIGNIFICANT:
                lines.append(f"A shift of {wanted:g} Å is seen {words} with {seen:.1f} standard deviations.")
                continue
            factor = f.time_factor(wanted, region)
            cause = (
                f"{factor:.1f} times the exposure (or views, or flux) would do"
                if np.isfinite(factor)
                else ("no exposure would do: the drift of the channel gains limits it")
            )
            lines.append(f"A shift of {wanted:g} Å is not seen {words} ({seen:.1f} standard deviations); {cause}.")
        enough = f.radius.radius.values[3.0 * f.radius.change.sel(parameter="shift").values <= wanted]
        if len(enough):
            lines.append(f"By counting alone a region of radius {enough[0]:g} voxels is enough for {wanted:g} Å.")
        return lines

    def _about_scan(self) -> list[str]:
        f, beamline, phantom = self.forecast, self.experiment.beamline, self._cell
        scan, lines = beamline.scan, []
        radius, full = phantom.geometry.electrode_diameter_mm / 2, full_views(self.experiment)
        if scan.views < full:
            lines.append(
                f"{scan.views} views are fewer than the {full:.0f} that sample the rim of the electrode "
                "as finely as the translations: expect streaks there."
            )
        if scan.angular_range_deg < 180:
            lines.append(f"Views over {scan.angular_range_deg:g} degrees leave a missing wedge; 180 are needed.")
        rim = RIM_PARALLAX * radius / beamline.distance_mm * f.bond
        if scan.angular_range_deg <= 180 and beamline.physics.parallax:
            lines.append(
                f"Over 180 degrees parallax moves peaks at the rim by up to {rim:.3f} Å; 360 degrees cancel it."
            )
        if f.lithium_per_tomogram > MUCH_LITHIUM:
            lines.append(
                f"During one tomogram x changes by {f.lithium_per_tomogram:.3f}: interlace the views or take fewer."
            )
        lines += self._about_time()
        counting, drift = (
            float(f.sigma[name].sel(region="roi", parameter="shift")) for name in ("change", "change_drift")
        )
        lines.append(
            f"A shift is limited by {self.limit('voxel')} in a voxel and by {self.limit('roi')} in the region "
            f"({counting:.1e} Å by counting, {drift:.1e} Å by drift of the channel gains)."
        )
        lines.append(self._about_end())
        return lines

    def _about_end(self) -> str:
        """The best end of the transform, unless it is an end of those that were compared."""
        ends, errors = self.forecast.q_max.q_max.values, self.forecast.q_max["shift"].values
        at = int(np.argmin(errors))
        if at == 0:
            return (
                f"For shifts the best end of the Fourier transform is {ends[0]:g} 1/Å, the least compared, or below it."
            )
        if at == len(ends) - 1:
            return (
                f"For shifts the best end of the Fourier transform is {ends[-1]:g} 1/Å, the most there is, or beyond."
            )
        return f"For shifts the best end of the Fourier transform is {ends[at]:g} 1/Å: beyond it noise grows faster."

    def _about_time(self) -> list[str]:
        f = self.forecast
        true = self.experiment.phantom.truth(voxels=4, voxel_mm=1.0).lithium_per_silicon.values
        needed = f.lithium_per_tomogram * f.costs.tomograms
        if not 0 < np.ptp(true) < needed:
            return []
        return [
            f"All tomograms take {f.costs.hours:.1f} h, in which the current would put {needed:.2f} Li into every Si; "
            f"the states go to {np.ptp(true):.2f}: hold every potential, lower the current or scan fewer states."
        ]

    def draw(self) -> Any:
        """Trade-offs: time, size of the region, end of the transform, voxel size, views; errors of the PDF."""
        return draw(self)

    def document(self) -> dict[str, Any]:
        """The plan as plain numbers."""
        f = self.forecast
        return {
            **common_document(self),
            "lithium_per_tomogram": f.lithium_per_tomogram,
            "detectable_x": {region: finite(x) for region, x in f.detectable_x.items()},
            "limited_by": {region: self.limit(region) for region in ("voxel", "roi")},
            "errors": {
                region: {str(name): self.total(region, str(name)) for name in f.sigma.parameter.values}
                for region in ("voxel", "roi")
            },
            "map_errors": {"voxel": _named(f.sigma.maps), "all voxels alike": _named(f.sigma.map_levels)},
            "bounds": {region: _named(f.sigma.bound.sel(region=region)) for region in ("voxel", "roi")},
            "gr_correlation": _named(f.sigma.gr_correlation),
            "radius": {
                "radius_voxels": f.radius.radius.values.tolist(),
                **{str(n): f.radius.change.sel(parameter=n).values.tolist() for n in f.radius.parameter.values},
            },
            "onset_errors_v": [finite(value) for value in f.sigma.onset_v.values],
            "q_max": {name: column.values.tolist() for name, column in f.q_max.reset_coords().variables.items()},
        }


def draw(plan: Plan) -> Any:
    """Trade-offs: time, size of the region, end of the transform, voxel size."""
    from matplotlib.figure import Figure

    f = plan.forecast
    figure = Figure(figsize=(13, 7), layout="constrained")
    time, radius, end, voxel, views, errors = figure.subplots(2, 3).ravel()
    factors = np.geomspace(0.03, 30, 60)
    for region, colour, label in (("voxel", "#D55E00", "one voxel"), ("roi", "#0072B2", "region")):
        at = {"region": region, "parameter": "shift"}
        counting, drift = (float(f.sigma[name].sel(at)) for name in ("change", "change_drift"))
        time.loglog(f.costs.hours * factors, np.hypot(counting / np.sqrt(factors), drift), color=colour, label=label)
        time.plot(f.costs.hours, np.hypot(counting, drift), "o", color=colour)
    time.axhline(plan.wanted_shift / SIGNIFICANT, color="#777777", ls="--", label=f"3σ = {plan.wanted_shift:g} Å")
    time.set(xlabel="beam time (h)", ylabel="error of a Si–Si shift (Å)", title="time")
    radius.loglog(f.radius.radius, f.radius.change.sel(parameter="shift"), "o-", color="#0072B2", label="counting")
    radius.axhline(float(f.sigma.change_drift[1, 0]), color="#777777", ls=":", label="drift")
    radius.set(xlabel="radius of the region (voxels)", ylabel="error of a shift (Å)", title="region")
    end.semilogy(f.q_max.q_max, f.q_max.voxel_gr, "o-", color="#D55E00", label="noise of G, voxel")
    end.semilogy(f.q_max.q_max, np.maximum(f.q_max.ghost, 1e-3), "s--", color="#009E73", label="ghost at 1 Å")
    end.set(xlabel="Qmax (1/Å)", ylabel="1/Å²", title="end of the transform")
    step = plan.experiment.beamline.scan.step_mm
    sizes = step * np.geomspace(0.4, 3, 40)
    # same time, same beam flux: rays and their path share scale with the voxel, noise of FBP with its power -3/2
    voxel.loglog(1e3 * sizes, float(f.sigma.change[0, 0]) * (sizes / step) ** -1.5, color="#D55E00", label="one voxel")
    voxel.plot(1e3 * step, float(f.sigma.change[0, 0]), "o", color="#D55E00")
    voxel.set(xlabel="voxel (µm), same time", ylabel="error of a shift (Å)", title="voxel size")
    _draw_views(views, plan)
    errors.semilogy(f.sigma.r, f.sigma.voxel_gr, color="#D55E00", label="one voxel")
    errors.semilogy(f.sigma.r, f.sigma.roi_gr, color="#0072B2", label="region")
    errors.semilogy(f.sigma.r, f.sigma.roi_dgr, color="#009E73", label="region, dPDF")
    errors.set(xlabel="r (Å)", ylabel="error of G (1/Å²)", title="errors of the PDF")
    _plain_ticks(radius, (0.5, 1, 2, 4, 8, 16))
    _plain_ticks(voxel, [round(1e3 * step * factor) for factor in (0.5, 1, 2)])
    _plain_ticks(views, [round(plan.experiment.beamline.scan.views * factor) for factor in (0.25, 0.5, 1, 2, 4)])
    for axes in (time, radius, end, voxel, views, errors):
        axes.grid(alpha=0.4, which="both")
        axes.legend(fontsize=8)
    return figure


def _plain_ticks(axes: Any, ticks: Sequence[float]) -> None:
    """A few plain numbers on a logarithmic axis."""
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)


def _draw_views(axes: Any, plan: Plan) -> None:
    """Views against translations: time and noise go with the views, and so does the radius without streaks."""
    f, scan = plan.forecast, plan.experiment.beamline.scan
    views = np.geomspace(max(scan.views / 4, 4), 4 * scan.views, 40)
    error = float(f.sigma.change[0, 0]) * np.sqrt(scan.views / views)
    axes.loglog(views, 1e3 * error, color="#D55E00", label="error of a shift, voxel (10⁻³ Å)")
    # arcs between two views are shorter than a translation up to this radius
    axes.loglog(
        views, views * 180 / scan.angular_range_deg / np.pi, color="#0072B2", label="radius without streaks (voxels)"
    )
    minutes = f.costs.seconds_per_tomogram / 60 * views / scan.views
    axes.loglog(views, minutes, color="#777777", ls=":", label="minutes a tomogram")
    axes.axvline(scan.views, color="#777777", lw=0.8)
    axes.set(xlabel="views", title="views, same translations")


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """How an experiment is planned: what is forecast, what is simulated to verify it, and what is made of both."""

    forecast: Callable[[], Any]
    shared: Callable[[], dict[str, Any]]
    simulate: Callable[[Mapping[str, Any], int], Any]
    compare: Callable[[Mapping[str, Any], Sequence[Any]], list[Comparison]]
    plan: Callable[[Any, float], Any]


def study_of(experiment: Experiment, *, slice_index: int | None, current_ma_g: float) -> Study:
    """The study of the cell, whose changes are known, or of any other sample."""
    from .sample_plan import SamplePlan

    cell, what = experiment.cell, (experiment.beamline, experiment.recipe)
    if cell is None:
        sample = experiment.phantom
        return Study(
            forecast=lambda: forecast_sample(sample, *what, slice_index=slice_index),
            shared=lambda: shared_by_sample_seeds(sample, *what, slice_index=slice_index),
            simulate=simulate_sample_seed,
            compare=compare_sample,
            plan=lambda data, wanted: SamplePlan(experiment=experiment, forecast=data, wanted_shift=wanted),
        )
    return Study(
        forecast=lambda: forecast(cell, *what, slice_index=slice_index, current_ma_g=current_ma_g),
        shared=lambda: shared_by_seeds(cell, *what, slice_index=slice_index),
        simulate=simulate_seed,
        compare=compare,
        plan=lambda data, wanted: Plan(experiment=experiment, forecast=data, wanted_shift=wanted),
    )


def checked_shift(wanted_shift: float) -> float:
    """Refuse a question that has no answer."""
    if not (np.isfinite(wanted_shift) and wanted_shift > 0):
        raise UsageError(f"--shift is {wanted_shift}; give a positive number of angstrom, such as 0.01")
    return wanted_shift


def _percent(value: Any) -> str:
    return f"{100 * float(value):.2g} %"


def _named(column: Any) -> dict[str, float]:
    """A column as plain numbers by the labels of its dimension."""
    return {str(label): float(value) for label, value in zip(column[column.dims[0]].values, column.values, strict=True)}
