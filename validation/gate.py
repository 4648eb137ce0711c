"""The gate for any chain: a scan with a known truth, a callable that analyses it, and the verdict."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import xarray as xr

from tsct.analyze.recipe import PdfRecipe
from tsct.phantoms import Phantom, Sample, discharge, wragg2023
from tsct.records.errors import InputError
from tsct.records.io import read_record, read_truth
from tsct.records.tiles import stack_tiles
from tsct.simulate import phase_truth, simulate_tile, truth
from tsct.simulate.beamline import Beamline, ScanPattern, no_faults
from tsct.simulate.beampath import Spectra, spectra_table
from tsct.validation.evidence.check import Check
from tsct.validation.evidence.recovered import complete_recovered
from tsct.validation.statistics.numbers import prose

from .junit import value_line
from .score import Scores, chain_checks, score

#: from a scan to some of the layout of docs/gate.md
Chain = Callable[[xr.Dataset], xr.Dataset | Mapping[str, Any]]
#: pristine and fully discharged
POTENTIALS_V = (0.50, 0.20)
#: end of the untruncated PDFs, angstrom: just beyond where they are compared
R_MAX = 7.0
#: where the axis is, which a chain must find out
AXIS_MM = 0.030
#: translations, and how much wider than the sample their field is
TRANSLATIONS, FIELD = 60, 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A scan and what is true about it.

    Attributes
    ----------
    scan : xarray.Dataset
        Dims (state, slice, angle, translation, q); the only part that a chain sees.
    truth, phases : xarray.Dataset
        See :class:`tsct.validation.evidence.check.Evidence`.
    """

    scan: xr.Dataset
    truth: xr.Dataset
    phases: xr.Dataset


def gate(chain: Chain, case: Case, checks: Sequence[Check] | None = None) -> Scores:
    """Run a chain on a scan and score what it returns.

    Parameters
    ----------
    chain : callable
        Takes the scan, returns a dataset or a mapping from names to arrays with some of the layout; see
        :func:`tsct.validation.evidence.recovered.complete_recovered`. It gets a copy.
    case : Case
        Scan and truth.
    checks : sequence of Check, optional
        Those about the chain if omitted, see :func:`tsct.validation.score.chain_checks`.

    Raises
    ------
    InputError
        If the chain returns nothing that can be compared.
    """
    recovered = complete_recovered(chain(case.scan.copy(deep=True)), case.truth)
    if checks is None:
        checks = chain_checks(case.truth, recovered)
    return score(case.truth, recovered, case.phases, checks)


def assert_passes(scores: Scores) -> None:
    """Raise an :class:`AssertionError` that names every check that did not pass, unless the verdict is *pass*."""
    if scores.verdict == "pass":
        return
    wrong = [outcome for outcome in scores.chain if outcome.verdict in ("fail", "inconclusive")]
    lines = [f"{o.verdict}: {o.check.id} {o.check.title}: {value_line(o)}\n    {prose(o.check.reason)}" for o in wrong]
    reason = "\n".join(lines) or "no check applies to what the chain returned"
    fits = "".join(f"\n{words}" for words in scores.explanations)
    raise AssertionError(f"the chain is judged '{scores.verdict}'\n{reason}{fits}")


def read_case(folder: Path | str) -> Case:
    """Scan and truth of a folder that ``tsct simulate`` or ``tsct run`` wrote.

    Raises
    ------
    InputError
        If it holds no scans or no truth.
    """
    folder = Path(folder)
    files = sorted((folder / "scan").glob("*.h5"))
    if not files:
        raise InputError(f"{folder}: no scan/*.h5 in it; make it with tsct simulate EXPERIMENT -o {folder}")
    reality, phases = read_truth(folder / "truth.h5")
    return Case(scan=stack_tiles([read_record(path, "data") for path in files]), truth=reality, phases=phases)


def small_case(seed: int = 1, sample: Sample | None = None) -> Case:
    """One slice of the twin in two states without faults, 60 views, Q to 25.2 1/angstrom: 17 MB, made in seconds.

    Noise, grains, the place of the rotation axis and what photons do in every sample
    (:class:`tsct.simulate.beamline.Physics`) are left for a chain to cope with: one that is fit for real data passes,
    one that forgets photons scattered twice does not.

    Parameters
    ----------
    seed : int
        Of the noise, and of the twin's texture.
    sample : Sample, optional
        Another sample than the twin's, in all its states and slices; the voxels are as much smaller as it is.
    """
    if sample is None:
        phantom, beamline, table, phases = _twin()
        sample = replace(phantom, seed=seed)
    else:
        beamline = _beamline(sample.extent_mm * FIELD / TRANSLATIONS)
        table = spectra_table(sample, beamline)
        phases = _phases(sample, table, beamline.scan)
    tiles = product(range(len(sample.states.values)), range(len(sample.slices_z_mm)))
    record = truth(sample, beamline, seed)
    record.attrs["experiment"] = "gate"
    scan = stack_tiles([simulate_tile(sample, beamline, table, seed, state, slice_) for state, slice_ in tiles])
    return Case(scan=scan, truth=record, phases=phases)


@cache
def _twin() -> tuple[Phantom, Beamline, Mapping[str, Spectra], xr.Dataset]:
    phantom = replace(wragg2023(discharge("small", POTENTIALS_V)), slices_z_mm=(0.050,))
    beamline = _beamline()
    table = spectra_table(phantom, beamline)
    return phantom, beamline, table, _phases(phantom, table, beamline.scan)


def _beamline(step_mm: float = 0.130) -> Beamline:
    scan = ScanPattern(translations=TRANSLATIONS, step_mm=step_mm, views=60, q_max=25.2, q_step=0.05)
    return Beamline(
        beam_width_mm=step_mm, scan=scan, faults=replace(no_faults(), axis_offset_mm=AXIS_MM * step_mm / 0.130)
    )


def _phases(sample: Sample, table: Mapping[str, Spectra], scan: ScanPattern) -> xr.Dataset:
    recipe = PdfRecipe(composition=sample.nominal_composition, r_max=R_MAX)
    return phase_truth(sample, table, scan.q, recipe.r, recipe.q_min)
