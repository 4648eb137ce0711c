"""A series of measured patterns: a NeXus file of all and a `.gr` file of each."""

from collections.abc import Sequence
from functools import reduce
from operator import or_
from pathlib import Path

import numpy as np
import xarray as xr

from tsct.analyze import Facts, resolution_facts, write_gr
from tsct.analyze.readers import is_hdf5
from tsct.analyze.recipe import PdfRecipe
from tsct.records.errors import UsageError
from tsct.records.io import write_records
from tsct.records.paths import writable

from .convert import check_destination, facts, scale_facts, transformed
from .measured import Measured, Source, read_measured, read_measured_stack

#: curves of the NeXus file, the first of which a viewer opens
CURVES = (("gr", "r"), ("fq", "q"), ("sq", "q"))


def is_series(patterns: Sequence[Path]) -> bool:
    """Whether patterns are several: by their number, or because a file can hold many."""
    return len(patterns) > 1 or is_hdf5(patterns[0])


def convert_series(
    sources: Sequence[Source],
    recipe: PdfRecipe,
    folder: Path,
    *,
    overwrite: bool = False,
    mapping: Path | None = None,
    links: Path | None = None,
) -> str:
    """Write ``.gr`` of every pattern and one NeXus file of all curves into a folder.

    Everything is computed before the first file appears.

    Parameters
    ----------
    sources : sequence of Source
        Text files of one pattern each, and HDF5 files of any number.
    recipe, folder, overwrite
        As :func:`tsct.apps.pattern.convert.convert`.
    mapping, links : pathlib.Path, optional
        For the HDF5 files, see :func:`tsct.analyze.readers.read_pattern_stack`.

    Returns
    -------
    str
        One line: how many patterns, and what was written.

    Raises
    ------
    InputError, UsageError
        As :func:`tsct.apps.pattern.convert.convert`, naming the file and the pattern.
    """
    parts = [part for source in sources for part in _patterns(source, recipe, mapping, links)]
    names = _names([(source.pattern.stem, number) for source, number, _ in parts])
    together = folder / (f"{sources[0].pattern.stem}_pdf.nxs" if len(sources) == 1 else "series.nxs")
    files = [folder / f"{name}.gr" for name in names]
    for source in sources:
        check_destination(source, [*files, together], overwrite)
    curves = [transformed(source, recipe, measured)[0] for source, _, measured in parts]
    stated = facts(parts[0][0], recipe, parts[0][2])
    records = _records(names, parts, curves, {key: value for key, value in stated.items() if key != "inputfile"})
    writable(folder)
    resolution = resolution_facts(recipe.q_damp, recipe.q_broad)
    for path, (source, _, measured), data in zip(files, parts, curves, strict=True):
        errors = data["gr_errors"].values if "gr_errors" in data else None
        write_gr(
            path,
            data.r.values,
            data.gr.values,
            errors,
            facts(source, recipe, measured) | scale_facts(data, recipe) | resolution,
        )
    write_records(together, records, title="pair distribution functions of a series")
    left = "" if "fq" in records else " (G(r) only: the patterns lie on different grids of Q)"
    corrections = reduce(or_, (measured.corrections for *_, measured in parts)).words
    return (
        f"{_number(parts, 'pattern')} of {_number(sources, 'file')}; wrote {together.name}{left} "
        f"and {_number(files, 'file')} such as {files[0].name} in {folder}{'; ' if corrections else ''}{corrections}"
    )


def _number(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _patterns(
    source: Source, recipe: PdfRecipe, mapping: Path | None, links: Path | None
) -> list[tuple[Source, int | None, Measured]]:
    if is_hdf5(source.pattern):
        stack = read_measured_stack(source, recipe, mapping, links)
        return [(source, number, measured) for number, measured in stack.items()]
    if mapping is not None:
        raise UsageError(f"--mapping is for HDF5 files; {source.pattern} is none")
    return [(source, None, read_measured(source, recipe))]


def _names(parts: Sequence[tuple[str, int | None]]) -> list[str]:
    """Names of the results: those of the files, with the number of the pattern, or of the file where two are alike."""
    names = [stem if number is None else f"{stem}_{number:04d}" for stem, number in parts]
    return names if len(set(names)) == len(names) else [f"{i:04d}_{name}" for i, name in enumerate(names)]


def _records(
    names: Sequence[str],
    parts: Sequence[tuple[Source, int | None, Measured]],
    curves: Sequence[xr.Dataset],
    stated: Facts,
) -> dict[str, xr.Dataset]:
    """Curves over (pattern, r) or (pattern, Q); those over Q only if all patterns have the same grid."""
    grids = [measured.q for *_, measured in parts]
    same = all(len(grid) == len(grids[0]) and np.allclose(grid, grids[0], rtol=1e-6) for grid in grids)
    coords = {"pattern": np.arange(len(names)), "name": ("pattern", list(names))}
    records = {}
    for curve, axis in CURVES if same else CURVES[:1]:
        rows = {curve: np.stack([data[curve].values for data in curves])}
        if any(f"{curve}_errors" in data for data in curves):
            rows[f"{curve}_errors"] = np.stack(
                [
                    data.get(f"{curve}_errors", xr.full_like(data[curve], np.nan)).values  # NaN: not known
                    for data in curves
                ]
            )
        first = curves[0]
        variables = {name: (("pattern", axis), values, first[curve].attrs) for name, values in rows.items()}
        records[curve] = xr.Dataset(variables, coords={**coords, axis: first[axis].variable}, attrs=dict(stated))
    if same:
        patterns = np.stack([measured.intensity for *_, measured in parts])
        q = xr.Variable(("q",), grids[0], curves[0].q.attrs)
        intensity = ("pattern", "q"), patterns, {"units": "counts", "long_name": "I(Q)"}
        records["iq"] = xr.Dataset({"iq": intensity}, coords={**coords, "q": q}, attrs=dict(stated))
    return records
