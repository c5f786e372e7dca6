"""How far a study is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sleepdask.study.begun import FOLDER as BEGUN
from sleepdask.study.causes import causes
from sleepdask.study.files import StudyFiles
from sleepdask.study.lock import holder
from sleepdask.study.outcome import STATUSES, RecordingOutcome


def standing(files: StudyFiles, ids: Sequence[str], outcomes: Mapping[str, RecordingOutcome]) -> dict[str, Any]:
    """Count outcomes by status, tell what is left and what is running, and group what failed, as JSON types."""
    known = set(ids)
    counts = Counter(outcome.status for outcome in outcomes.values())
    wrong = [outcomes[name] for name in ids if name in outcomes and not outcomes[name].ok]
    held = holder(files)
    return {
        "location": files.location,
        "recordings": len(ids),
        "statuses": {status: counts[status] for status in STATUSES},
        "left": len(known - outcomes.keys()),
        "running_by": None if held is None else {"host": held["host"], "pid": held["pid"]},
        "begun": [name for name in files.names(BEGUN) if name in known],
        "epochs": sum(outcome.epochs for outcome in outcomes.values()),
        "seconds": round(sum(outcome.seconds for outcome in outcomes.values()), 1),
        "causes": [asdict(cause) for cause in causes(wrong, len(wrong)).listed],
    }
