"""Options about epochs and channels, for the verbs that extract features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

C = TypeVar("C", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--epoch", default="30s", show_default=True, help="Length of an epoch, such as 30s or 5min."),
    click.option(
        "--step",
        help="From one epoch's start to the next: less than an epoch overlaps, more skips.  [default: the epoch]",
    ),
    click.option(
        "--start",
        help="Where the epochs begin: a time of day such as 23:05, or a date with time.  [default: the recording]",
    ),
    click.option("--end", help="Where they end, written the same way.  [default: the recording]"),
    click.option(
        "--lights-off",
        help="Lights off, a time as for --start: kept with the results; the epochs begin here unless --start is given.",
    ),
    click.option("--lights-on", help="Lights on, the same way; the epochs end here unless --end is given."),
    click.option(
        "--origin",
        default="recording",
        show_default=True,
        metavar="recording|hypnogram|TIME",
        help="Where one epoch begins, as do all others in step with it: the recording, the scores, or a time.",
    ),
    click.option("--channels", multiple=True, help="Name or glob of channels to keep, such as 'EEG*'; repeatable."),
    click.option(
        "--min-coverage",
        default=0.5,
        show_default=True,
        type=click.FloatRange(0, 1),
        help="Fraction of its samples that a value needs.",
    ),
)


def epoch_options(command: C) -> C:
    """Add the options to a verb."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
