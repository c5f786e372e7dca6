"""What the verbs of a study print."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

_MOST_IDS = 5


def standing_text(state: Mapping[str, Any]) -> str:
    """Lines of how far a study is."""
    statuses = ", ".join(f"{count} {status}" for status, count in state["statuses"].items() if count)
    lines = [f"{state['location']}: {state['recordings']} recordings: {statuses or 'none done'}"]
    if state["left"]:
        lines[0] += f", {state['left']} left"
    if held := state["running_by"]:
        lines.append(f"a run is at work: process {held['pid']} on {held['host']}")
    if state["begun"]:
        lines.append(f"begun{'' if held else ' and never ended'}: {some(state['begun'])}")
    return "\n".join(lines + causes_text(state["causes"]))


def causes_text(causes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines of what went wrong, most common first, with some of the recordings."""
    lines = []
    for cause in causes:
        lines.append(f"  {cause['count']:>5}  {some(cause['ids'], cause['count'])}")
        said = f"{cause['error_type']}: {cause['example']}"
        lines += textwrap.wrap(said, 110, initial_indent=" " * 9, subsequent_indent=" " * 9)
    return lines


def some(ids: Sequence[str], count: int | None = None) -> str:
    """Name the first few, and count the rest of all or of `count`."""
    rest = (len(ids) if count is None else count) - _MOST_IDS
    return ", ".join(ids[:_MOST_IDS]) + (f" and {rest} more" if rest > 0 else "")
