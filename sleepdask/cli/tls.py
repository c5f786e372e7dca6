"""``sleepdask tls``: certificates for a cluster of your own."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

import click

from sleepdask.cli.output import DONE, output_options, show
from sleepdask.parallel.tls import AUTHORITY, CERTIFICATE, KEY, make_tls


@click.command("tls")
@click.argument("folder", type=click.Path(path_type=Path))
@output_options
def command(folder: Path, *, quiet: bool, as_json: bool) -> int:
    """Make certificates for a Dask scheduler, its workers and its clients, and say how they are used.

    Whoever has the files of FOLDER can run code on the cluster: give them to its machines only.
    """
    made = make_tls(folder)
    options = {"--tls-ca-file": AUTHORITY, "--tls-cert": CERTIFICATE, "--tls-key": KEY}
    files = " ".join(f"{option} {quote(str(made / name))}" for option, name in options.items())
    commands = {
        "scheduler": f"dask scheduler --protocol tls {files}",
        "worker": f"dask worker {files} tls://HOST:8786",
        "client": f"sleepdask extract ... --scheduler tls://HOST:8786 --security {quote(str(made))}",
    }
    show({"folder": str(made), "commands": commands}, "\n".join(commands.values()), as_json=as_json, quiet=quiet)
    return DONE
