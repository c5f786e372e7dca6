"""The public names, and how little importing them costs."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import sleepdask as sd


@pytest.mark.parametrize("name", sd.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(sd, name).__doc__
    assert name in dir(sd)


def test_table_of_names_is_complete() -> None:
    assert sorted(sd.__all__) == sd.__all__ == sorted([*sd._HOME, *sd._ROOMS])
    for name, home in sd._HOME.items():
        assert getattr(sd, name) is getattr(importlib.import_module(home), name)
        assert getattr(sd, name).__module__ == home


def test_star_import_gives_all_of_them() -> None:
    names: dict[str, object] = {}
    exec("from sleepdask import *", names)
    assert set(sd.__all__) <= set(names)
    assert names["extract"] is sd.extract


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'sleepdask' has no attribute 'extrakt'"):
        _ = sd.extrakt


HEAVY = ("distributed", "numba", "matplotlib", "scipy.signal", "pyarrow.parquet", "zarr", "tqdm")


def loaded_after(code: str) -> list[str]:
    script = f"{code}\nimport sys\nprint('loaded', *(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    first, *names = done.stdout.split()
    assert first == "loaded"
    return names


def test_import_is_light_and_silent() -> None:
    assert loaded_after("import sleepdask") == []


def test_building_a_graph_loads_nothing_heavy() -> None:
    code = (
        "import sleepdask as sd\n"
        "night = sd.recording_from_arrays({'C3': [0.0, 1.0] * 3000}, rate=100)\n"
        "sd.extract(night, sd.features.parse_features('statistics,bandpower,hjorth'))"
    )
    assert set(loaded_after(code)) & {"distributed", "matplotlib", "numba"} == set()
