"""Merges small results and their views into the task that collects them: no scheduler is busy with nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from dask._task_spec import GraphNode, Task, convert_legacy_graph
from dask.core import flatten

from sleepdask.parallel.light import is_light

_VIEWS = ("_operator", "operator", "dask.array.chunk")


def merge_views(graph: Any, keys: Any) -> Mapping[Any, GraphNode]:
    """Graph of the same results with fewer tasks.

    Where all that comes of a task marked as `light` is views of it (``x[i]``), and views of these, and one task
    alone takes in all of them, they become one task with it. A Dataset of forty variables that lie in one array
    is such a case: on a cluster, where a task costs milliseconds, the views would take longer than the work.

    Examples
    --------
    >>> from operator import getitem
    >>> from sleepdask.parallel.light import light
    >>> graph = {"x": (light(lambda: [1, 2]),), "a": (getitem, "x", 0), "b": (getitem, "x", 1), "y": (max, "a", "b")}
    >>> sorted(merge_views(graph, ["y"]))
    ['y']
    """
    nodes: dict[Any, GraphNode] = convert_legacy_graph(graph if isinstance(graph, Mapping) else graph.__dask_graph__())
    sources = [key for key, node in nodes.items() if is_light(getattr(node, "func", None))]
    if not sources:
        return nodes
    users: dict[Any, list[Any]] = defaultdict(list)
    for key, node in nodes.items():
        for needed in node.dependencies:
            users[needed].append(key)
    outputs = set(flatten([keys], container=list))
    merged = dict(nodes)
    for source in sources:
        parts, collectors = _views_of(source, nodes, users)
        if len(collectors) == 1 and outputs.isdisjoint(parts) and {*parts, *collectors} <= merged.keys():
            (collector,) = collectors
            merged[collector] = Task.fuse(merged[collector], *(merged.pop(key) for key in parts), key=collector)
    return merged


def _views_of(
    source: Any, nodes: Mapping[Any, GraphNode], users: Mapping[Any, list[Any]]
) -> tuple[list[Any], set[Any]]:
    """Return the source with all views of it, and the tasks that use these and are none."""
    parts, collectors = [source], set()
    for part in parts:
        for user in users.get(part, ()):
            if not _is_view(nodes[user]):
                collectors.add(user)
            elif user not in parts:
                parts.append(user)
    return parts, collectors


def _is_view(node: GraphNode) -> bool:
    function = getattr(node, "func", None)
    return getattr(function, "__name__", "") == "getitem" and function.__module__ in _VIEWS
