"""The plan of any sample: what a beamtime will see of its phases and of its peaks, and what would help."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from tsct.apps.run.experiment import Experiment
from tsct.apps.studies.plan import finite
from tsct.validation.forecast import SIGNIFICANT, Comparison, SampleForecast

#: shares of the measured Q range at which counts are said
COUNTS_AT = (0.25, 0.5, 0.9)
#: with less of the straight beam than this behind the sample, the way out matters as much as the way in
THICK = 0.3
WHERE = {"voxel": "one voxel", "region": "the region", "slice": "the slice"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePlan:
    """A forecast of a sample with the question that was asked of it."""

    experiment: Experiment
    forecast: SampleForecast
    wanted_shift: float
    comparisons: Sequence[Comparison] = ()

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
        f, beamline = self.forecast, self.experiment.beamline
        scan = beamline.scan
        voxels = {where: int(f.voxels.sel(where=where)) for where in WHERE}
        return [
            ("beam time", f"{f.hours:.2f} h for {f.tomograms} tomograms of {f.seconds_per_tomogram / 60:.1f} min"),
            (
                "frames",
                f"{scan.views} views × {scan.translations} translations × {f.tomograms} of {beamline.exposure_s:g} s",
            ),
            ("integrated data", f"{f.gigabytes:.2f} GB"),
            ("dose", f"{f.dose_gray / 1e3:.3g} kGy per tomogram, {f.dose_gray * f.tomograms / 1e6:.3g} MGy in all"),
            ("least transmission", f"{100 * f.least_transmission:.3g} % of the straight beam"),
            ("counts per channel, central ray", self._counts()),
            ("error of G, rms above 1 Å, by counting", self._everywhere(f.pdf_error, " 1/Å²")),
            ("voxels", f"{voxels['region']} in the region, {voxels['slice']} in the slice"),
            *(row for name in self.phases for row in self._phase(name)),
            *((f"least shift of {name} (3 σ)", self._shift(name)) for name in self.peaks),
        ]

    def _counts(self) -> str:
        counts = self.forecast.counts
        q = counts.q.values
        chosen = [int(np.argmin(np.abs(q - share * q[-1]))) for share in COUNTS_AT]
        return ", ".join(f"{counts.values[k]:.3g} at {q[k]:.3g} 1/Å" for k in chosen)

    def _everywhere(self, errors: Any, unit: str) -> str:
        return ", ".join(f"{where} {float(errors.sel(where=where)):.2g}{unit}" for where in WHERE)

    def _phase(self, name: str) -> list[tuple[str, str]]:
        """Amount in the region, and the least that shows, in per cent of the volume where that is known."""
        one = self.forecast.phases.sel(phase=name)
        amount, pure, level = (float(one[key]) for key in ("amount", "pure", "level_error"))
        known = np.isfinite(pure)
        share, unit = (100 / pure, " vol%") if known else (1e3, "·10⁻³ atoms/Å³")
        errors = {where: SIGNIFICANT * share * float(one.error.sel(where=where)) for where in WHERE}
        least = ", ".join(f"{where} {value:.2g}{unit}" for where, value in errors.items())
        held = f"{share * amount:.3g}{unit} in the region"
        if not (np.isfinite(level) and 0 < SIGNIFICANT * level < 1):
            held = "none that the analysis would tell from the patterns of the others"
        else:
            held += f", level known to {100 * level:.2g} %"
        return [(f"amount of {name}", held), (f"least {name} that shows (3 σ, counting)", least)]

    def _shift(self, name: str) -> str:
        errors = SIGNIFICANT * self.forecast.peaks.shift_error.sel(peak=name)
        return f"at {float(self.forecast.peaks.distance.sel(peak=name)):.3g} Å: {self._everywhere(errors, ' Å')}"

    @property
    def advice(self) -> list[str]:
        """What limits the experiment, and what would help."""
        return [*self._about_peaks(), *self._about_phases(), *self._about_scan()]

    def _about_peaks(self) -> list[str]:
        lines = []
        for name in self.peaks:
            for where, words in WHERE.items():
                seen = self.wanted_shift / float(self.forecast.peaks.shift_error.sel(peak=name, where=where))
                if seen >= SIGNIFICANT:
                    lines.append(f"A shift of {name} by {self.wanted_shift:g} Å is seen in {words} ({seen:.1f} σ).")
                    break
                factor = (SIGNIFICANT / seen) ** 2
                lines.append(
                    f"A shift of {name} by {self.wanted_shift:g} Å is not seen in {words} ({seen:.1f} σ); "
                    f"{factor:.1f} times the exposure would do."
                )
        if not self.peaks:
            lines.append("No peak is named: [[analysis.peak]] with a name and limits_a asks for its least shift.")
        return lines

    def _about_phases(self) -> list[str]:
        lines = []
        for name in self.phases:
            one = self.forecast.phases.sel(phase=name)
            amount, voxel = float(one.amount), float(one.error.sel(where="voxel"))
            level = float(one.level_error)
            if not (np.isfinite(level) and SIGNIFICANT * level < 1):
                continue
            if 0 < amount < SIGNIFICANT * voxel:
                factor = (SIGNIFICANT * voxel / amount) ** 2
                lines.append(f"{name} does not show in one voxel; {factor:.1f} times the exposure would do.")
            if amount > 0 and level * amount > 3 * float(one.error.sel(where="region")):
                lines.append(
                    f"The amount of {name} in the region is limited by what all voxels share (gains, readings, pattern "
                    f"of the phase): {100 * level:.2g} %, which no exposure mends."
                )
        if not self.phases:
            lines.append("No phase is named: [[analysis.phase]] asks for maps of amounts.")
        return lines

    def _about_scan(self) -> list[str]:
        f, beamline = self.forecast, self.experiment.beamline
        scan, lines = beamline.scan, []
        full = self.experiment.phantom.extent_mm / scan.step_mm * np.pi / 2
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
                "error_per_a3": {where: float(one.error.sel(where=where)) for where in WHERE},
            }
            for name in self.phases
            for one in [f.phases.sel(phase=name)]
        }
        peaks = {
            name: {
                "distance_angstrom": float(one.distance),
                "shift_error_angstrom": {where: float(one.shift_error.sel(where=where)) for where in WHERE},
            }
            for name in self.peaks
            for one in [f.peaks.sel(peak=name)]
        }
        return {
            "tsct": version("tsct"),
            "experiment": self.experiment.settings.name,
            "exposure_s": self.experiment.beamline.exposure_s,
            "hours": f.hours,
            "gigabytes": f.gigabytes,
            "dose_gray_per_tomogram": f.dose_gray,
            "least_transmission": f.least_transmission,
            "wanted_shift_angstrom": self.wanted_shift,
            "pdf_errors": {where: float(f.pdf_error.sel(where=where)) for where in WHERE},
            "phases": phases,
            "peaks": peaks,
            "advice": self.advice,
            "verified": [
                {"name": c.name, "predicted": c.predicted, "observed": c.observed, "uncertainty": c.uncertainty}
                for c in self.comparisons
            ],
        }

    def draw(self) -> Any:
        """Least amounts and least shifts against beam time, in a voxel, the region and the slice."""
        from matplotlib.figure import Figure

        f = self.forecast
        columns = max(len(self.phases) + len(self.peaks), 1)
        figure = Figure(figsize=(max(4.5 * columns, 6), 4.2), layout="constrained")
        panels = figure.subplots(1, columns, squeeze=False)[0]
        factors = np.geomspace(0.03, 30, 40)
        curves = [(name, f.phases.error.sel(phase=name), "10⁻³ atoms/Å³", 1e3) for name in self.phases]
        curves += [(f"shift of {name}", f.peaks.shift_error.sel(peak=name), "Å", 1.0) for name in self.peaks]
        curves = curves or [("G(r)", f.pdf_error, "1/Å²", 1.0)]
        for axes, (title, errors, unit, scale) in zip(panels, curves, strict=True):
            for where, colour in zip(WHERE, ("#D55E00", "#0072B2", "#009E73"), strict=True):
                least = SIGNIFICANT * scale * float(errors.sel(where=where))
                axes.loglog(f.hours * factors, least / np.sqrt(factors), color=colour, label=WHERE[where])
                axes.plot(f.hours, least, "o", color=colour)
            axes.set(xlabel="beam time (h)", ylabel=f"3 σ by counting ({unit})", title=title)
            axes.grid(alpha=0.4, which="both")
            axes.legend(fontsize=8)
        return figure
