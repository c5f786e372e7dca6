"""What there is to do: every row of the table against what became of it before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sleepdask.parallel.executor import ParallelExecutor
from sleepdask.study.files import StudyFiles
from sleepdask.study.inputs import all_look_the_same
from sleepdask.study.layout import Columns, Layout, columns_of, common_units, common_zone
from sleepdask.study.outcome import FAILED, RecordingOutcome
from sleepdask.study.parts import part_name
from sleepdask.study.plan import StudyPlan, content_key, digest
from sleepdask.study.scan import Scan, scan_all
from sleepdask.study.table import Entry
from sleepdask.study.task import Job, layout_key
from sleepdask.study.units import conversions


@dataclass(frozen=True)
class Prepared:
    """What a run will do.

    Parameters
    ----------
    columns
        Of all tables.
    scans
        Of all recordings by id.
    jobs
        Recordings to analyse.
    done
        Outcomes of those that are done already, by id.
    """

    columns: Columns
    scans: Mapping[str, Scan]
    jobs: Sequence[Job]
    done: Mapping[str, RecordingOutcome]


def prepare(
    plan: StudyPlan,
    entries: Sequence[Entry],
    files: StudyFiles,
    before: Mapping[str, RecordingOutcome],
    executor: ParallelExecutor,
    *,
    retry_failed: bool = False,
    remember: bool = True,
) -> Prepared:
    """Look at all recordings and decide which are to be analysed; `remember` writes down what was seen."""
    scans = scan_all(plan, entries, files, executor, remember=remember)
    ordered = [scans[name].layout for name in sorted(scans)]  # whatever the order of the table
    layouts = [layout for layout in ordered if layout is not None]
    units = common_units(layouts)
    columns = columns_of(_distinct(layouts), plan.features, plan.window, units, common_zone(layouts))
    sizes = files.sizes("features")
    if plan.arrays:
        there = {part_name(name.removesuffix(".zarr")) for name in files.names("arrays")}
        sizes = {name: size for name, size in sizes.items() if name in there}
    key = layout_key(columns.schema)
    jobs, done = [], {}
    for entry in entries:
        name = entry.recording_id
        scan, outcome = scans[name], before.get(name)
        different = {} if scan.layout is None else conversions(scan.layout, units)
        again = retry_failed and outcome is not None and not outcome.ok
        if outcome is not None and not again and _is_done(plan, entry, scan, different, outcome, key, sizes):
            done[name] = outcome
        else:
            jobs.append(Job(entry, different, outcome, again))
    return Prepared(columns, scans, jobs, done)


def lost_key(plan: StudyPlan, entry: Entry) -> str:
    """What stands for the content of a recording that no worker survived."""
    return digest(sorted(plan.keys(entry, {}, {}).values()))


def _is_done(
    plan: StudyPlan,
    entry: Entry,
    scan: Scan,
    units: Mapping[str, str],
    outcome: RecordingOutcome,
    layout: str,
    sizes: Mapping[str, int],
) -> bool:
    """Whether an analysis would give the same as before."""
    if not all_look_the_same(scan.states, outcome.inputs):
        return False
    if not outcome.has_features and outcome.content_key == lost_key(plan, entry):  # of one that took too long, too
        return True
    if outcome.status == FAILED and not outcome.content_key:  # a file is missing still
        return not scan.states
    if outcome.has_features:
        whole = sizes.get(part_name(entry.recording_id)) == outcome.table_size
        if not whole or outcome.layout_key != layout:
            return False
    keys = plan.keys(entry, {role: str(each.get("hash")) for role, each in outcome.inputs.items()}, units)
    return content_key(keys) == outcome.content_key


def _distinct(layouts: Iterable[Layout]) -> list[Layout]:
    return list(dict.fromkeys(layouts))
