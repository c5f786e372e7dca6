"""The command line: ``sleepdask VERB``, one small file a verb, each imported when it is called."""

from __future__ import annotations

from sleepdask.cli.main import main

__all__ = ["main"]
