"""Which workers do the work beyond this machine: those of a dask scheduler that runs already, or of Slurm."""

from dataclasses import dataclass
from pathlib import Path

from tsct.records.errors import InputError, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Slurm:
    """What to ask Slurm for, the keys of a cluster file.

    Parameters
    ----------
    jobs, cores : int
        Batch jobs, and workers in each of them: one per core.
    memory, walltime : str
        Of each batch job, such as ``"16GB"`` and ``"02:00:00"``.
    queue, account : str
        Partition and account; the site's default if empty.
    interface : str
        Network interface by which workers reach the scheduler, such as ``"ib0"``.
    port : int
        Where the scheduler listens; any free port if zero.
    prologue, directives : tuple of str
        Lines of the batch script before the workers start, and further ``#SBATCH`` options.
    """

    jobs: int = 1
    cores: int = 1
    memory: str = "4GB"
    walltime: str = "01:00:00"
    queue: str = ""
    account: str = ""
    interface: str = ""
    port: int = 0
    prologue: tuple[str, ...] = ()
    directives: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.jobs < 1 or self.cores < 1:
            raise InputError(f"jobs = {self.jobs} and cores = {self.cores} must be one or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Where the workers are: at the address of a scheduler, or behind Slurm."""

    scheduler: str = ""
    slurm: Slurm | None = None

    def __post_init__(self) -> None:
        if bool(self.scheduler) == bool(self.slurm):
            raise UsageError("give either --scheduler or --slurm, not both")


def read_slurm(path: Path) -> Slurm:
    """Read a cluster file (TOML)."""
    from .toml_tables import build, read_table

    return build(Slurm, read_table(str(path))[0], str(path))
