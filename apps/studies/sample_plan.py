"""The plan of any sample: what a beamtime will see of its phases and of its peaks, and what would help."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from tsct.apps.run.experiment import Experiment
from tsct.validation.forecast import SIGNIFICANT, Comparison, SampleForecast, exposure_factor

from .budget import Fitted, Need, full_views
from .plan_page import common_document, cost_rows, counts_row, finite

#: with less of the straight beam than this behind the sample, the way out matters as much as the way in
THICK = 0.3
#: of every error
PARTS = ("counting", "constant", "error")
WHERE = {"voxel": "one voxel", "region": "the region", "slice": "the slice"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePlan:
    """A forecast of a sample with the question that was asked of it."""

    experiment: Experiment
    forecast: SampleForecast
    wanted_shift: float
    comparisons: Sequence[Comparison] = ()
    fitted: Fitted = field(default_factory=Fitted)

    @property
    def phases(self) -> list[str]:
        """Names of the phases that are mapped."""
        return [str(name) for name in self.forecast.phases.phase.values]

    @property
    def peaks(self) -> list[str]:
        """Names of the peaks that are mapped."""
        return [str(name) for name in self.forecast.peaks.peak.values]

    @property
    def rows(self) -> list[tuple[str, str]]:
        """What a researcher asks first, with the answers."""
        f = self.forecast
        voxels = {where: int(f.voxels.sel(where=where)) for where in WHERE}
        return [
            *cost_rows(f.costs, self.experiment.beamline),
            ("least transmission", f"{100 * f.least_transmission:.3g} % of the straight beam"),
            counts_row(f.counts),
            ("error of G, rms above 1 Å", _everywhere(f.pdf.error, " 1/Å²")),
            ("of this by counting", _everywhere(f.pdf.counting, " 1/Å²")),
            ("voxels", f"{voxels['region']} in the region, {voxels['slice']} in the slice"),
            *(row for name in self.phases for row in self._phase(name)),
            *((f"least shift of {name} (3 σ)", self._shift(name)) for name in self.peaks),
        ]

    def _phase(self, name: str) -> list[tuple[str, str]]:
        """Amount in the region, and the least that shows, in per cent of the volume where that is known."""
        one = self.forecast.phases.sel(phase=name)
        amount, pure, level = (float(one[key]) for key in ("amount", "pure", "level_error"))
        known = np.isfinite(pure)
        share, unit = (100 / pure, " vol%") if known else (1e3, "·10⁻³ atoms/Å³")
        held = f"{share * amount:.3g}{unit} in the region, level known to {100 * level:.2g} %"
        if not _is_told(one):
            held = "none that the analysis would tell from the patterns of the others"
        least = _everywhere(SIGNIFICANT * share * one.error, unit)
        return [(f"amount of {name}", held), (f"least {name} that shows (3 σ)", least)]

    def _shift(self, name: str) -> str:
        one = self.forecast.peaks.sel(peak=name)
        return f"at {float(one.distance):.3g} Å: {_everywhere(SIGNIFICANT * one.error, ' Å')}"

    @property
    def need(self) -> Need:
        """Exposure that shows every peak's shift, or without peaks every phase that there is, in one voxel or more."""
        for where, words in WHERE.items():
            if self.peaks:
                factors = [self._factor(name, where) for name in self.peaks]
                answer = f"a shift of {' and '.join(self.peaks)} by {self.wanted_shift:g} Å shows in {words}"
            else:
                phases = [one for name in self.phases if _is_told(one := self.forecast.phases.sel(phase=name))]
                factors = [_exposure(float(one.amount), one.sel(where=where)) for one in phases]
                names = [str(one.phase.values) for one in phases]
                answer = f"the amount of {' and '.join(names)} in the region would show in {words}"
            if np.all(np.isfinite(factors)):
                break
        return Need(factor=max(factors, default=0.0), words=answer)

    def _factor(self, peak: str, where: str) -> float:
        """Exposure over the planned one that shows the shift of a peak."""
        return _exposure(self.wanted_shift, self.forecast.peaks.sel(peak=peak, where=where))

    @property
    def advice(self) -> list[str]:
        """What limits the experiment, and what would help."""
        return [*self._about_peaks(), *self._about_phases(), *self._about_scan()]

    def _about_peaks(self) -> list[str]:
        lines = []
        for name in self.peaks:
            for where, words in WHERE.items():
                seen = self.wanted_shift / float(self.forecast.peaks.error.sel(peak=name, where=where))
                if seen >= SIGNIFICANT:
                    lines.append(f"A shift of {name} by {self.wanted_shift:g} Å is seen in {words} ({seen:.1f} σ).")
                    break
                lines.append(
                    f"A shift of {name} by {self.wanted_shift:g} Å is not seen in {words} ({seen:.1f} σ); "
                    f"{_way_out(self._factor(name, where))}."
                )
        if not self.peaks:
            lines.append("No peak is named: [[analysis.peak]] with a name and limits_a asks for its least shift.")
        return lines

    def _about_phases(self) -> list[str]:
        lines = []
        for name in self.phases:
            one = self.forecast.phases.sel(phase=name)
            amount, level = float(one.amount), float(one.level_error)
            if not _is_told(one):
                continue
            voxel = one.sel(where="voxel")
            if amount < SIGNIFICANT * float(voxel.error):
                lines.append(f"{name} does not show in one voxel; {_way_out(_exposure(amount, voxel))}.")
            if level * amount > 3 * float(one.error.sel(where="region")):
                lines.append(
                    f"The amount of {name} in the region is limited by what all voxels share (gains, readings, pattern "
                    f"of the phase): {100 * level:.2g} %, which no exposure mends."
                )
            if float(one.ring_error) > float(voxel.error):
                share = 100 * float(one.ring_error) / amount
                lines.append(
                    f"Gains of translations draw rings into the map of {name}: {share:.2g} % of its amount, root mean "
                    "square; analysis.remove_stripes = true divides them out."
                )
        if not self.phases:
            known = self.experiment.settings.sample
            names = ", ".join(one.name for one in known.phase) if known else "what it holds"
            lines.append(f"No phase is named: [[analysis.phase]] asks for maps of amounts, of {names}.")
        return lines

    def _about_scan(self) -> list[str]:
        f, beamline = self.forecast, self.experiment.beamline
        scan, lines, full = beamline.scan, [], full_views(self.experiment)
        if scan.views < full:
            lines.append(
                f"{scan.views} views are fewer than the {full:.0f} that sample the rim of the sample as finely as the "
                "translations: expect streaks there."
            )
        if scan.angular_range_deg < 180:
            lines.append(f"Views over {scan.angular_range_deg:g} degrees leave a missing wedge; 180 are needed.")
        if f.least_transmission < THICK:
            lines.append(
                f"Only {100 * f.least_transmission:.2g} % of the straight beam passes where the sample is thickest: "
                "absorption on the way out and double scattering are large; a higher energy helps."
            )
        return lines

    def document(self) -> dict[str, Any]:
        """The plan as plain numbers."""
        f = self.forecast
        phases = {
            name: {
                "amount_per_a3": float(one.amount),
                "pure_per_a3": finite(one.pure),
                "level_error": finite(one.level_error),
                "ring_error_per_a3": float(one.ring_error),
                "is_told": _is_told(one),
                **{f"{part}_per_a3": _by_place(one[part]) for part in PARTS},
            }
            for name in self.phases
            for one in [f.phases.sel(phase=name)]
        }
        peaks = {
            name: {
                "distance_angstrom": float(one.distance),
                **{f"shift_{part}_angstrom": _by_place(one[part]) for part in PARTS},
            }
            for name in self.peaks
            for one in [f.peaks.sel(peak=name)]
        }
        return {
            **common_document(self),
            "least_transmission": f.least_transmission,
            "pdf": {part: _by_place(f.pdf[part]) for part in PARTS},
            "phases": phases,
            "peaks": peaks,
        }

    def draw(self) -> Any:
        """Least amounts and least shifts against beam time, in a voxel, the region and the slice."""
        from matplotlib.figure import Figure

        f = self.forecast
        columns = max(len(self.phases) + len(self.peaks), 1)
        figure = Figure(figsize=(max(4.5 * columns, 6), 4.2), layout="constrained")
        panels = figure.subplots(1, columns, squeeze=False)[0]
        factors = np.geomspace(0.03, 30, 40)
        curves = [(name, f.phases.sel(phase=name), "10⁻³ atoms/Å³", 1e3) for name in self.phases]
        curves += [(f"shift of {name}", f.peaks.sel(peak=name), "Å", 1.0) for name in self.peaks]
        curves = curves or [("G(r)", f.pdf, "1/Å²", 1.0)]
        for axes, (title, errors, unit, scale) in zip(panels, curves, strict=True):
            for where, colour in zip(WHERE, ("#D55E00", "#0072B2", "#009E73"), strict=True):
                counting, constant = (
                    SIGNIFICANT * scale * float(errors[part].sel(where=where)) for part in ("counting", "constant")
                )
                least = np.hypot(counting / np.sqrt(factors), constant)
                axes.loglog(f.costs.hours * factors, least, color=colour, label=WHERE[where])
                axes.plot(f.costs.hours, np.hypot(counting, constant), "o", color=colour)
            axes.set(xlabel="beam time (h)", ylabel=f"3 σ ({unit})", title=title)
            axes.grid(alpha=0.4, which="both")
            axes.legend(fontsize=8)
        return figure


def _everywhere(errors: xr.DataArray, unit: str) -> str:
    return ", ".join(f"{where} {float(errors.sel(where=where)):.2g}{unit}" for where in WHERE)


def _by_place(errors: xr.DataArray) -> dict[str, float]:
    return {where: float(errors.sel(where=where)) for where in WHERE}


def _is_told(phase: xr.Dataset) -> bool:
    """Whether there is so much of a phase that the analysis tells it from the patterns of the others."""
    least = SIGNIFICANT * float(phase.error.sel(where="region"))
    return float(phase.amount) > least and bool(SIGNIFICANT * phase.level_error < 1)


def _exposure(wanted: float, one: xr.Dataset) -> float:
    """Exposure over the planned one that makes a value significant."""
    return exposure_factor(wanted, float(one.counting), float(one.constant))


def _way_out(factor: float) -> str:
    if np.isfinite(factor):
        return f"{factor:.1f} times the exposure would do"
    return "no exposure would do: noise of the readings and drift of the gains limit it"
