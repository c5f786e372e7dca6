"""The option that imports own features, for the verbs that choose features by name."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import click

from sleepdask.errors import ParameterError

_PREFIX = "sleepdask_own_"  # so that a file called statistics.py does not stand in the way of a module


def _import_all(context: click.Context, option: click.Parameter, wanted: Sequence[str]) -> None:
    for each in wanted:
        import_features(each)


import_option = click.option(
    "--import",
    "imports",
    multiple=True,
    metavar="FILE|MODULE",
    is_eager=True,
    expose_value=False,
    callback=_import_all,
    help="Python file or module to run first, as it makes features of your own; repeatable.",
)


def import_features(wanted: str) -> None:
    """Run a Python file, or import a module, that registers features; nothing is run but what is named here.

    Raises
    ------
    ParameterError
        There is no such file or module, or it fails.
    """
    path = Path(wanted)
    is_file = path.suffix == ".py" or path.exists()
    if is_file and not (path.is_file() and path.suffix == ".py"):
        raise ParameterError("no Python file to import", where=wanted, expected="a file such as my_features.py")
    try:
        if is_file:
            _run(path)
        else:
            import_module(wanted)
    except ParameterError as error:
        error.where = f"{wanted}, {error.where}" if error.where else wanted
        raise
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        raise ParameterError("own features cannot be imported", where=wanted, found=told) from error


def _run(path: Path) -> None:
    name = f"{_PREFIX}{path.stem}"
    spec = spec_from_file_location(name, path.absolute())
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    held = sys.modules.get(name)
    if held is not None and held.__file__ != module.__file__:
        raise ParameterError("two files of own features have one name", found=path.name, fix="rename one")
    sys.modules[name] = module
    spec.loader.exec_module(module)
