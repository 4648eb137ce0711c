"""What a run will take, said before it starts; one that cannot fit is refused with the numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

from tsct.analyze.phases import COMPONENT_BINS, STRAINED_BINS
from tsct.analyze.readers import ScanOutline
from tsct.analyze.recipe import ITERATIONS, Recipe
from tsct.records.errors import ResourceError
from tsct.records.resources import memory_bytes

from .experiment import Experiment

#: bytes per number in the files and in the bulk of the work (single precision)
BYTES = 4
# Fitted to the peak memory of single tiles, each in a process of its own, at 45 to 240 views, 60 to 250 translations
# and 886 to 1771 Q bins, and to the processor time of a 2-core x86-64 machine.
#: the main process with its libraries, the structures and their spectra, and a worker, which is handed these
_PROCESS_BYTES, _WORKER_BYTES = 4.7e8, 3.6e8
#: a process that analyses and has no structures
_ANALYSIS_BYTES = 2.7e8
#: the first tile of a process tabulates the rings of the detector: per Q bin
_RINGS_BYTES = 1.25e5
#: per count: while a scan is read and judged, the more where it has errors of its own, and while it is analysed
_READ_BYTES, _READ_ERRORS_BYTES, _PER_COUNT = 7.4, 21.0, 4.6
#: per ray and voxel, and sum over channels that is mapped: sums of lines and variances in double precision, two images
_PER_RAY_SUM, _PER_VOXEL_SUM = 16.0, 8.0
#: per voxel and Q bin of volumes of patterns with errors, and per voxel and distance of PDFs with theirs
_PER_VOXEL, _PER_VOXEL_PDF = 8.0, 8.0
#: channels that are drawn anew for the variance of iterative methods, and channels of which images are made at once
_DRAWN, CHANNELS = 64, 128
#: what the main process keeps of a tile to the end
_KEPT_BYTES = 2.5e6
#: seconds of one processor: per process, and per tile and million counts to simulate
_START_S, _TILE_S, _SIMULATE_S = 8.0, 0.5, 0.13
#: a process that analyses only starts, and draws its page
_ANALYSIS_START_S, _PAGE_S = 2.5, 6.0
#: per count: to read, also where intensities are no counts; to find the region, to analyse, to undo the way out
_READ_S, _READ_ERRORS_S, _REGION_S, _COUNT_S, _WAYS_S = 2.1e-8, 7.0e-8, 1.3e-8, 6.8e-8, 5.0e-8
#: per voxel, view and channel: an image, its variance, a step of an iterative method; per product of voxel, Q bin and r
_IMAGE_S, _VARIANCE_S, _STEP_S, _PDF_S = 1.6e-10, 3.0e-10, 3.0e-10, 2.0e-11


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
        tiles = f"{self.tiles} tile{'s' if self.tiles != 1 else ''}"
        return (
            f"{tiles}, about {time}, {self.memory_bytes / 1e9:.1f} GB of memory with "
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
    pattern, tiles, recipe = experiment.beamline.scan, len(experiment.tiles), experiment.recipe
    scan = ScanOutline(
        views=pattern.views,
        translations=pattern.translations,
        channels=len(pattern.q),
        is_counts=True,
        has_transmission=True,
        composition="",
    )
    counts, volumes = _counts(scan), experiment.settings.output.volumes
    tile = max(_RINGS_BYTES * scan.channels, tile_bytes(scan, recipe, volumes=volumes) if analyse else BYTES * counts)
    used = min(processes, tiles)
    apart = used if used > 1 else 0
    work = _TILE_S + 1e-6 * counts * _SIMULATE_S + (tile_seconds(scan, recipe, volumes=volumes) if analyse else 0.0)
    # a region that depends on a map takes a tile before all others
    first = work if analyse and not recipe.roi.is_decided else 0.0
    return Estimate(
        tiles=tiles,
        processes=used,
        seconds=_START_S * (1 + bool(apart)) + first + work * tiles / used,
        memory_bytes=_PROCESS_BYTES + apart * _WORKER_BYTES + max(1, apart) * tile + _KEPT_BYTES * tiles * analyse,
        disk_bytes=disk_bytes(experiment),
    )


def estimate_analysis(
    scans: Sequence[ScanOutline], recipe: Recipe, processes: int, *, volumes: bool, page: bool = True
) -> Estimate:
    """Foresee the analysis of scans, each a tile, that nothing was repaired in.

    Parameters
    ----------
    scans : sequence of ScanOutline
        One or more, of known size.
    recipe : Recipe
        All choices.
    processes : int
        How many share the tiles.
    volumes, page : bool
        Whether volumes are written, and a page is drawn.
    """
    used = min(processes, len(scans))
    reading = [_counts(scan) * (_READ_BYTES if scan.is_counts else _READ_ERRORS_BYTES) for scan in scans]
    tiles = [max(read, tile_bytes(scan, recipe, volumes=volumes)) for read, scan in zip(reading, scans, strict=True)]
    read_s = [_counts(scan) * (_READ_S if scan.is_counts else _READ_ERRORS_S) for scan in scans]
    each = [read + tile_seconds(scan, recipe, volumes=volumes) for read, scan in zip(read_s, scans, strict=True)]
    first = 0.0
    if recipe.roi.map:
        first = each[0]
    elif not recipe.roi.is_decided:
        first = read_s[0] + _REGION_S * _counts(scans[0])
    apart = used if used > 1 else 0
    return Estimate(
        tiles=len(scans),
        processes=used,
        seconds=_ANALYSIS_START_S * (1 + bool(apart)) + first + sum(each) / used + _PAGE_S * page,
        memory_bytes=_ANALYSIS_BYTES * (1 + apart) + max(1, apart) * max(tiles) + _KEPT_BYTES * len(scans),
        disk_bytes=sum(_volume_bytes(scan.translations, scan.channels, recipe) * volumes for scan in scans) + 2e7,
    )


def tile_bytes(scan: ScanOutline, recipe: Recipe, *, volumes: bool) -> float:
    """Memory that the analysis of a tile takes: counts, sums over channels and their images, and volumes."""
    counts, rays, voxels = _counts(scan), scan.views * scan.translations, scan.translations**2
    images = voxels * (_PER_VOXEL * scan.channels + _PER_VOXEL_PDF * len(recipe.pdf.r))
    if not _by_rays(recipe):
        # lines and variance of all rays beside the counts
        return (_PER_COUNT + 2 * BYTES) * counts + images
    sums = _sums(recipe)
    at_once = CHANNELS * (2 * BYTES * rays + BYTES * voxels) if recipe.phases or volumes else 0.0
    work = max(rays * _PER_RAY_SUM * sums + voxels * _PER_VOXEL_SUM * sums, at_once)
    return _PER_COUNT * counts + work + images * volumes


def tile_seconds(scan: ScanOutline, recipe: Recipe, *, volumes: bool) -> float:
    """Time of one processor that the analysis of a tile takes."""
    counts, voxels = _counts(scan), scan.translations**2
    corrected = scan.has_transmission and recipe.outgoing_absorption
    work = _TILE_S + counts * (_COUNT_S + _WAYS_S * corrected)
    per_channel = voxels * scan.views
    pdfs = 2 * _PDF_S * voxels * scan.channels * len(recipe.pdf.r) * volumes
    if not _by_rays(recipe):
        steps = recipe.iterations or ITERATIONS.get(recipe.method, 1)
        # the draws that give the variance are of some channels only
        channels = scan.channels + recipe.draws * min(_DRAWN, scan.channels)
        return work + per_channel * (channels * steps * _STEP_S + scan.channels * _VARIANCE_S) + pdfs
    of_all = scan.channels * (_IMAGE_S * (bool(recipe.phases) + volumes) + _VARIANCE_S * volumes)
    return work + per_channel * (_sums(recipe) * (_IMAGE_S + _VARIANCE_S) + of_all) + pdfs


def _counts(scan: ScanOutline) -> int:
    return scan.views * scan.translations * scan.channels


def _by_rays(recipe: Recipe) -> bool:
    """Whether maps are made of sums over the channels of the rays."""
    return recipe.method == "fbp" and recipe.backend == "tsct"


def _sums(recipe: Recipe) -> int:
    """Sums over channels that are mapped: at most, as some have no variance."""
    bins = STRAINED_BINS if recipe.components_strained else COMPONENT_BINS
    return 1 + len(recipe.map_units) + bins * bool(recipe.components)


def disk_bytes(experiment: Experiment) -> float:
    """Disk space that the run will take, from the number of counts and voxels."""
    pattern, output = experiment.beamline.scan, experiment.settings.output
    channels = len(pattern.q)
    scan = pattern.views * pattern.translations * channels * output.scans
    volume = _volume_bytes(pattern.translations, channels, experiment.recipe) * output.volumes
    return len(experiment.tiles) * (BYTES * scan + volume) + 2e7


def _volume_bytes(translations: int, channels: int, recipe: Recipe) -> float:
    """Disk space of I(Q), and of G(r) with its error."""
    return float(BYTES * translations**2 * (channels + 2 * len(recipe.pdf.r)))
