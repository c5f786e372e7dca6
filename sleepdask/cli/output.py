"""What every verb prints: a result on stdout, everything else on stderr."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from sleepdask.findings import POLICIES

DONE, REFUSED, WITH_FINDINGS = 0, 2, 3

C = TypeVar("C", bound=Callable[..., Any])


def output_options(command: C) -> C:
    """``--quiet`` and ``--json``, which every verb takes."""
    command = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")(command)
    return click.option("--quiet", is_flag=True, help="Print nothing but results and errors.")(command)


def policy_option(command: C) -> C:
    """``--policy``, for the verbs that read recordings."""
    text = (
        "Odd input: strict refuses it all; warn reads, and tells, what can mean one thing only; "
        "repair also takes the likeliest of several meanings."
    )
    option = click.option("--policy", type=click.Choice(POLICIES), default="warn", show_default=True, help=text)
    return option(command)


def timezone_option(command: C) -> C:
    """``--timezone``, for the verbs that read times."""
    text = "Zone of the local times, such as Europe/Berlin; with +02:00 behind it, of a clock that stayed there."
    return click.option("--timezone", metavar="ZONE", help=text)(command)


def refuse(message: str) -> int:
    """Print one line that says why, and return the exit code."""
    click.echo(f"sleepdask: error: {' '.join(message.split())}", err=True)
    return REFUSED


def report(notes: Sequence[str], findings: Sequence[str], *, quiet: bool) -> None:
    """Tell on stderr what was left out, and what was odd about the input."""
    if not quiet:
        for note in notes:
            click.echo(f"note: {note}", err=True)
    for finding in findings:
        click.echo(f"finding: {finding}", err=True)


def show(document: dict[str, Any], text: str, *, as_json: bool, quiet: bool = False) -> None:
    """Print a result as JSON or as text."""
    if as_json:
        click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
    elif not quiet:
        click.echo(text)


def exit_code(findings: Sequence[str]) -> int:
    """Exit code of a job that came to its end."""
    return WITH_FINDINGS if findings else DONE
