"""Every error the package raises on purpose: what is wrong, where, what was expected and found, one way to fix it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class SleepdaskError(Exception):
    """Base of all errors raised by sleepdask.

    Parameters
    ----------
    what
        What is wrong, as a short clause.
    where
        File, recording, channel or epoch the error belongs to.
    expected, found
        What was expected and what was found instead.
    fix
        One way to repair it.

    Examples
    --------
    >>> print(SleepdaskError("no such channel", where="night.edf", found="C9", fix="use 'C3'"))
    night.edf: no such channel; found C9; use 'C3'
    """

    def __init__(
        self,
        what: str,
        *,
        where: object = "",
        expected: object = None,
        found: object = None,
        fix: str = "",
    ) -> None:
        super().__init__(what)
        self.where = str(where)
        self.expected = expected
        self.found = found
        self.fix = fix

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.args[0]}" if self.where else str(self.args[0])]
        if self.expected is not None:
            parts.append(f"expected {self.expected}")
        if self.found is not None:
            parts.append(f"found {self.found}")
        if self.fix:
            parts.append(self.fix)
        return "; ".join(parts)


class FileFormatError(SleepdaskError, ValueError):
    """A file is not what it claims to be, or not of a kind that can be read without guessing."""


class ParameterError(SleepdaskError, ValueError):
    """An argument is unknown, outside its range, or does not fit the data."""


class RemoteFileError(SleepdaskError, OSError):
    """A file on another machine cannot be reached, or not read in parts."""


class ChangedFileError(SleepdaskError, OSError):
    """A file is not as it was a moment ago: it is still being written, or was replaced."""


class OutputError(SleepdaskError, OSError):
    """A result cannot be written, or would replace one that is already there."""


class ConcurrencyError(SleepdaskError, RuntimeError):
    """A lock or cache is used in a way that would wait for itself for ever."""


class BackendError(SleepdaskError, RuntimeError):
    """What should run the work cannot be started, cannot be reached, or has gone."""


class WorkerLostError(BackendError):
    """A worker died each time it ran this piece of work."""


class TooSlowError(SleepdaskError, TimeoutError):
    """Work did not end within its time."""


class StudyStoppedError(SleepdaskError, RuntimeError):
    """A study was ended before all its recordings were done, as too many of them failed."""


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """Suggest the nearest of the choices, to close an error with; empty if none is near.

    Examples
    --------
    >>> did_you_mean("statistic", ["bandpower", "statistics"])
    "did you mean 'statistics'?"
    """
    near = get_close_matches(name, list(choices), n=1, cutoff=0.3)
    return f"did you mean {near[0]!r}?" if near else ""
