"""``sleepdask study check``: all recordings of a table, looked at before anything is computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sleepdask.cli.output import DONE, WITH_FINDINGS, output_options, show
from sleepdask.cli.study.options import plan_options
from sleepdask.cli.study.texts import causes_text, some
from sleepdask.parallel.settings import get_parallel_config, parallel_config
from sleepdask.study.checking import cohort
from sleepdask.study.config import StudyConfig
from sleepdask.study.study import Study
from sleepdask.viz.style import shortened

_MOST_CHANNELS = 40
_LONGEST_NAME = 60


@click.command("check")
@click.argument("table", type=click.Path(path_type=Path))
@plan_options
@output_options
def command(table: Path, *, study_config: StudyConfig, quiet: bool, as_json: bool) -> int:
    """Look at all recordings of TABLE as a run would open them: channels, rates, lengths, scores, problems.

    Exit code 3 if any would fail, if all would be refused, or if anything is odd.
    """
    with parallel_config(enable_progress=get_parallel_config().enable_progress and not quiet):
        study = Study.from_table(table, f"{table}.study", config=study_config)  # which is never made
    checked = study.check()
    summary = cohort(checked)
    document = {"summary": summary, "recordings": [each.document() for each in checked]}
    show(document, _text(summary), as_json=as_json)
    return WITH_FINDINGS if summary["refusal"] or summary["problems"] or summary["findings"] else DONE


def _text(summary: dict[str, Any]) -> str:
    total = summary["recordings"]
    lines = [f"{total} recordings: {summary['ready']} ready, {total - summary['ready']} would fail"]
    if hours := summary["hours"]:
        lines.append(
            f"{hours['total']:.1f} h of signals ({hours['shortest']:.2f} to {hours['longest']:.2f} h, median"
            f" {hours['median']:.2f}), {summary['epochs']} epochs, {summary['hypnograms']} with scores"
        )
    if channels := summary["channels"]:
        lines.append("")
        names = {name: shortened(name, _LONGEST_NAME) for name in channels}
        width = max(map(len, names.values()))
        for name, about in list(channels.items())[:_MOST_CHANNELS]:
            said = (_counted(about["types"], ""), _counted(about["rates"], " Hz"), _counted(about["units"], ""))
            lines.append(f"  {names[name]:<{width}}  {about['recordings']:>5}  {'  '.join(said)}")
        if len(channels) > _MOST_CHANNELS:
            lines.append(f"  and {some(list(names.values())[_MOST_CHANNELS:])}")
    if summary["refusal"]:
        lines += ["", f"would not run at all: {summary['refusal']}"]
    if problems := summary["problems"]:
        lines += ["", "would fail:", *causes_text(problems)]
    if findings := summary["findings"]:
        lines += ["", "odd:", *(f"  {count:>5}  {code}" for code, count in findings.items())]
    return "\n".join(lines)


def _counted(values: dict[str, int], unit: str) -> str:
    """Values with how often they come, if there are several."""
    if len(values) == 1:
        return f"{shortened(next(iter(values)), _LONGEST_NAME) or 'no unit'}{unit}"
    return ", ".join(
        f"{shortened(value, _LONGEST_NAME) or 'no unit'}{unit} ({count})" for value, count in values.items()
    )
