"""A whole synthetic night: stages, samples of every channel, and the EDF+ files."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sleepdask.errors import ParameterError
from sleepdask.io.atomic import staged_outputs
from sleepdask.simulate import body, brain
from sleepdask.simulate.course import Course, plan_course
from sleepdask.simulate.montage import PSG_MONTAGE, Channel
from sleepdask.simulate.noise import SampleArray
from sleepdask.simulate.stages import EPOCH_SECONDS, STAGES, simulate_stages
from sleepdask.simulate.streams import stream

if TYPE_CHECKING:
    import edfio

DEFAULT_START = dt.datetime(2024, 3, 11, 22, 47, 30)
_LONGEST_HOURS = 48
_WAVEFORMS = {"eeg": brain.eeg, "eog": brain.eog, "emg": body.emg, "ecg": body.ecg, "spo2": body.spo2}


@dataclass(frozen=True, eq=False)
class Night:
    """One synthetic night; nothing is generated before it is asked for.

    Parameters
    ----------
    stages
        "W", "N1", "N2", "N3" or "R" per 30 s epoch, shape (n_epochs,).
    montage
        Channels, with distinct labels.
    seed
        Non-negative; the same seed and stages give the same samples of a channel in any montage.
    start
        Naive local time of the first sample, in whole seconds.

    Raises
    ------
    ParameterError
        If stages, montage, seed or start is not as described.
    """

    stages: npt.NDArray[np.str_]
    montage: tuple[Channel, ...] = PSG_MONTAGE
    seed: int = 0
    start: dt.datetime = DEFAULT_START

    def __post_init__(self) -> None:
        unknown = sorted(set(self.stages.ravel().tolist()) - set(STAGES))
        if self.stages.ndim != 1 or not self.stages.size or unknown:
            raise ParameterError(
                "bad stages",
                expected=f"a non-empty 1-D array of {STAGES}",
                found=unknown or self.stages.shape,
            )
        labels = [channel.label for channel in self.montage]
        if not labels or len(set(labels)) != len(labels):
            raise ParameterError("bad montage", expected="at least one channel, distinct labels", found=labels)
        _check_seed(self.seed)
        if self.start.tzinfo is not None or self.start.microsecond or not 1985 <= self.start.year <= 2084:
            raise ParameterError(
                "bad start", expected="a naive local time in whole seconds, 1985 to 2084", found=self.start
            )

    @property
    def hours(self) -> float:
        """Length of the night in hours."""
        return len(self.stages) * EPOCH_SECONDS / 3600

    @cached_property
    def _course(self) -> Course:
        return plan_course(self.stages, self.seed)

    def samples(self, channel: Channel | str) -> SampleArray:
        """Generate the samples of one channel.

        Parameters
        ----------
        channel
            A channel, or the label of one in the montage.

        Returns
        -------
        ndarray of float32, shape (n_samples,)
            In the unit of the channel, within its physical range.

        Raises
        ------
        ParameterError
            If the montage has no channel with that label.
        """
        if isinstance(channel, str):
            channel = self._channel(channel)
        values = _WAVEFORMS[channel.signal_type](channel, self._course, self.seed)
        return np.clip(values, *channel.physical_range, out=values)

    def _channel(self, label: str) -> Channel:
        for channel in self.montage:
            if channel.label == label:
                return channel
        raise ParameterError("no such channel", expected=[c.label for c in self.montage], found=repr(label))

    def write(self, folder: str | os.PathLike[str], stem: str = "demo") -> tuple[Path, Path]:
        """Write the recording and its hypnogram as two EDF+ files, in place of earlier ones of the same name.

        Both files appear complete or not at all. The hypnogram holds one annotation per bout of a stage, such
        as "Sleep stage N2". The same night gives the same bytes, given the same numpy and scipy on the same
        kind of machine.

        Parameters
        ----------
        folder
            Where the files go; made if needed.
        stem
            The files are ``<stem>-PSG.edf`` and ``<stem>-Hypnogram.edf``.

        Returns
        -------
        tuple of Path
            The recording and the hypnogram.

        Raises
        ------
        OutputError
            If the files cannot be written.
        ParameterError
            If `stem` is not a plain file name.
        """
        if not stem or Path(stem).name != stem:
            raise ParameterError("bad stem", expected="a plain file name", found=repr(stem))
        folder = Path(folder)
        psg, hypnogram = f"{stem}-PSG.edf", f"{stem}-Hypnogram.edf"
        with staged_outputs(folder, [psg, hypnogram], force=True) as paths:
            self.write_recording(paths[psg])
            self.write_hypnogram(paths[hypnogram])
        return folder / psg, folder / hypnogram

    def write_recording(self, path: Path) -> None:
        """Write the recording alone, bit by bit: it is for the caller to let it appear whole."""
        self._recording().write(path)

    def write_hypnogram(self, path: Path) -> None:
        """Write the hypnogram alone, as `write_recording` does."""
        self._hypnogram().write(path)

    def _recording(self) -> edfio.Edf:
        import edfio

        end = len(self.stages) * EPOCH_SECONDS
        return edfio.Edf(
            [_edf_signal(channel, self.samples(channel)) for channel in self.montage],
            recording=edfio.Recording(startdate=self.start.date()),
            starttime=self.start.time(),
            data_record_duration=1,
            annotations=[
                edfio.EdfAnnotation(0, None, "Lights off"),
                edfio.EdfAnnotation(end, None, "Lights on"),
            ],
        )

    def _hypnogram(self) -> edfio.Edf:
        import edfio

        starts = np.flatnonzero(np.r_[True, self.stages[1:] != self.stages[:-1]])
        lengths = np.diff(np.r_[starts, len(self.stages)])
        return edfio.Edf(
            [],
            recording=edfio.Recording(startdate=self.start.date()),
            starttime=self.start.time(),
            annotations=[
                edfio.EdfAnnotation(
                    int(first) * EPOCH_SECONDS, int(n) * EPOCH_SECONDS, f"Sleep stage {self.stages[first]}"
                )
                for first, n in zip(starts, lengths, strict=True)
            ],
        )


def simulate_night(
    hours: float = 8.0,
    seed: int = 0,
    montage: Sequence[Channel] = PSG_MONTAGE,
    start: dt.datetime = DEFAULT_START,
) -> Night:
    """Draw a synthetic night.

    Parameters
    ----------
    hours
        Length, a whole number of 30 s epochs, at most 48 h.
    seed
        Non-negative; chooses the night.
    montage
        Channels to record.
    start
        Naive local time of the first sample, in whole seconds.

    Returns
    -------
    Night

    Raises
    ------
    ParameterError
        If an argument is out of range.

    Examples
    --------
    >>> night = simulate_night(hours=0.5, seed=7)
    >>> night.samples("C3-M2").shape
    (460800,)
    """
    n_epochs = round(hours * 3600 / EPOCH_SECONDS) if 0 < hours <= _LONGEST_HOURS else 0
    if n_epochs < 1 or abs(n_epochs * EPOCH_SECONDS - hours * 3600) > 1e-3:
        raise ParameterError(
            "bad length of night",
            expected=f"a whole number of 30 s epochs, up to {_LONGEST_HOURS} hours",
            found=f"{hours} hours",
        )
    _check_seed(seed)
    return Night(simulate_stages(n_epochs, stream(seed, "stages")), tuple(montage), seed, start)


def _check_seed(seed: int) -> None:
    if not isinstance(seed, int) or seed < 0:
        raise ParameterError("bad seed", expected="a non-negative whole number", found=repr(seed))


def _edf_signal(channel: Channel, values: SampleArray) -> edfio.EdfSignal:
    """Quantise in place: whole nights as float64, which edfio would make, need four times the memory."""
    import edfio

    low, high = channel.physical_range
    values -= np.float32((low + high) / 2)
    values *= np.float32(65535 / (high - low))
    values -= np.float32(0.5)
    digital = np.rint(values, out=values).astype(np.int16)
    return edfio.EdfSignal.from_digital(
        digital,
        channel.rate,
        label=channel.label,
        physical_dimension=channel.unit,
        physical_range=channel.physical_range,
        digital_range=(-32768, 32767),
    )
