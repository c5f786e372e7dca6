"""A progress bar for work in this process: on a terminal only, unless asked for."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any


def progress_bar(description: str, *, wanted: bool | None = None) -> AbstractContextManager[Any]:
    """Context that shows one bar on stderr for all tasks computed inside.

    Parameters
    ----------
    description
        Text before the bar.
    wanted
        True, False, or None: only if stderr is a terminal.
    """
    if not (sys.stderr.isatty() if wanted is None else wanted):
        return nullcontext()
    from tqdm import tqdm
    from tqdm.dask import TqdmCallback

    bar: AbstractContextManager[Any] = TqdmCallback(
        desc=description, tqdm_class=tqdm, unit="task", leave=False, file=sys.stderr
    )
    return bar
