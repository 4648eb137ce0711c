"""Old module paths say where their names are now."""

import importlib
import importlib.util
import sys

import pytest

import tsct
from tsct import moved

OLD = [
    (f"{'.'.join(place.split('.')[:2])}.{name}", place)
    for place, names in moved.OLD_NAMES.items()
    for name in names.split()
]


@pytest.mark.parametrize(("name", "place"), OLD)
def test_an_old_module_names_its_new_place(name, place):
    assert importlib.util.find_spec(place)
    with pytest.raises(ImportError, match=rf"^{name} moved to {place}$"):
        importlib.import_module(name)


def test_no_old_name_is_listed_twice():
    assert len(dict(OLD)) == len(OLD)


def test_from_imports_say_so_too():
    with pytest.raises(ImportError, match=r"tsct\.simulate\.atomic moved to tsct\.simulate\.scattering"):
        from tsct.simulate import atomic  # noqa: F401
    with pytest.raises(ImportError, match=r"tsct\.analyze\.tables moved to tsct\.analyze\.pdf"):
        from tsct.analyze.tables import mean_f  # noqa: F401


def test_names_that_never_were_fail_as_everywhere():
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'tsct\.analyze\.nonsense'"):
        importlib.import_module("tsct.analyze.nonsense")
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'tsct\.tables'"):
        importlib.import_module("tsct.tables")


def test_the_finder_is_the_last_and_is_there_once():
    importlib.reload(tsct)
    assert [finder for finder in sys.meta_path if getattr(finder, "__name__", "") == "MovedModules"] == [
        moved.MovedModules
    ]
