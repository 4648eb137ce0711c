"""How much memory there is."""

import os
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup/memory.max")


def memory_bytes() -> float:
    """Memory that this process and its workers may still take: what is free, within the limit of a container.

    Where the system does not tell what is free, half of the memory that is built in.
    """
    limit = float("inf")
    if _CGROUP.is_file() and (text := _CGROUP.read_text().strip()).isdigit():
        limit = float(text)
    if _MEMINFO.is_file():
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return min(limit, float(line.split()[1]) * 1024)
    return min(limit, 0.5 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
