"""Sweeps: one experiment at many settings, and the scores of each in one table."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import qmc, rankdata

from tsct.analyze import analyze_tile, collect, reference_tile, with_region
from tsct.apps.run.experiment import Experiment, load
from tsct.apps.run.ledger import Identity, clear, differing, ledger, read_ledger, sha256
from tsct.apps.run.pipeline import Track, identity
from tsct.apps.run.toml_tables import build, read_table
from tsct.apps.run.workers import Workers, mapped, one_thread
from tsct.records.errors import InputError, TsctError, UsageError
from tsct.records.io import write_records, write_text
from tsct.records.paths import must_be_free, writable
from tsct.simulate import phase_truth, simulate_tile, truth
from tsct.simulate.beampath import spectra_table
from tsct.validation import CHECKS, check_named, score
from tsct.validation.evidence import complete_recovered

#: powers of two need no more; what is larger is a mistake more often than a wish
MOST_POINTS = 100_000
#: a sweep over more keys is a mistake, too
MOST_FACTORS = 64
#: files of a sweep besides the list of what is done
PRODUCTS = ("sweep.h5", "sweep.csv", "sweep.html")


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Values between two ends; whole numbers if both ends are.

    Parameters
    ----------
    low, high : float
        The ends, both included.
    scale : {"linear", "log"}
        How values are spread.
    steps : int
        Number of values in a grid.
    """

    low: int | float
    high: int | float
    scale: Literal["linear", "log"] = "linear"
    steps: int = 5

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high and self.steps > 1):
            raise InputError(f"low {self.low}, high {self.high}, steps {self.steps} need low < high and two steps")
        if self.steps > MOST_POINTS:
            raise InputError(f"steps is {self.steps}; allowed are 2 to {MOST_POINTS}")
        if self.scale == "log" and self.low <= 0:
            raise InputError(f"low is {self.low}; a log scale needs a positive one")

    def at(self, share: float) -> float | int:
        """The value at a share of the way from low to high."""
        value = self.low + share * (self.high - self.low)
        if self.scale == "log":
            value = self.low * (self.high / self.low) ** share
        whole = isinstance(self.low, int) and isinstance(self.high, int)
        return round(value) if whole else float(value)

    @property
    def values(self) -> tuple[float | int, ...]:
        """Those of a grid."""
        return tuple(dict.fromkeys(self.at(k / (self.steps - 1)) for k in range(self.steps)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """The whole sweep file.

    Parameters
    ----------
    experiment : str
        Preset or TOML file, beside the sweep file.
    quick : bool
        Only the middle slice and six states.
    design : {"grid", "sobol"}
        Every combination, or a scrambled Sobol sequence, which covers many factors with few points.
    points : int
        Of a Sobol sequence, best a power of two; a longer one begins with the same points.
    seed : int
        Of the Sobol sequence.
    checks : tuple of str
        Which scores are kept; all if empty.
    set : mapping
        Changes that all points share, such as ``"analysis.q_max" = 22``.
    factors : mapping
        Any keys of the experiment, each with a list of values or a range.
    """

    experiment: str = "wragg2023"
    quick: bool = True
    design: Literal["grid", "sobol"] = "grid"
    points: int = 64
    seed: int = 0
    checks: tuple[str, ...] = ()
    set: Mapping[str, Any] = field(default_factory=dict)
    factors: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.factors:
            raise InputError('no [factors]; name at least one, such as "beamline.exposure_s" = [0.01, 0.1]')
        if len(self.factors) > MOST_FACTORS:
            raise InputError(f"{len(self.factors)} factors; allowed are 1 to {MOST_FACTORS}")
        try:
            names = tuple(check_named(name).id for name in self.checks)
        except InputError as error:
            raise UsageError(f"checks: {error}") from None
        # aliases of earlier versions are understood
        object.__setattr__(self, "checks", names)
        if not 1 <= self.points <= MOST_POINTS:
            raise InputError(f"points is {self.points}; allowed are 1 to {MOST_POINTS}")

    def designed(self) -> dict[str, dict[str, Any]]:
        """Changes of every point, by its name."""
        rows = _grid(self.factors) if self.design == "grid" else _sobol(self.factors, self.points, self.seed)
        names = list(self.factors)
        return {f"point{k:05d}": dict(zip(names, row, strict=True)) for k, row in enumerate(rows)}


def read_sweep(source: Path) -> Sweep:
    """Read a sweep file; every key is checked, also those of the factors, by building the first point."""
    table, folder = read_table(str(source))
    made = build(Sweep, table, str(source))
    factors = {name: _factor(value, f"{source}: factors.{name}") for name, value in made.factors.items()}
    experiment = made.experiment
    if experiment.endswith(".toml"):
        experiment = str((folder / experiment).absolute())
    return Sweep(**{**asdict(made), "factors": factors, "experiment": experiment})


def _factor(value: Any, where: str) -> tuple[Any, ...] | Range:
    if isinstance(value, dict):
        return build(Range, value, where)
    if not isinstance(value, list) or not value:
        raise InputError(f"{where} must be a list of values, or a range {{ low = ..., high = ... }}")
    return tuple(value)


def _grid(factors: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    levels = [factor.values if isinstance(factor, Range) else factor for factor in factors.values()]
    if (number := math.prod(map(len, levels))) > MOST_POINTS:
        raise InputError(f"the grid has {number} points; allowed are {MOST_POINTS}, or take a Sobol design")
    return list(product(*levels))


def _sobol(factors: Mapping[str, Any], points: int, seed: int) -> list[tuple[Any, ...]]:
    engine = qmc.Sobol(len(factors), rng=np.random.default_rng(seed))
    # the whole next power of two: part of it is no less spread, and scipy would warn
    shares = engine.random_base2(math.ceil(math.log2(points)))[:points]
    return [tuple(_level(f, u) for f, u in zip(factors.values(), row, strict=True)) for row in shares]


def _level(factor: tuple[Any, ...] | Range, share: float) -> Any:
    return factor.at(share) if isinstance(factor, Range) else factor[int(share * len(factor))]


@one_thread()
def run_sweep(made: Sweep, folder: Path, *, workers: Workers, overwrite: bool, track: Track) -> xr.Dataset:
    """Do every point that is not done yet, and write table and page; the table is the same however often it was killed.

    Raises
    ------
    UsageError
        If the folder holds another sweep, or another process works there.
    """
    points = made.designed()
    shared = {"source": made.experiment, "quick": made.quick, "set": dict(made.set), "checks": made.checks}
    first = _load(shared, next(iter(points.values())))
    writable(folder)
    path, wanted = folder / "sweep.jsonl", _identity(made, shared, first)
    _make_room(folder, path, wanted, overwrite)
    with ledger(path, wanted) as done:
        left = {name: change for name, change in points.items() if name not in done.done}
        title = f"sweep ({len(points) - len(left)} of {len(points)} were done before)" if done.done else "sweep"
        for name, scores in track(mapped(score_point, left, shared, workers), title, len(left)):
            done.add(name, scores)
        table = tabulate(points, done.done)
    write_records(folder / "sweep.h5", {"sweep": table}, title=f"sweep of {first.settings.name}")
    write_text(folder / "sweep.csv", as_csv(table))
    return table


def _identity(made: Sweep, shared: Mapping[str, Any], first: Experiment) -> Identity:
    """A sweep that only becomes longer stays the same."""
    what = {**asdict(made), "points": None, "factors": repr(made.factors)}
    return {**identity(first), "sweep": sha256(json.dumps(what, default=str, sort_keys=True))}


def _make_room(folder: Path, path: Path, wanted: Identity, overwrite: bool) -> None:
    """Another sweep goes if it may; this one goes on."""
    names = (*PRODUCTS, path.name)
    if overwrite:
        clear(folder, names)
        return
    known, _ = read_ledger(path)
    others = differing(known, wanted)
    if others or not known:
        what = f"another sweep (other {' and '.join(others)})" if others else ""
        must_be_free(folder, names, overwrite=False, why=what)


def _load(shared: Mapping[str, Any], change: Mapping[str, Any]) -> Experiment:
    changes = {**shared["set"], **change}
    overrides = [f"{key}={json.dumps(value)}" for key, value in changes.items()]
    return load(shared["source"], overrides=overrides, quick=shared["quick"])


def score_point(shared: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Simulate, analyse and score one point; what is wrong with it, if it cannot be done."""
    try:
        made = _load(shared, change)
        scores = _scores(made, shared["checks"])
    except TsctError as error:
        return {"error": " ".join(str(error).split()), "verdict": "impossible", "checks": {}}
    rows = {row["id"]: [row["value"], row["verdict"]] for row in scores["checks"]}
    return {"error": "", "verdict": scores["verdict"], "checks": rows}


def _scores(made: Experiment, wanted: Sequence[str]) -> dict[str, Any]:
    phantom, beamline, recipe, seed = made.phantom, made.beamline, made.recipe, made.settings.seed
    q, pdf = beamline.scan.q, recipe.pdf
    table, phases = _scattering(_Scattering(made, (*q[:2], len(q), beamline.as_it_is.energy_kev, pdf.q_min, *pdf.r)))
    settled = recipe
    if not recipe.roi.is_decided:
        reference = simulate_tile(phantom, beamline, table, seed, *reference_tile(made.tiles))
        settled = with_region(recipe, reference)
    tiles = [
        analyze_tile(simulate_tile(phantom, beamline, table, seed, *tile), settled, volumes=False)
        for tile in made.tiles
    ]
    reality = truth(phantom, beamline, seed)
    reality.attrs["experiment"] = made.settings.name
    checks = [check for check in CHECKS if check.id in wanted] if wanted else None
    return score(reality, complete_recovered(collect(tiles, recipe), reality), phases, checks).document()


class _Scattering:
    """An experiment that equals others with the same structures and grids: they scatter alike."""

    def __init__(self, made: Experiment, grids: tuple[float, ...]):
        self.made, self.key = made, (identity(made)["structures"], grids)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Scattering) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@lru_cache(maxsize=4)
def _scattering(wanted: _Scattering) -> tuple[Any, xr.Dataset]:
    """Spectra and truth of all phases, which most points of a sweep share."""
    made = wanted.made
    table = spectra_table(made.phantom, made.beamline)
    pdf = made.recipe.pdf
    return table, phase_truth(made.phantom, table, made.beamline.scan.q, pdf.r, pdf.q_min)


def tabulate(points: Mapping[str, Mapping[str, Any]], done: Mapping[str, Any]) -> xr.Dataset:
    """One row a point: ``factor`` columns as they were set, ``value`` and ``check_verdict`` of every check.

    Returns
    -------
    xarray.Dataset
        Dims (point, check); factors are variables named by their keys. A value that could not be had is NaN, and so is
        everything of an impossible point, whose ``error`` says why.
    """
    rows = [done[name] for name in points]
    ids = [check.id for check in CHECKS if any(check.id in row["checks"] for row in rows)]
    nothing = [None, "not run"]
    values = [[row["checks"].get(name, nothing)[0] for name in ids] for row in rows]
    verdicts = [[row["checks"].get(name, nothing)[1] for name in ids] for row in rows]
    shape = (len(rows), len(ids))
    data: dict[str, Any] = {
        "value": (("point", "check"), np.array(values, dtype=float).reshape(shape)),
        "check_verdict": (("point", "check"), np.array(verdicts, dtype=str).reshape(shape)),
        "verdict": ("point", [row["verdict"] for row in rows]),
        "error": ("point", [row["error"] for row in rows]),
    }
    factors = list(next(iter(points.values())))
    for name in factors:
        data[name] = ("point", _column([change[name] for change in points.values()]))
    table = xr.Dataset(data, coords={"point": list(points), "check": ids})
    return table.assign_attrs(factors=factors)


def _column(values: list[Any]) -> NDArray:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return np.array(values if numbers else [value if isinstance(value, str) else json.dumps(value) for value in values])


def as_csv(table: xr.Dataset) -> str:
    """The table for people and spreadsheets: point, factors, verdict, error, then every check."""
    factors, ids = table.attrs["factors"], table.check.values.tolist()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["point", *factors, "verdict", "error", *ids])
    for k, name in enumerate(table.point.values):
        values = ["" if math.isnan(value) else repr(float(value)) for value in table.value.values[k]]
        changed = [table[factor].values[k] for factor in factors]
        writer.writerow([name, *changed, table.verdict.values[k], table.error.values[k], *values])
    return text.getvalue()


def correlation(factor: NDArray, value: NDArray) -> float:
    """Rank correlation (Spearman) over the points that have a value; NaN where nothing varies."""
    ranks = factor if factor.dtype.kind in "if" else np.unique(factor, return_inverse=True)[1]
    kept = np.isfinite(value)
    if kept.sum() < 3 or np.ptp(ranks[kept]) == 0 or np.ptp(value[kept]) == 0:
        return math.nan
    return float(np.corrcoef(rankdata(ranks[kept]), rankdata(value[kept]))[0, 1])
