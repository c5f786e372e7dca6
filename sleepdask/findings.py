"""What is odd about an input, what reading makes of it, and the policy that says how much may pass."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field

from sleepdask.errors import FileFormatError, ParameterError

POLICIES = ("strict", "warn", "repair")
SEVERITIES = ("note", "warning", "guess", "error")


@dataclass(frozen=True)
class Finding:
    """Something odd about a file.

    Parameters
    ----------
    severity
        "note": against the specification, but it means one thing only. "warning": something is missing or marked
        missing. "guess": it could mean something else too. "error": it cannot be read.
    code
        Short name of this kind of oddity, such as "truncated".
    message
        What it is.
    reading
        What reading makes of it.
    where
        Channel, data record and bytes of the file, as far as known.

    Examples
    --------
    >>> print(Finding("warning", "truncated", "9 of 10 data records are there", "these are read", "bytes 512 on"))
    bytes 512 on: 9 of 10 data records are there; these are read
    """

    severity: str
    code: str
    message: str
    reading: str = ""
    where: str = ""

    def __str__(self) -> str:
        said = f"{self.message}; {self.reading}" if self.reading else self.message
        return f"{self.where}: {said}" if self.where else said

    def document(self) -> dict[str, str]:
        """Itself as JSON types."""
        return asdict(self)


@dataclass
class Findings:
    """Findings of one file, collected while it is read under a policy.

    Parameters
    ----------
    path
        The file, for errors.
    policy
        "warn" lets pass what has one sound reading, "strict" refuses any finding, "repair" also lets guesses pass.
    found
        So far.
    format
        Of the file, such as "EDF+C", once it is known.
    """

    path: str | os.PathLike[str]
    policy: str = "warn"
    found: list[Finding] = field(default_factory=list)
    format: str = ""

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            raise ParameterError("unknown policy", expected=" or ".join(POLICIES), found=repr(self.policy))

    def note(self, code: str, message: str, reading: str, *, where: str = "") -> None:
        """Let pass what means one thing only; `FileFormatError` under the policy "strict"."""
        self._let_pass(Finding("note", code, message, reading, where))

    def warn(self, code: str, message: str, reading: str, *, where: str = "") -> None:
        """Let pass what is missing, or marked missing; `FileFormatError` under the policy "strict"."""
        self._let_pass(Finding("warning", code, message, reading, where))

    def guess(self, code: str, refusal: FileFormatError, reading: str, *, where: str = "") -> None:
        """Raise the refusal, unless the policy "repair" allows the reading that is the most likely one."""
        if self.policy != "repair":
            refusal.fix = f"{refusal.fix}, or read it with the policy 'repair': {reading}"
            raise refusal
        self.found.append(Finding("guess", code, str(refusal.args[0]), reading, where))

    def _let_pass(self, finding: Finding) -> None:
        if self.policy == "strict":
            where = f" ({finding.where})" if finding.where else ""
            raise FileFormatError(
                f"{finding.message}{where}",
                where=os.fspath(self.path),
                expected="nothing odd, under the policy 'strict'",
                fix=f"correct it, or read it with the policy 'warn': {finding.reading}",
            )
        self.found.append(finding)
