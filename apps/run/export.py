"""What was recovered, written for other programs."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr

from tsct.analyze import resolution_facts, write_gr, write_ndtomo, write_pdfgetx3, write_xye
from tsct.analyze.pdf import curve_records
from tsct.analyze.recipe import stated_recipe
from tsct.records.errors import InputError, UsageError, nearest
from tsct.records.io import read_record
from tsct.records.paths import file_must_be_free, made, must_be_file
from tsct.records.units import wavelength_angstrom

from .export_amounts import Files, stacks, table


def export(source: Path, form: str, folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Write the results of a run or an analysis in one of the `FORMS`.

    Parameters
    ----------
    source : pathlib.Path
        A folder that holds ``recovered.h5``, or that file.
    form : str
        ``gr``: G(r) of the region of interest with dr and dG, one file for each state; ``xye``: its I(Q); ``pdfgetx3``:
        I(Q) and a configuration; ``ndtomo``: I(Q) of every voxel; ``tiff``: maps of the amounts of all phases;
        ``csv``: these amounts in the region.
    folder : pathlib.Path
        Receives the files.
    overwrite : bool
        Whether files of the same names may be replaced.

    Returns
    -------
    list of pathlib.Path
        What was written.

    Raises
    ------
    InputError, UsageError
        If there is nothing to export, no such form, or a file that may not be replaced.
    """
    if form not in FORMS:
        raise UsageError(f"--format {form}{nearest(form, FORMS)}; known are {', '.join(FORMS)}")
    file = source / "recovered.h5" if source.is_dir() else source
    must_be_file(file)
    names, write = FORMS[form](file)
    for name in names:
        file_must_be_free(folder / name, overwrite=overwrite)
    with made(folder):
        write(folder)
    return [folder / name for name in names]


def _curves(file: Path, name: str) -> tuple[xr.Dataset, xr.Dataset]:
    found = read_record(file, "recovered")
    records = curve_records(found)
    if name not in records:
        raise InputError(f"{file}: holds no {name} of a region of interest")
    return found, records[name]


def facts(found: xr.Dataset) -> dict[str, str | float]:
    """Header lines of a curve under the names of PDFgetX3, as far as the recovered data state them."""
    recipe = stated_recipe(found.attrs)
    lines: dict[str, str | float] = {}
    if recipe is not None:
        lines |= {"qmin": recipe.q_min, "qmax": recipe.q_max}
        lines |= {"qmaxinst": recipe.data_end, "rpoly": recipe.polynomial_range}
        lines["composition"] = " ".join(f"{symbol}{share:.6g}" for symbol, share in recipe.composition.items())
    if "energy_kev" in found.attrs:
        lines["wavelength"] = wavelength_angstrom(found.attrs["energy_kev"])
    return lines


def _names(record: xr.Dataset) -> list[str]:
    return [f"roi_state{int(state):02d}" for state in record.state.values]


def _gr(file: Path) -> Files:
    found, record = _curves(file, "gr")
    recipe = stated_recipe(found.attrs)
    resolution = resolution_facts(recipe.q_damp, recipe.q_broad) if recipe else {}
    names = [f"{name}.gr" for name in _names(record)]

    def write(folder: Path) -> None:
        for i, name in enumerate(names):
            errors = record.gr_errors.values[i] if "gr_errors" in record else None
            write_gr(folder / name, record.r.values, record.gr.values[i], errors, facts(found) | resolution)

    return names, write


def _xye(file: Path) -> Files:
    _, record = _curves(file, "iq")
    if "iq_errors" not in record:
        raise InputError(f"{file}: I(Q) has no errors, and a third column of zeros would be infinite weight")
    names = [f"{name}.xye" for name in _names(record)]

    def write(folder: Path) -> None:
        for i, name in enumerate(names):
            write_xye(folder / name, record.Q.values, record.iq.values[i], record.iq_errors.values[i])

    return names, write


def _pdfgetx3(file: Path) -> Files:
    found, record = _curves(file, "iq")
    names = _names(record)
    patterns = {name: (record.Q.values, record.iq.values[i]) for i, name in enumerate(names)}
    r = found.r.values
    recipe = stated_recipe(found.attrs)
    # the r_poly of an absolute transform means another polynomial there
    own: dict[str, float] = {}
    if recipe is not None and recipe.mode != "adhoc":
        own["rpoly"] = replace(recipe, mode="adhoc", r_poly=None).polynomial_range
    grid = {"rmin": float(r[0]), "rmax": float(r[-1]), "rstep": float(r[1] - r[0])}
    written = [*(f"{name}.xy" for name in names), "pdfgetx3.cfg"]
    return written, lambda folder: write_pdfgetx3(folder, patterns, facts(found) | own | grid)


def _ndtomo(file: Path) -> Files:
    tiles = {f"{tile.stem}_ndtomo.h5": tile for tile in sorted((file.parent / "recovered").glob("*.h5"))}
    if not tiles:
        raise InputError(
            f"{file.parent / 'recovered'}: no volumes; run again with output.volumes = true, or tsct analyze --volumes"
        )

    def write(folder: Path) -> None:
        for name, tile in tiles.items():
            found = read_record(tile)
            write_ndtomo(folder / name, found.iq.values, np.asarray(found.q.values, dtype=np.float64))

    return list(tiles), write


FORMS: Mapping[str, Callable[[Path], Files]] = {
    "gr": _gr,
    "xye": _xye,
    "ndtomo": _ndtomo,
    "pdfgetx3": _pdfgetx3,
    "tiff": stacks,
    "csv": table,
}
