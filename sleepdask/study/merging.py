"""Features of one recording, some computed now and some kept from before."""

from __future__ import annotations

import xarray as xr

from sleepdask.features.plan import ExtractionPlan
from sleepdask.io.tables import feature_nodes

_PER_EPOCH = ("coverage", "status", "reason")


def merged(plan: ExtractionPlan, new: xr.DataTree | None, kept: xr.DataTree) -> xr.DataTree | None:
    """Tree as the plan has it: what is in `new` from there, the rest from `kept`; None if that lacks any of it."""
    fresh = {} if new is None else feature_nodes(new)
    old = feature_nodes(kept)
    nodes = {}
    for name, node in plan.nodes.items():
        sources = [each[name] for each in (fresh, old) if name in each]
        names = [output.name for _, output in node.outputs]
        variables = {each: next((s[each] for s in sources if each in s), None) for each in (*names, *_PER_EPOCH)}
        if any(variable is None or variable.sizes["epoch"] != plan.grid.count for variable in variables.values()):
            return None
        if any(list(source["channel"].values) != list(node.task.channels) for source in sources):
            return None
        nodes[name] = sources[0].drop_vars(list(sources[0].data_vars)).assign(variables)
    root = (kept if new is None else new).to_dataset()
    return xr.DataTree.from_dict({"/": root} | nodes)
