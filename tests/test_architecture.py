"""The walls stand: every import contract refuses what it forbids, and the tree is as docs/architecture.md says."""

import ast
import importlib
import re
import shutil
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "examples"))
try:
    from draw_architecture import ROOMS, exports, import_graph, module_of, run_time_imports
finally:
    sys.path.remove(str(ROOT / "examples"))

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
FOLDERS = PROJECT["setuptools"]["package-dir"]
CONTRACTS = {contract["name"]: contract for contract in PROJECT["importlinter"]["contracts"]}
MODULES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
SCRIPTS = [*sorted((ROOT / "examples").glob("*.py")), *sorted((ROOT / "benchmarks").glob("*.py"))]


def lint(tree, *options):
    """What lint-imports says of a tree laid out as installed: number of modules, broken contracts, its whole text."""
    program = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", program, "--no-cache", "--no-logo", *options, str(ROOT / "pyproject.toml")]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    analysed = re.search(r"Analyzed (\d+) files", done.stdout)
    assert analysed, done.stdout + done.stderr
    return int(analysed[1]), set(re.findall(r"^(.+) BROKEN$", done.stdout, re.MULTILINE)), done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tree") / "installed"
    subprocess.run([sys.executable, ROOT / "tests" / "installed_tree.py", folder], check=True)
    return folder


def test_all_contracts_are_kept_by_all_modules(tree):
    analysed, broken, _ = lint(tree)
    assert not broken
    assert analysed == len(list(tree.rglob("*.py"))) > len(MODULES) > 200


def test_an_analysis_of_nothing_is_a_failure(tmp_path):
    (tmp_path / "tsct").mkdir()
    (tmp_path / "tsct" / "__init__.py").touch()
    with pytest.raises(AssertionError):
        lint(tmp_path)


def layer_pairs(contract):
    """Who must not import whom: of every layer the next above it, and those that share it with a bar."""
    containers = [f"{name}." for name in contract.get("containers", [])] or [""]
    for container in containers:
        layers = [[container + name.strip() for name in re.split(r"[|:]", layer)] for layer in contract["layers"]]
        assert ":" not in "".join(contract["layers"]), "a colon lets siblings import each other"
        for upper, lower in pairwise(layers):
            yield from ((importer, imported) for importer in lower for imported in upper)
        for layer in layers:
            yield from ((importer, imported) for importer in layer for imported in layer if importer != imported)


def protected_pairs(contract):
    """A module of nobody's that imports the first module of everything that is protected."""
    for pattern in contract["protected_modules"]:
        folders = [
            folder for package, folder in FOLDERS.items() if re.fullmatch(to_regex(pattern.removesuffix(".*")), package)
        ]
        if not pattern.endswith(".*"):
            yield "tsct", pattern
        for folder in folders if pattern.endswith(".*") else []:
            inside = [path for path in sorted((ROOT / folder).glob("*.py")) if path.stem != "__init__"]
            if inside:
                yield "tsct", module_of(inside[0])


def to_regex(pattern):
    return pattern.replace(".", r"\.").replace("*", "[^.]+")


def forbidden_pairs(contract):
    return [(source, target) for source in contract["source_modules"] for target in contract["forbidden_modules"]]


PAIRS = {"layers": layer_pairs, "protected": protected_pairs, "forbidden": forbidden_pairs}
# what two contracts forbid, each for a reason of its own
BOTH = {("tsct.analyze", "tsct.simulate"): {"rooms import only downwards", "analysis never sees the truth"}}


def plant(tree, importer, imported, number):
    """Add one import where it does not belong; returns the module that holds it."""
    folder = tree.joinpath(*importer.split("."))
    if folder.is_dir():
        (folder / f"planted_{number}.py").write_text(f"import {imported}\n")
        return f"{importer}.planted_{number}"
    file = folder.with_suffix(".py")
    file.write_text(f"{file.read_text()}\nimport {imported}\n")
    return importer


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_forbidden_import_is_refused_by_its_contract(tree, tmp_path, name):
    pairs = list(PAIRS[CONTRACTS[name]["type"]](CONTRACTS[name]))
    assert pairs
    for both in (False, True):
        planted = shutil.copytree(tree, tmp_path / str(both))
        chosen = [pair for pair in pairs if (pair in BOTH) == both]
        importers = [plant(planted, *pair, number) for number, pair in enumerate(chosen)]
        _, broken, text = lint(planted)
        assert broken == set().union(*(BOTH.get(pair, {name}) for pair in chosen))
        for importer, (_, imported) in zip(importers, chosen, strict=True):
            assert re.search(rf"{importer} -> {imported}\b", text), f"{importer} -> {imported} passes"


def test_every_package_is_listed_and_every_listed_one_exists():
    there = {module_of(path) for path in MODULES if path.stem == "__init__"}
    assert set(PROJECT["setuptools"]["packages"]) == set(FOLDERS) == there | {"tsct"}
    # a folder of modules that is no package would be left out of the wheel
    assert {path.parent for path in MODULES} == {ROOT / folder for folder in FOLDERS.values()} - {ROOT / "tsct"}


@pytest.mark.parametrize("package", FOLDERS)
def test_every_exported_name_exists(package):
    module = importlib.import_module(package)
    stub = ROOT / FOLDERS[package] / "__init__.pyi"
    if not stub.exists():
        assert not hasattr(module, "__getattr__")
        return
    tree = ast.parse(stub.read_text())
    imported = {
        name.asname or name.name for node in tree.body if isinstance(node, ast.ImportFrom) for name in node.names
    }
    assert set(module.__all__) == imported
    (listed,) = [node.value for node in tree.body if isinstance(node, ast.Assign)]
    assert set(ast.literal_eval(listed)) == imported
    for name in imported:
        assert getattr(module, name) is not None


def is_exported(module, name):
    """Whether another room may write ``from module import name``."""
    if module in FOLDERS and name is not None:
        sub_package = f"{module}.{name}" in FOLDERS
        return name in exports(module) or sub_package or module in ("tsct", "tsct.records")
    # the records beside records.io are doors themselves: errors, units, seeds
    return module.startswith("tsct.records.") and module.count(".") == 2


@pytest.mark.parametrize("path", [*MODULES, *SCRIPTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_of_another_room_only_exports_are_imported(path):
    room = module_of(path).split(".")[1]
    deeper = [
        (module, name)
        for module, name in run_time_imports(path)
        if module.split(".")[1:2] != [room] and not is_exported(module, name)
    ]
    assert not deeper


def test_the_contracts_name_all_modules_beside_sub_packages():
    """Except those that bear the name of what they export, of which the test above takes care."""
    protected = {name for contract in CONTRACTS.values() for name in contract.get("protected_modules", ())}
    for room in set(ROOMS) - {"records"}:
        beside = {path.stem for path in (ROOT / room).glob("*.py")} - {"__init__"} - set(exports(f"tsct.{room}"))
        assert {f"tsct.{room}.{name}" for name in beside} == {
            name for name in protected if name.count(".") == 2 and name.startswith(f"tsct.{room}.")
        }
        assert f"tsct.{room}.*.*" in protected


def test_sub_packages_import_each_other_in_one_direction():
    graph = import_graph()
    assert len(graph) > 40
    assert list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("package", FOLDERS)
def test_no_folder_is_a_corridor(package):
    most = 20 if package == "tsct.validation.checks" or package.startswith("tsct.apps.") else 15
    listed = [path for path in (ROOT / FOLDERS[package]).iterdir() if path.name not in ("__pycache__", "__init__.pyi")]
    assert len(listed) <= most


def test_the_door_of_a_room_is_not_used_from_inside():
    """A module that imported its own room's exports would close a circle that no contract sees."""
    for path in MODULES:
        room = ".".join(module_of(path).split(".")[:2])
        inside = [name for module, name in run_time_imports(path) if module == room and f"{room}.{name}" not in FOLDERS]
        if room != "tsct.records":
            assert not [name for name in inside if name in exports(room)], path


@pytest.mark.parametrize("room", ROOMS)
def test_the_site_documents_every_room(room):
    assert f"# `tsct.{room}`" in (ROOT / "docs" / "api" / f"{room}.md").read_text()
    assert f"(api/{room}.md)" in (ROOT / "docs" / "index.md").read_text()


def test_every_decision_is_linked():
    for page in sorted((ROOT / "docs" / "decisions").glob("*.md")):
        for start in ("index.md", "architecture.md"):
            assert f"(decisions/{page.name})" in (ROOT / "docs" / start).read_text()
