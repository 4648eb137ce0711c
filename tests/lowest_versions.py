"""The lowest versions that pyproject.toml declares for the package itself, as constraints for pip.

python tests/lowest_versions.py > lowest.txt
python -m pip install -c lowest.txt .
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def lowest_versions() -> list[str]:
    """One line a dependency: of the lowest release the latest mending."""
    lines = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    lowest = [re.fullmatch(r"([\w.-]+)>=(\d+(?:\.\d+)*)", line) for line in lines]
    assert all(lowest), f"every dependency says >= and nothing else: {lines}"
    return [f"{match[1]}=={match[2]}.*" for match in lowest if match]


if __name__ == "__main__":
    print("\n".join(lowest_versions()))
