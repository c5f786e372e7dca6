"""The house keeps its shape: arrows point down, layers do not mix, files stay small."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "sleepdask"
ROOMS = ["cli", "collection", "study", "viz", "filters", "align", "runners", "simulate", "quality", "events",
         "features", "io", "hypnogram", "placement", "signals", "epochs", "chunks", "times", "zones", "parallel", "jit",
         "findings", "errors"]  # fmt: skip
DOORS = {"", "__init__", "__main__"}
MODULES = sorted(PACKAGE.rglob("*.py"))
COMPUTING = {"compute", "load", "persist", "to_zarr", "to_netcdf"}


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {module_name(path): path for path in MODULES}


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports(path: Path) -> Iterator[str]:
    """Modules that a file imports, those for type checking left out."""
    tree = ast.parse(path.read_text("utf-8"))
    for_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in NAMES else str(node.module)


def ids(path: Path) -> str:
    return str(path.relative_to(PACKAGE.parent))


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_imports_point_down_the_list_of_rooms(path: Path) -> None:
    here = room(module_name(path))
    if here in DOORS:
        return  # they open into every room
    for target in imports(path):
        if target.startswith("sleepdask.") and room(target) != here:
            assert ROOMS.index(room(target)) > ROOMS.index(here), f"{ids(path)} reaches up to {target}"


def test_modules_do_not_import_each_other_in_circles() -> None:
    graph = {name: {t for t in imports(path) if t in NAMES and t != name} for name, path in NAMES.items()}
    done: set[str] = set()
    while ready := {name for name, targets in graph.items() if name not in done and targets <= done}:
        done |= ready
    assert not set(graph) - done


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_every_room_says_what_it_does_and_stays_small(path: Path) -> None:
    text = path.read_text("utf-8")
    first = (ast.get_docstring(ast.parse(text)) or "").splitlines()
    assert first, "no docstring"
    assert first[0].endswith(".")
    assert len(text.splitlines()) <= 400


@pytest.mark.parametrize(
    "path",
    [
        *sorted((PACKAGE / "features" / "kernels").glob("*.py")),
        PACKAGE / "align" / "kernels.py",
        PACKAGE / "filters" / "kernels.py",
    ],
    ids=ids,
)
def test_kernels_know_arrays_only(path: Path) -> None:
    assert not {target.split(".")[0] for target in imports(path)} & {"xarray", "dask", "pandas", "scipy"}


@pytest.mark.parametrize(
    "name",
    [
        *("align", "events", "features", "filters", "quality", "signals"),
        *("hypnogram.py", "placement.py", "epochs.py", "chunks.py"),
    ],
)
def test_operations_never_compute(name: str) -> None:
    for path in [PACKAGE / name] if name.endswith(".py") else sorted((PACKAGE / name).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in COMPUTING:
                owner = ast.unparse(node.func.value)
                labels = "scheduler=get_sync" in ast.unparse(node)  # small, in memory before, in this thread
                assert labels or owner in {"super()", "feature", "self"}, f"{ids(path)}:{node.lineno} computes {owner}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "parallel").glob("*.py")), ids=ids)
def test_parallel_knows_nothing_of_sleep(path: Path) -> None:
    ours = {target for target in imports(path) if target.startswith("sleepdask.")}
    assert {room(target) for target in ours} <= {"parallel", "errors"}


def test_the_list_of_rooms_is_the_one_in_the_documentation() -> None:
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text("utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    listed = [name.strip("`/").removesuffix(".py") for row in rows for name in row.split() if name.startswith("`")]
    assert [name for name in listed if name in ROOMS] == ROOMS
    assert (
        set(ROOMS)
        == {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()} - {"__pycache__"} - DOORS
    )
