"""Arguments and options about the files a verb reads: where they are, and whether what identifies people stays."""

from __future__ import annotations

from pathlib import Path

import click

from sleepdask.io.beside import Beside

IDENTITY_NOTE = "this output holds what the header says of the patient, the staff and the device (--keep-identity)"

also_option = click.option(
    "--also",
    type=Beside.of,
    multiple=True,
    metavar="[NAME=]PATH",
    help="What another device recorded at the same time, such as watch=watch.csv; it stands beside the recording, and"
    " its channels begin with the name. Repeatable; several of one name are joined.",
)

keep_identity_option = click.option(
    "--keep-identity",
    is_flag=True,
    help="Also give what the header says of the patient, the staff and the device.",
)

layout_option = click.option(
    "--layout",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="YAML file that says what the columns of a table (CSV, TSV, Parquet) hold.",
)


def location(value: str) -> Path | str:
    """Path of a file of this machine, or the URL of one on another, left as it is."""
    return value if "://" in value else Path(value)
