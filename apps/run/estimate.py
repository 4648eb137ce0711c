"""What a run will take, said before it starts; one that cannot fit is refused with the numbers."""

from dataclasses import dataclass

from tsct.records.errors import ResourceError
from tsct.records.resources import memory_bytes

from .experiment import Experiment

#: bytes per number in the files and in the bulk of the work (single precision)
BYTES = 4
# Fitted to the peak memory of single tiles, each in a process of its own, at 45 to 240 views, 60 to 120 translations
# and 886 to 1771 Q bins, and to the processor time of a 2-core x86-64 machine.
#: the main process with its libraries, the structures and their spectra, and a worker, which is handed these
_PROCESS_BYTES, _WORKER_BYTES = 4.7e8, 3.6e8
#: the first tile of a process tabulates the rings of the detector: per Q bin
_RINGS_BYTES = 1.25e5
#: analysis: per count of a tile and per voxel and Q bin
_PER_COUNT, _PER_VOXEL = 9.2, 4.8
#: what the main process keeps of a tile to the end
_KEPT_BYTES = 2.5e6
#: seconds of one processor: per process, and per tile and million counts to simulate and to analyse
_START_S, _TILE_S, _SIMULATE_S, _ANALYSE_S = 8.0, 0.5, 0.13, 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Resources of a run."""

    tiles: int
    processes: int
    seconds: float
    memory_bytes: float
    disk_bytes: float

    def __str__(self) -> str:
        time = f"{self.seconds:.0f} s" if self.seconds < 100 else f"{self.seconds / 60:.0f} min"
        if self.seconds > 2 * 3600:
            time = f"{self.seconds / 3600:.0f} h"
        return (
            f"{self.tiles} tiles, about {time}, {self.memory_bytes / 1e9:.1f} GB of memory with "
            f"{self.processes} process{'es' if self.processes > 1 else ''}, {self.disk_bytes / 1e9:.1f} GB on disk"
        )

    def check_memory(self, limit_gb: float | None) -> None:
        """Refuse a run that needs more memory than allowed or, if nothing is said, than is free.

        Raises
        ------
        ResourceError
            With what is needed and what there is.
        """
        limit = memory_bytes() if limit_gb is None else 1e9 * limit_gb
        if self.memory_bytes > limit:
            what = "are free" if limit_gb is None else "are allowed (--max-memory)"
            raise ResourceError(
                f"the run needs {self.memory_bytes / 1e9:.1f} GB of memory but {limit / 1e9:.1f} GB {what}; "
                "take fewer --workers or a smaller scan"
            )


def estimate(experiment: Experiment, processes: int, *, analyse: bool) -> Estimate:
    """Foresee a run from the number of its counts and voxels; memory is that of one tile per process.

    Parameters
    ----------
    experiment : Experiment
        What is to be done.
    processes : int
        How many share the tiles.
    analyse : bool
        Whether the tiles are analysed, too.
    """
    pattern, tiles = experiment.beamline.scan, len(experiment.tiles)
    channels = len(pattern.q)
    counts, voxels = pattern.views * pattern.translations * channels, pattern.translations**2 * channels
    tile = max(_RINGS_BYTES * channels, (_PER_COUNT if analyse else BYTES) * counts + _PER_VOXEL * voxels * analyse)
    used = min(processes, tiles)
    apart = used if used > 1 else 0
    work = _TILE_S + 1e-6 * counts * (_SIMULATE_S + _ANALYSE_S * analyse)
    # a region that depends on a map takes a tile before all others
    first = work if analyse and not experiment.recipe.roi.is_decided else 0.0
    return Estimate(
        tiles=tiles,
        processes=used,
        seconds=_START_S * (1 + bool(apart)) + first + work * tiles / used,
        memory_bytes=_PROCESS_BYTES + apart * _WORKER_BYTES + max(1, apart) * tile + _KEPT_BYTES * tiles * analyse,
        disk_bytes=disk_bytes(experiment),
    )


def disk_bytes(experiment: Experiment) -> float:
    """Disk space that the run will take, from the number of counts and voxels."""
    pattern, output = experiment.beamline.scan, experiment.settings.output
    channels = len(pattern.q)
    scan = pattern.views * pattern.translations * channels * output.scans
    # I(Q), and G(r) with its error
    volume = pattern.translations**2 * (channels + 2 * len(experiment.recipe.pdf.r)) * output.volumes
    return BYTES * len(experiment.tiles) * (scan + volume) + 2e7
