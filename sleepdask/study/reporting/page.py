"""The page of a report: a template filled with plain values; all of it escaped, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sleepdask.study.reporting.amounts import (
    Bins,
    count_text,
    duration_text,
    hours_text,
    share_text,
    size_text,
    value_text,
)
from sleepdask.study.reporting.distributions import NOT_SCORED, Figure, Row
from sleepdask.study.reporting.quality import Stage
from sleepdask.viz.bars import histogram, share_bar, split_bar
from sleepdask.viz.boxes import axis_row, box_row
from sleepdask.viz.scales import Scale, scale_of
from sleepdask.viz.style import shortened

if TYPE_CHECKING:
    from sleepdask.study.reporting.report import ReportData

_FOLDER, _TEMPLATE, _STYLE = "sleepdask.study.reporting", "report.html.j2", "report.css"
_COLOURS = 6  # of groups that the style sheet has
_STATUS = {
    "ok": ("complete", "all its features have values"),
    "partial": ("partial", "some channels or epochs have no values"),
    "failed": ("failed", "no values: its files could not be read, or no feature be computed"),
    "lost": ("lost", "each worker that ran it died"),
    "pending": ("not yet done", "it was not run yet"),
}
_STAGE_KINDS = {"W": "wake", "N1": "n1", "N2": "n2", "N3": "n3", "R": "rem"}


def render(data: ReportData) -> str:
    """HTML of the page: one file, without scripts, that needs no network; equal data give equal bytes."""
    style = files(_FOLDER).joinpath(_STYLE).read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    template = _environment().get_template(_TEMPLATE)
    # The only style is the one of this digest, so that not even a style could come in with a text from a file.
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return template.render(data=data, style=Markup(style), policy=policy)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(_FOLDER, ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": count_text,
        "duration": duration_text,
        "hours": hours_text,
        "size": size_text,
        "value": value_text,
        "short": lambda text: shortened(text, 80),
    }
    environment.globals |= {
        "share": share_text,
        "status_names": _STATUS,
        "status_bar": _status_bar,
        "stage_kind": stage_kind,
        "stage_name": stage_name,
        "stage_bar": _stage_bar,
        "by_column": lambda rows: [(name, list(each)) for name, each in groupby(rows, lambda row: row.column)],
        "share_bar": lambda part, whole, kind: Markup(share_bar(part / whole if whole else 0.0, kind)),
        "histogram": _histogram,
        "scale": _scale,
        "box": lambda row, scale, grouped: Markup(box_row(row.quantiles, scale, box_kind(row, grouped))),
        "axis": lambda scale: Markup(axis_row(scale)),
        "group_kind": group_kind,
    }
    return environment


def stage_kind(name: str) -> str:
    """Class of a stage; one that is not of the AASM, or not scored, is grey."""
    return _STAGE_KINDS.get(name, "rest")


def stage_name(name: str) -> str:
    """Name of a stage as it is shown."""
    return name or NOT_SCORED


def group_kind(number: int) -> str:
    """Class of a group by its number; colours begin anew after the last."""
    return f"group-{number % _COLOURS}"


def box_kind(row: Row, grouped: bool) -> str:  # noqa: FBT001 - as the template gives it
    """Class of a box: of its group, or, without groups, of its stage."""
    if grouped:
        return group_kind(row.group)
    return "all" if row.stage is None else stage_kind(row.stage)


def _status_bar(counts: dict[str, int], height: float) -> Markup:
    parts = [(_STATUS[status][0], status, count) for status, count in counts.items()]
    label = ", ".join(f"{count:,} {name}" for name, _, count in parts if count) or "no recordings"
    return Markup(split_bar(parts, label, height))


def _stage_bar(stages: Sequence[Stage]) -> Markup:
    parts = [(stage_name(each.name), stage_kind(each.name), each.epochs) for each in stages]
    total = sum(each.epochs for each in stages)
    label = ", ".join(f"{name} {share_text(epochs, total)}" for name, _, epochs in parts)
    return Markup(split_bar(parts, f"Epochs by stage: {label}"))


def _histogram(bins: Bins, label: str) -> Markup:
    return Markup(histogram(bins.counts, bins.edges, label, open_end=bins.open_end))


def _scale(figure: Figure) -> Scale | None:
    return scale_of(value for row in figure.rows for value in (row.quantiles[0], row.quantiles[-1]))
