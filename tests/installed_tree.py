"""The package laid out as it is installed, for tools that follow imports by folder.

    python tests/installed_tree.py build/installed

The front door ``tsct/__init__.py`` hides the root folders from tools that look for ``tsct.analyze`` below it.
"""

import shutil
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def lay_out(target: Path) -> Path:
    """Copy every package of pyproject.toml to the place that it has once installed; returns the folder."""
    shutil.rmtree(target, ignore_errors=True)
    for package, folder in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"][
        "package-dir"
    ].items():
        place = target.joinpath(*package.split("."))
        place.mkdir(parents=True)
        for path in (ROOT / folder).iterdir():
            if path.suffix in (".py", ".pyi", ".typed"):
                shutil.copy2(path, place)
    return target


if __name__ == "__main__":
    lay_out(Path(sys.argv[1]))
