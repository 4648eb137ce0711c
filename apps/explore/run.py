"""What the explorer reads: a run's small records at once, its volumes one spectrum or one tile at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.pdf import PdfOperator
from tsct.apps.run.tiles import place_of_file, tile_name
from tsct.records.errors import InputError
from tsct.records.io import check_dataset, member, open_complete, read_record, read_truth
from tsct.validation import read_scores
from tsct.validation.evidence import NotRunError, second_shell_loss, stated_operator, through_states

Array = NDArray[np.float64]

#: larger score files are not ours
MAX_SCORE_BYTES = 2**22


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """A run directory, or a recovered file alone.

    Attributes
    ----------
    found : xarray.Dataset
        See :func:`tsct.analyze.collect`.
    truth, phases : xarray.Dataset or None
        See :mod:`tsct.simulate.truth`.
    checks : tuple of dict
        As in ``scores.json``.
    folder : Path or None
        Where volumes and figures are, if there are any.
    """

    found: xr.Dataset
    truth: xr.Dataset | None = None
    phases: xr.Dataset | None = None
    checks: tuple[Mapping[str, Any], ...] = ()
    folder: Path | None = None

    @property
    def name(self) -> str:
        """Of the experiment."""
        return str(self.truth.attrs.get("experiment", "")) if self.truth is not None else ""

    @property
    def states(self) -> list[int]:
        """Numbers of the states, as in file names."""
        return [int(state) for state in np.atleast_1d(self.found.state.values)]

    @property
    def slices(self) -> list[int]:
        """Numbers of the slices, as in file names."""
        return [int(number) for number in np.atleast_1d(self.found["slice"].values)]

    @cached_property
    def operator(self) -> PdfOperator | None:
        """The transform that was used, if the recovered data state it."""
        try:
            return stated_operator(self.found)
        except NotRunError:
            return None

    @cached_property
    def reference_density(self) -> float:
        """Atoms per cubic angstrom that H is divided by in maps."""
        return float(self.found.attrs.get("reference_density", 1.0))

    def tile(self, state: int, slice_number: int) -> Path | None:
        """The file with the volumes of a tile, if it was kept."""
        return self._volumes.get((state, slice_number))

    @cached_property
    def _volumes(self) -> dict[tuple[int, int], Path]:
        """Files with volumes by their state and slice: named after these, or after the scan that they are from."""
        inside = self.folder / "recovered" if self.folder else None
        if inside is None or not inside.is_dir():
            return {}
        tiles = {
            (state, slice_): inside / f"{tile_name((state, slice_))}.h5"
            for state in self.states
            for slice_ in self.slices
        }
        if all(path.is_file() for path in tiles.values()):
            return tiles
        return {place_of_file(0, path): path for path in sorted(inside.glob("*.h5"))}

    @property
    def has_volumes(self) -> bool:
        """Whether patterns of single voxels can be read."""
        return self.tile(self.states[0], self.slices[0]) is not None

    def spectra(self, name: str, state: int, slice_number: int, mask: NDArray[np.bool_]) -> Array:
        """One variable of the chosen voxels, shape (voxel, channel); only the rows that hold them are read.

        Raises
        ------
        InputError
            If the volumes were not kept, or their file has changed or gone.
        """
        rows, columns = np.nonzero(mask)
        low, high = (int(rows.min()), int(columns.min())), (int(rows.max()) + 1, int(columns.max()) + 1)
        block = self._read(name, state, slice_number, np.s_[low[0] : high[0], low[1] : high[1]])
        return block[rows - low[0], columns - low[1]].astype(np.float64)

    def layer(self, name: str, state: int, slice_number: int, channel: int) -> Array:
        """One channel of a volume, shape (y, x)."""
        return self._read(name, state, slice_number, np.s_[:, :, channel]).astype(np.float64)

    def _read(self, name: str, state: int, slice_number: int, where: Any) -> NDArray:
        path = self.tile(state, slice_number)
        if path is None:
            raise InputError(f"the volumes of state {state}, slice {slice_number} were not kept (output.volumes)")
        with open_complete(path) as handle:
            dataset = member(handle, f"entry/data/{name}")
            check_dataset(dataset)
            if dataset.shape[:2] != (self.found.sizes["y"], self.found.sizes["x"]):
                raise InputError(f"state {state}, slice {slice_number}: the volumes do not belong to this run")
            return np.asarray(dataset[where])

    @cached_property
    def _first(self) -> Array | None:
        """Density of every structure in the first state, shape (structure, slice, y, x)."""
        if self.truth is None or self.phases is None or "phase_density" not in self.truth:
            return None
        if "second_shell" not in self.phases:
            return None
        return self._of_structures(self.truth.phase_density.transpose("phase", "slice", "y", "x").values)

    def _of_structures(self, maps: Array) -> Array:
        """Maps in the order of the truth in that of the structures of `phases`, zero for those that do not occur."""
        assert self.truth is not None and self.phases is not None, "ask has_truth first"
        held = dict(zip(self.truth.phase_structure.values, maps, strict=True))
        return np.stack([held.get(name, np.zeros_like(maps[0])) for name in self.phases.structure_name.values])

    @property
    def has_truth(self) -> bool:
        """Whether the pattern of every voxel is known."""
        return self._first is not None and self.operator is not None

    def true_densities(self, slice_number: int, mask: NDArray[np.bool_] | None = None) -> Array:
        """Atoms per cubic angstrom of every structure, shape (state, structure, y, x), or their mean over a mask."""
        assert self._first is not None and self.truth is not None and self.phases is not None, "ask has_truth first"
        where = list(self.truth["slice"].values).index(slice_number)
        if "state_density" in self.truth:
            slices = self.truth.state_density.isel(slice=where).transpose("state", "phase", "y", "x").values
            states = np.stack([self._of_structures(maps) for maps in slices])
            return states if mask is None else states[..., mask].mean(axis=-1)
        first = self._first[:, where]
        if "lithium_per_silicon" not in self.truth:  # of one state, in which nothing changes
            states = np.repeat(first[None], self.truth.sizes["state"], axis=0)
            return states if mask is None else states[..., mask].mean(axis=-1)
        return through_states(first if mask is None else first[:, mask].mean(axis=1), self.truth, self.phases)

    @cached_property
    def patterns(self) -> Array:
        """Scattering per atom of every structure, shape (state, structure, q), as the recovered data weight it."""
        assert self.truth is not None and self.phases is not None, "ask has_truth first"
        free = self.phases.coherent.values + self.found.compton_weight.values * self.phases.compton.values
        changed = free + second_shell_loss(self.truth)[..., None] * self.phases.second_shell.values
        return np.broadcast_to(changed, (self.truth.sizes["state"], *free.shape))


def open_run(path: Path, truth: Path | None = None) -> Run:
    """Open a run directory or a recovered file.

    Parameters
    ----------
    path : Path
        Folder of ``tsct run``, or a ``recovered.h5``; beside it, truth, scores and volumes are found by themselves.
    truth : Path, optional
        Another truth file.

    Raises
    ------
    InputError
        If there is nothing to explore.
    """
    folder = path if path.is_dir() else path.parent
    source = path / "recovered.h5" if path.is_dir() else path
    found = read_record(source, "recovered")
    if not {"state", "slice", "y", "x"} <= found.sizes.keys():
        raise InputError(f"{source}: holds no maps over state, slice, y and x")
    known = truth or folder / "truth.h5"
    if truth is None and not known.is_file():
        return Run(found=found, folder=folder)
    reality, phases = read_truth(known)
    return Run(found=found, truth=reality, phases=phases, checks=_checks(folder / "scores.json"), folder=folder)


def _checks(path: Path) -> tuple[Mapping[str, Any], ...]:
    if not path.is_file() or path.stat().st_size > MAX_SCORE_BYTES:
        return ()
    rows = read_scores(path)["checks"]
    return tuple(row for row in rows if "title" in row)
