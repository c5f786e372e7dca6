"""``sleepdask study status``: how far a study is."""

from __future__ import annotations

import click

from sleepdask.cli.output import DONE, WITH_FINDINGS, output_options, show
from sleepdask.cli.own import import_option
from sleepdask.cli.study.texts import standing_text
from sleepdask.study.study import Study


@click.command("status")
@click.argument("output")
@import_option
@output_options
def command(output: str, *, quiet: bool, as_json: bool) -> int:
    """Show how far the study in OUTPUT is, while it runs or after, and what failed.

    Exit code 3 if anything is not ok.
    """
    state = Study.open(output).standing() | {"location": output}
    show(state, standing_text(state), as_json=as_json, quiet=quiet)
    return DONE if state["statuses"]["ok"] == state["recordings"] else WITH_FINDINGS
