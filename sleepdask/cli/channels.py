"""The option that names channels by a table, for the verbs that open a recording."""

from __future__ import annotations

from pathlib import Path

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


def open_named(path: Path, channel_table: str | None, policy: str, dtype: str | None = None) -> xr.DataTree:
    """Open a recording uncut, its channels called by the table if one is given."""
    table = None if channel_table is None else load_channel_table(table_file(channel_table))
    recording = open_recording(path, chunks=None, policy=policy, dtype=dtype)
    return recording if table is None else rename_channels(recording, table)
