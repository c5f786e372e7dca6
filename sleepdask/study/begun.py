"""How often a recording was begun: a count that outlives the worker."""

from __future__ import annotations

from contextlib import suppress

from sleepdask.study.files import StudyFiles

FOLDER = ".begun"


class Begun:
    """Count of the attempts at one recording that have not come to an end."""

    def __init__(self, files: StudyFiles, recording_id: str) -> None:
        self._files = files
        self._name = f"{FOLDER}/{recording_id}"

    @property
    def count(self) -> int:
        """Attempts so far."""
        with suppress(FileNotFoundError, ValueError):
            return int(self._files.read(self._name))
        return 0

    def again(self) -> int:
        """Count one more, and tell how many there were with it."""
        count = self.count + 1
        self._files.write(self._name, str(count).encode(), lasting=False)
        return count

    def end(self) -> None:
        """Forget them: one has come to its end."""
        self._files.remove(self._name)
