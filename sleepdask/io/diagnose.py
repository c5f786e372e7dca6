"""What is odd about files, before anything is computed of them: one look at each header, many at once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from sleepdask.errors import SleepdaskError
from sleepdask.findings import POLICIES, Finding, Findings
from sleepdask.io.folders import recording_files
from sleepdask.io.readers import reader_of
from sleepdask.io.remote.file import RemoteFile
from sleepdask.parallel.executor import ParallelExecutor
from sleepdask.parallel.settings import get_parallel_config

NONE = "none"


@dataclass(frozen=True)
class Diagnosis:
    """What is odd about one file.

    Parameters
    ----------
    path
        The file.
    format
        Such as "EDF+C"; empty if it could not be told.
    policy
        The strictest one that reads it: "strict" (nothing is odd), "warn", "repair" (something is guessed) or "none".
    findings
        All that was found, in the order of the file. Where nothing reads it, the last one is an error.
    """

    path: Path | RemoteFile
    format: str
    policy: str
    findings: tuple[Finding, ...]

    def document(self) -> dict[str, Any]:
        """Itself as JSON types."""
        return {
            "path": str(self.path),
            "format": self.format,
            "policy": self.policy,
            "findings": [finding.document() for finding in self.findings],
        }


def diagnose(
    *paths: str | os.PathLike[str], layout: Any = None, storage_options: Mapping[str, Any] | None = None
) -> list[Diagnosis]:
    """Look at recordings before they are read: what is odd, and what reading makes of it.

    Headers, and in EDF+ files the times of the data records and the annotations, are read; no sample is. Files are
    looked at in parallel, by the configuration that holds here; none of them stops the others.

    Parameters
    ----------
    *paths
        Files, also behind URLs; and folders of this machine, of which every file or store at any depth is taken that
        looks like a recording by its name or its first bytes.
    layout
        What tables hold that no reader knows, as in `open_recording`.
    storage_options
        For the file systems of URLs, such as credentials.

    Returns
    -------
    list of Diagnosis
        One for each file, sorted by path within each folder.

    Raises
    ------
    ParameterError
        There is no such file or folder.

    Examples
    --------
    >>> import sleepdask as sd
    >>> [(file.path.name, file.policy) for file in sd.diagnose("night.edf")]
    [('night.edf', 'strict')]
    """
    files = [file for path in paths for file in recording_files(path, storage_options)]
    config = replace(get_parallel_config(), on_error="raise", timeout=None)  # no file fails
    return ParallelExecutor(config).map_threaded(partial(diagnose_file, layout=layout), files, desc="diagnose")


def diagnose_file(path: Path | RemoteFile, layout: Any = None) -> Diagnosis:
    """Look at one file, if it is a table by its layout."""
    found: list[Finding] = []
    for policy in POLICIES[1:]:
        findings = Findings(str(path), policy)
        try:
            reader = reader_of(path, layout)
            findings.format = reader.format
            reader.examine(path, findings)
        except SleepdaskError as error:
            found = found or [*findings.found, _refused(error)]
        except Exception as error:  # a defect of ours, or of the disk, is no reason to leave the others out
            odd = Finding("error", "unreadable", repr(error))
            return Diagnosis(path, findings.format, NONE, (*findings.found, odd))
        else:
            clean = policy == "warn" and not findings.found
            return Diagnosis(path, findings.format, "strict" if clean else policy, tuple(findings.found))
    return Diagnosis(path, findings.format, NONE, tuple(found))


def summary(diagnoses: Sequence[Diagnosis]) -> dict[str, Any]:
    """Number of files by the strictest policy that reads them, and of findings by code, as JSON types."""
    by_policy = Counter(file.policy for file in diagnoses)
    by_code = Counter(code for file in diagnoses for code in {finding.code for finding in file.findings})
    return {
        "files": len(diagnoses),
        "policies": {policy: by_policy[policy] for policy in (*POLICIES, NONE)},
        "findings": dict(by_code.most_common()),
    }


def _refused(error: SleepdaskError) -> Finding:
    compared = (("expected", error.expected), ("found", error.found))
    said = [str(error.args[0]), *(f"{name} {value}" for name, value in compared if value is not None)]
    return Finding("error", "refused", "; ".join(said), ": ".join(filter(None, ["it is refused", error.fix])))
