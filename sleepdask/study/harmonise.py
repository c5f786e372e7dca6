"""One set of columns out of recordings that name, reference and scale their channels in ways of their own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import xarray as xr

from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.filters.preprocessing import Preprocessing
from sleepdask.signals.channels import ChannelTable, load_channel_table, with_aliases
from sleepdask.signals.conversion import described_channels, in_units
from sleepdask.signals.montage import Montage, check_montage, derived
from sleepdask.signals.recording import matches, names_meant, only_channels, recording_id, signal_nodes
from sleepdask.signals.renaming import rename_channels
from sleepdask.signals.types import TYPES
from sleepdask.signals.units import UNITS, dimension, normal_unit, ratio

PACKAGED = "default"


class Harmonised(NamedTuple):
    """What harmonising gave: the recording, the wanted channels that it lacks, and what is to be told."""

    recording: xr.DataTree
    missing: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Harmonisation:
    """How the channels of any recording of a study become those of the study.

    Parameters
    ----------
    table
        Canonical names; None leaves labels as the files have them.
    montage
        Channels to derive, as in `derive_channels`, under canonical names.
    wanted
        Names or globs of the channels to keep; None keeps all.
    units
        Unit by signal type, or by name or glob of channels. A name says more than a glob, a glob more than a type.

    Raises
    ------
    ParameterError
        A unit is not known, the montage makes no sense, or nothing is wanted.

    Examples
    --------
    >>> import sleepdask as sd
    >>> lab = sd.recording_from_arrays({"1": [0.5], "A2": [0.25], "Chin": [0.0]}, rate=100, unit="mV")
    >>> study = Harmonisation.of(aliases={"C3": ["1", "EEG C3"], "M2": ["A2"]}, montage={"C3-M2": ("C3", "M2")},
    ...                          wanted=("C3-M2", "C4-M1"), units={"eeg": "uV"})
    >>> recording, missing, notes = study.apply(lab)
    >>> recording["100Hz"]["channel"].values.tolist(), recording["100Hz"]["signal"].values.tolist(), missing
    (['C3-M2'], [[250.0]], ('C4-M1',))
    """

    table: ChannelTable | None = None
    montage: Montage = field(default_factory=dict)
    wanted: tuple[str, ...] | None = None
    units: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "montage", check_montage(self.montage))
        object.__setattr__(self, "units", {key: check_unit(key, unit) for key, unit in self.units.items()})
        if self.wanted is not None:
            object.__setattr__(self, "wanted", check_wanted(self.wanted))

    @classmethod
    def of(
        cls,
        channel_table: str | os.PathLike[str] | None = None,
        aliases: Mapping[str, Sequence[str]] | None = None,
        montage: Montage | None = None,
        wanted: str | Sequence[str] | None = None,
        units: Mapping[str, str] | None = None,
    ) -> Harmonisation:
        """Make one of what people write.

        Parameters
        ----------
        channel_table
            ``"default"`` for the table of the package, or the path of a file that is put over it.
        aliases
            Labels by canonical name, put over that table, or over the package's if none is given. With neither,
            labels stay as they are.
        montage, wanted, units
            As above.
        """
        table = None
        if channel_table is not None:
            table = load_channel_table(None if channel_table == PACKAGED else channel_table)
        if aliases:
            table = with_aliases(aliases, table)
        return cls(table, montage or {}, None if wanted is None else check_wanted(wanted), units or {})

    def document(self) -> dict[str, Any]:
        """All that its result depends on, as JSON types in an order of its own."""
        table = self.table
        return {
            "names": None if table is None else dict(sorted(table.names.items())),
            "types": None if table is None else dict(sorted(table.types.items())),
            "montage": {name: [parts[0], list(parts[1])] for name, parts in sorted(self.montage.items())},
            "wanted": None if self.wanted is None else list(self.wanted),
            "units": dict(sorted(self.units.items())),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Harmonisation:
        """Make the one that `document` describes."""
        table = None if document["names"] is None else ChannelTable(document["names"], document["types"])
        montage = {name: (first, tuple(others)) for name, (first, others) in document["montage"].items()}
        wanted = None if document["wanted"] is None else tuple(document["wanted"])
        return cls(table, montage, wanted, document["units"])

    def apply(self, recording: xr.DataTree, preprocessing: Preprocessing | None = None) -> Harmonised:
        """Rename, derive, select and convert; lazy, no sample is read.

        Parameters
        ----------
        recording
            As `open_recording` gives it.
        preprocessing
            What is done to the signals: a new reference once channels are derived, which keep theirs; filters last.

        Returns
        -------
        recording
            With the channels of the study, in its units.
        missing
            Wanted names and globs that no channel is left for; if all channels are wanted, derived channels that
            could not be made.
        notes
            Why: channels that could not be derived, those taken out as their unit cannot be converted, and derived
            names that the recording has already.

        Raises
        ------
        ParameterError
            The recording has no signals, or none of the wanted channels is left.
        """
        if self.table is not None:
            recording = rename_channels(recording, self.table)
        recording, findings = derived(recording, self.montage)
        notes = [str(finding) for finding in findings]
        if preprocessing is not None:
            recording = preprocessing.referenced(recording)
        there = _channels(recording)
        meant = there.keys() if self.wanted is None else names_meant(there, self.wanted)
        kept = [name for name in there if name in meant]
        units = {name: self._unit(name, *there[name], recording) for name in kept}
        refused = {name: why for name in kept if (why := _why_not(there[name][1], units[name]))}
        notes += [f"channel {name}: {why}; it is taken out" for name, why in refused.items()]
        kept = [name for name in kept if name not in refused]
        if not kept:
            raise self._nothing_left(recording, list(there), refused)
        if len(kept) < len(there):
            recording = only_channels(recording, kept)
        recording = in_units(recording, {name: units[name] for name in kept})
        if preprocessing is not None:
            recording = preprocessing.filtered(recording)
            kept = list(_channels(recording))
        patterns = tuple(self.montage) if self.wanted is None else self.wanted
        missing = tuple(pattern for pattern in patterns if not names_meant(kept, [pattern]))
        return Harmonised(recording, missing, tuple(notes))

    def _unit(self, name: str, kind: str, unit: str, recording: xr.DataTree) -> str:
        """Unit that is asked for, or the one it has."""
        globs = {key: new for key, new in self.units.items() if key not in TYPES and matches(name, key)}
        if name not in globs and len(set(globs.values())) > 1:
            where = f"{recording_id(recording)}, channel {name}"
            found = ", ".join(f"{key!r}: {new!r}" for key, new in globs.items())
            raise ParameterError("two units are asked for", where=where, found=found, fix="give the channel by name")
        return globs.get(name) or next(iter(globs.values()), self.units.get(kind, unit))

    def _nothing_left(self, recording: xr.DataTree, there: list[str], refused: Mapping[str, str]) -> ParameterError:
        if refused:
            found = ", ".join(f"{name}: {why}" for name, why in refused.items())
            return ParameterError("no channel is left", where=recording_id(recording), found=found)
        wanted = self.wanted or ()
        near = (did_you_mean(pattern, there) for pattern in wanted)
        return ParameterError(
            "none of the wanted channels is there",
            where=recording_id(recording),
            expected=f"some of {', '.join(wanted)}",
            found=", ".join(there),
            fix=next(filter(None, near), "") or "put its labels among the aliases of the study",
        )


def check_wanted(wanted: str | Sequence[str]) -> tuple[str, ...]:
    """Names or globs of channels; `ParameterError` if there are none, or one is no text."""
    names = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    if not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise ParameterError("no channel is wanted", expected="names or globs of channels", found=repr(wanted))
    return tuple(dict.fromkeys(names))


def check_unit(key: str, unit: str) -> str:
    """Canonical spelling of a unit for channels of a type, or of a name; `ParameterError` if it is not known."""
    spelled = normal_unit(unit, key) if isinstance(unit, str) else ""
    if not dimension(spelled):
        known = [each.name for each in UNITS]
        fix = did_you_mean(str(unit), known)
        expected = f"one of {', '.join(known)}"
        raise ParameterError("unknown unit", where=f"units of {key!r}", expected=expected, found=repr(unit), fix=fix)
    if key in TYPES and TYPES[key].dimensions and dimension(spelled) not in TYPES[key].dimensions:
        expected = f"a unit of {' or '.join(TYPES[key].dimensions)}"
        raise ParameterError("signals of this type have no such unit", where=f"units of {key!r}", expected=expected,
                             found=repr(unit))  # fmt: skip
    return spelled


def _channels(recording: xr.DataTree) -> dict[str, tuple[str, str]]:
    """Type and unit of each channel, fastest node first."""
    where = recording_id(recording)
    nodes = signal_nodes(recording).values()
    return {name: (kind, unit) for node in nodes for name, kind, unit in described_channels(node, where)}


def _why_not(unit: str, wanted: str) -> str:
    if unit == wanted or ratio(unit, wanted) is not None:
        return ""
    if not unit:
        return f"it has no unit, and {wanted} is wanted"
    if not dimension(unit):
        return f"its unit {unit} is not known, and {wanted} is wanted"
    return f"no factor converts its unit {unit} into {wanted}"
