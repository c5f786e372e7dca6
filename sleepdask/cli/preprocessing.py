"""Options that say what is done to signals before their features are computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

C = TypeVar("C", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--filter",
        "filter",
        metavar="LOW-HIGH",
        help="Band in Hz that EEG, EOG, EMG and ECG keep, such as 0.3-35, 0.3- or -35; 0.3-35:iir for Butterworth.",
    ),
    click.option("--notch", metavar="HZ", help="Frequency of the mains, removed from them with its harmonics."),
    click.option(
        "--reference",
        metavar="average|NAME+NAME",
        help="New reference of EEG (and EOG, if it is named): the average of the EEG, or channels such as M1+M2.",
    ),
)


def preprocessing_options(command: C) -> C:
    """Add the options to a verb."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
