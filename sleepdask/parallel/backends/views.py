"""Merges the views of a result into the task that collects them, so that a scheduler is not busy with nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from dask._task_spec import GraphNode, Task, convert_legacy_graph
from dask.core import flatten

_VIEWS = ("_operator", "operator", "dask.array.chunk")


def merge_views(graph: Any, keys: Any) -> dict[Any, GraphNode]:
    """Graph of the same results with fewer tasks.

    Where all that use a task are views of it (``x[i]``), and one task alone takes in all the views, the three
    layers become one task. A Dataset of forty variables that lie in one array is such a case: on a cluster,
    where a task costs milliseconds, the views would take longer than the work.

    Examples
    --------
    >>> from operator import getitem
    >>> graph = {"x": (list, [1, 2]), "a": (getitem, "x", 0), "b": (getitem, "x", 1), "y": (max, "a", "b")}
    >>> sorted(merge_views(graph, ["y"]))
    ['y']
    """
    nodes = convert_legacy_graph(graph if isinstance(graph, Mapping) else graph.__dask_graph__())
    users: dict[Any, list[Any]] = defaultdict(list)
    for key, node in nodes.items():
        for needed in node.dependencies:
            users[needed].append(key)
    outputs = set(flatten([keys], container=list))
    merged = dict(nodes)
    for source, views in users.items():
        collector = _collector(source, views, nodes, users, outputs)
        if collector is not None:
            parts = [merged.pop(key) for key in (source, *views)]
            merged[collector] = Task.fuse(merged[collector], *parts, key=collector)
    return merged


def _is_view(node: GraphNode) -> bool:
    function = getattr(node, "func", None)
    return getattr(function, "__name__", "") == "getitem" and function.__module__ in _VIEWS


def _collector(
    source: Any, views: list[Any], nodes: Mapping[Any, GraphNode], users: Mapping[Any, list[Any]], outputs: set[Any]
) -> Any:
    """Key of the one task that takes in all views of a source, if there are only such."""
    hidden = {source, *views}.isdisjoint(outputs)
    if not hidden or len(views) < 2 or not isinstance(nodes.get(source), Task):
        return None
    if not all(_is_view(nodes[view]) for view in views):
        return None
    collectors = {user for view in views for user in users[view]}
    return collectors.pop() if len(collectors) == 1 else None
