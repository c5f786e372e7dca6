"""How far work has come: a protocol of three calls, and the bars that can be behind it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from sleepdask.errors import ParameterError


@runtime_checkable
class Progress(Protocol):
    """Something that shows how far work has come; calls come from one thread at a time, but not always the same."""

    def start(self, total: int | None) -> None:
        """Work begins; `total` is None where nobody knows it."""

    def advance(self, count: int = 1) -> None:
        """`count` more are done."""

    def finish(self) -> None:
        """Work has ended, well or not."""


ProgressOption = bool | str | Progress | None
"""True, False, ``"tqdm"``, ``"rich"``, an object with the methods of `Progress`, or None: see `choose_progress`."""


class Silent:
    """Shows nothing."""

    def start(self, total: int | None) -> None: ...
    def advance(self, count: int = 1) -> None: ...
    def finish(self) -> None: ...


class TqdmBar:
    """A bar of tqdm, in the terminal or as a widget of a notebook."""

    def __init__(self, description: str, unit: str = "task") -> None:
        self._description, self._unit = description, unit
        self._bar: Any = None

    def start(self, total: int | None) -> None:
        from tqdm import tqdm

        bar = tqdm
        if in_notebook():
            from tqdm.auto import tqdm as bar
        self._bar = bar(desc=self._description, total=total, unit=self._unit, leave=False, file=sys.stderr)

    def advance(self, count: int = 1) -> None:
        self._bar.update(count)

    def finish(self) -> None:
        if self._bar is not None:
            self._bar.close()


class RichBar:
    """A bar of rich, which must be installed."""

    def __init__(self, description: str, unit: str = "task") -> None:
        self._description = description
        self._bar: Any = None

    def start(self, total: int | None) -> None:
        from rich.console import Console
        from rich.progress import Progress as Bars

        self._bar = Bars(console=Console(stderr=True), transient=True)
        self._bar.start()
        self._task = self._bar.add_task(self._description, total=total)

    def advance(self, count: int = 1) -> None:
        self._bar.advance(self._task, count)

    def finish(self) -> None:
        if self._bar is not None:
            self._bar.stop()


BARS: dict[str, Callable[..., Progress]] = {"tqdm": TqdmBar, "rich": RichBar}


def choose_progress(
    description: str, wanted: ProgressOption = None, *, enabled: bool = True, unit: str = "task"
) -> Progress:
    """Give the sink for a piece of work.

    Parameters
    ----------
    description
        Text before the bar.
    wanted
        True, False, ``"tqdm"``, ``"rich"``, an object of your own with the methods of `Progress`, or None: a bar
        of tqdm if `enabled` and somebody looks at it, on a terminal or in a notebook.

    Examples
    --------
    >>> type(choose_progress("reading", False)).__name__
    'Silent'
    """
    if wanted is None:
        wanted = enabled and (sys.stderr.isatty() or in_notebook())
    if wanted is False:
        return Silent()
    name = "tqdm" if wanted is True else wanted
    if isinstance(name, str):
        if name not in BARS:
            raise ParameterError("unknown bar", expected=f"one of {', '.join(BARS)}", found=repr(name))
        return BARS[name](description, unit)
    if isinstance(name, Progress):
        return name
    raise ParameterError("this shows no progress", expected="start, advance and finish", found=type(name).__name__)


_announced: set[str] = set()


def announce(dashboard: str, progress: Progress) -> None:
    """Tell once where a cluster's dashboard is, to who looks at a bar."""
    if dashboard and dashboard not in _announced and not isinstance(progress, Silent):
        _announced.add(dashboard)
        print(f"dashboard: {dashboard}", file=sys.stderr)


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"
