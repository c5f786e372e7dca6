"""``sleepdask study``: the verbs of a study, in the order in which they are wanted."""

from __future__ import annotations

import click

from sleepdask.cli.group import LazyGroup

_VERBS = {
    "find": "Make the table of recordings out of folders, each with its hypnogram.",
    "check": "Look at all recordings of a table before anything is computed.",
    "run": "Compute features of all recordings; run again, it goes on where it ended.",
    "status": "Show how far a study is.",
    "report": "Write the page that tells all about a study.",
    "export": "Write the features of a study as one table.",
}


@click.group("study", cls=LazyGroup, verbs=_VERBS, package="sleepdask.cli.study")
def command() -> None:
    """Analyse many recordings: a table of them, a plan, and a folder that fills until every night is accounted for."""
