"""Another reference for channels that stand against a common one; lazy, no sample is read."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import xarray as xr

from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.filters.choosing import Changed, Texts, names_of, on_chosen, told
from sleepdask.signals.montage import DERIVED, rereferenced
from sleepdask.signals.recording import FILTER_NOTES, SIGNAL, signal_nodes

AVERAGE = "average"
_PAIR = re.compile(r"[-/:](?!\s*ref\d?$)", re.IGNORECASE)  # in labels of differences; REF is the common electrode


def rereference(
    recording: xr.DataTree,
    to: str | Sequence[str] = AVERAGE,
    *,
    channels: Texts | None = None,
    types: Texts | None = None,
) -> xr.DataTree:
    """Take the mean of some channels away from others, which keep their names; lazy, no sample is read.

    `derive_channels` makes new channels of a montage; this changes the reference of those that are there.

    Parameters
    ----------
    recording
        As `open_recording` gives it. It stays as it is.
    to
        ``"average"``: the mean of all channels that are meant, themselves included, of their node. Or names of
        channels, such as ``["M1", "M2"]``, whose mean is taken away; these stay as they are.
    channels, types
        Names or globs of the channels whose reference is changed, or their signal types. Default: eeg for the average,
        eeg and eog for channels by name.

    Returns
    -------
    recording
        With the changed channels in their own places, in their units, computed in float64 and kept in the floating
        dtype of the recording; NaN wherever a part is NaN. ``derived`` says what was taken away.

        Channels that are differences already, by their label (``C3-M2``, but not ``C3-REF``) or as `derive_channels`
        made them, stay as they are: the two references would mix. So does one whose references are on a node of another
        rate, and one that would be alone in an average. ``attrs["filter_notes"]`` tells of all these.

    Raises
    ------
    ParameterError
        A reference is not among the channels, no channel is meant, or none is changed.

    Examples
    --------
    >>> import sleepdask as sd
    >>> night = sd.recording_from_arrays({"C3": [5.0, 7.0], "M1": [1.0, 2.0], "M2": [3.0, 4.0]}, rate=100)
    >>> linked = sd.filters.rereference(night, ["M1", "M2"])
    >>> linked["100Hz/signal"].values.tolist(), linked["100Hz"]["derived"].values.tolist()
    ([[3.0, 4.0], [1.0, 2.0], [3.0, 4.0]], ['C3 - (M1 + M2) / 2', '', ''])
    """
    named = references_of(to)
    there = [str(name) for node in signal_nodes(recording).values() for name in node["channel"].values]
    for name in named:
        if name not in there:
            fix = did_you_mean(name, there)
            expected = f"one of {', '.join(there)}"
            raise ParameterError(f"there is no reference {name!r}", expected=expected, fix=fix)
    if channels is None and types is None:
        types = ("eeg", "eog") if named else ("eeg",)
    references: dict[str, tuple[str, ...]] = {}

    def choose(name: str, node: xr.Dataset, rows: Collection[int]) -> Changed:
        who = [each for each in names_of(node, rows) if each not in named]
        pairs = [each for each in who if _is_difference(node, each)]
        who = [each for each in who if each not in pairs]
        notes = [f"{name}: {', '.join(pairs)} stay as they are, as they are differences already"] if pairs else []
        if not named and len(who) == 1:
            notes.append(f"{name}: {who[0]} stays as it is, as there is nothing to average it with")
            who = []
        references.update(dict.fromkeys(who, tuple(named or who)))
        return Changed(node, tuple(notes))

    chosen = on_chosen(recording, channels, types, choose)
    made, findings = rereferenced(chosen, references)
    notes = [*chosen.attrs.get(FILTER_NOTES, []), *map(str, findings)]
    failed = {finding.where.removeprefix("channel ") for finding in findings}
    changed = [name for name in references if name not in failed]
    if not changed:
        raise ParameterError("no channel can be given this reference", found="; ".join(notes) or "only the references",
                             fix="name others with channels=")  # fmt: skip
    made.attrs = {**chosen.attrs, **({FILTER_NOTES: notes} if notes else {})}
    for node in made.subtree:
        dataset = node.to_dataset(inherit=False)
        if SIGNAL in dataset.data_vars:
            here = [str(name) for name in dataset["channel"].values if str(name) in changed]
            if here:
                node.dataset = told(dataset, _document(named, here))
    return made


def references_of(to: str | Sequence[str]) -> tuple[str, ...]:
    """Names of the references; none for the average.

    Raises
    ------
    ParameterError
        They are no texts, or one repeats.
    """
    if isinstance(to, str):
        return () if to == AVERAGE else (to,)
    names = tuple(to)
    if not names or not all(isinstance(name, str) and name.strip() for name in names) or len(set(names)) < len(names):
        expected = "'average', or names of channels, each once"
        raise ParameterError("this is no reference", expected=expected, found=repr(to))
    return names


def _is_difference(node: xr.Dataset, name: str) -> bool:
    """Whether a channel is said to be one lead against another."""
    row = [str(each) for each in node["channel"].values].index(name)
    if DERIVED in node.coords and str(node[DERIVED].values[row]):
        return True
    return _PAIR.search(name) is not None


def _document(named: Sequence[str], channels: Sequence[str]) -> dict[str, Any]:
    mean = f"the mean of {', '.join(named)}" if len(named) > 1 else named[0] if named else "the mean of all of them"
    return {
        "name": "rereference",
        "parameters": {"to": list(named) or AVERAGE},
        "definition": f"sample - {mean}",
        "channels": list(channels),
    }
