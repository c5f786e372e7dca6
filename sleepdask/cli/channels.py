"""The option that names channels by a table, for the verbs that open a recording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import xarray as xr

from sleepdask.io.recordings import open_recording
from sleepdask.signals.channels import load_channel_table
from sleepdask.signals.renaming import rename_channels

PACKAGED = "default"

channel_table_option = click.option(
    "--channel-table",
    metavar=f"FILE|{PACKAGED}",
    help=f"Call channels by the names of this YAML file put over the package's table, or of that alone ({PACKAGED}).",
)


def table_file(channel_table: str | None) -> Path | None:
    """File that the option names, if it names one."""
    return None if channel_table in (None, PACKAGED) else Path(str(channel_table))


def open_named(paths: Sequence[Path | str], channel_table: str | None, **how: Any) -> xr.DataTree:
    """Open a recording uncut, of one file or joined of several, its channels called by the table if one is given.

    Options are those of `open_recording`.
    """
    table = None if channel_table is None else load_channel_table(table_file(channel_table))
    recording = open_recording(paths if len(paths) > 1 else paths[0], chunks=None, **how)
    return recording if table is None else rename_channels(recording, table)
