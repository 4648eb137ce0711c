"""How much memory there is, and how much this process and its workers take."""

import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

#: limit of a container; what is free outside does not help
_CGROUP = Path("/sys/fs/cgroup/memory.max")
#: seconds between two looks at the memory in use
_INTERVAL_S = 0.5


def memory_bytes() -> float:
    """Memory that this process and its workers may still take: what is free, within the limit of a container."""
    limit = float("inf")
    if _CGROUP.is_file() and (text := _CGROUP.read_text().strip()).isdigit():
        limit = float(text)
    return min(limit, float(psutil.virtual_memory().available))


def memory_in_use_bytes() -> int:
    """Resident memory of this process and all that it started, in bytes; pages that they share count for each."""
    me, total = psutil.Process(), 0
    for process in (me, *me.children(recursive=True)):
        # it may have ended meanwhile
        with suppress(psutil.Error):
            total += process.memory_info().rss
    return total


class Usage:
    """Time since it was made, and the largest memory in use while the block runs, looked at twice a second.

    Systems disagree on how a process may ask for its own peak, and none adds up those that ran at the same time.

    Attributes
    ----------
    peak_bytes : int
        The peak so far, of this process and all that it started.
    """

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._started = time.perf_counter()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def wall_s(self) -> float:
        """Seconds since it was made."""
        return time.perf_counter() - self._started

    def __enter__(self) -> Self:
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        self.peak_bytes = max(self.peak_bytes, memory_in_use_bytes())

    def _watch(self) -> None:
        while not self._end.wait(_INTERVAL_S):
            self._look()
