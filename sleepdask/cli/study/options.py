"""Options that make the plan of a study, for the verbs that need one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from sleepdask.cli.epochs import epoch_options
from sleepdask.cli.job import DEFAULT_FEATURES
from sleepdask.cli.output import policy_option, timezone_option
from sleepdask.study.study import Study

C = TypeVar("C", bound=Callable[..., Any])


def plan_options(command: C) -> C:
    """Add the options to a verb, which gets them by their names."""
    features = click.option(
        "--features",
        default=DEFAULT_FEATURES,
        show_default=True,
        help="Features, joined by commas; parameters follow a colon, as in bandpower:average=median,hjorth.",
    )
    for option in (timezone_option, policy_option, epoch_options, features):
        command = option(command)
    return command


def planned(table: Path, output: str | None, options: Mapping[str, Any]) -> Study:
    """Study of a table as the options say; one that is only looked at has no output."""
    given = {name: value for name, value in options.items() if value not in (None, ())}
    return Study.from_table(table, output or table.with_suffix(".study"), **given)
