"""Certificates for a scheduler and its workers: nobody without them can connect, or listen."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sleepdask.errors import BackendError, OutputError, ParameterError

if TYPE_CHECKING:
    from distributed import Security

AUTHORITY, CERTIFICATE, KEY = FILES = ("ca.pem", "cert.pem", "key.pem")


def make_tls(folder: str | os.PathLike[str]) -> Path:
    """Write a new certificate and its key, for a scheduler, its workers and its clients alike.

    Whoever has the files can connect and run code, so they are readable by their owner only. Copy the folder to
    the machines of a cluster. The certificate is its own authority, and valid for a year.

    Parameters
    ----------
    folder
        New, or empty of the three files ``ca.pem``, ``cert.pem`` and ``key.pem``.

    Raises
    ------
    OutputError
        One of the files is already there.
    BackendError
        The package `cryptography` is missing.

    Examples
    --------
    >>> sorted(path.name for path in make_tls("out/tls").iterdir())
    ['ca.pem', 'cert.pem', 'key.pem']
    """
    target = Path(folder)
    present = [name for name in FILES if (target / name).exists()]
    if present:
        raise OutputError("already there", where=target / present[0], fix="choose another folder")
    from distributed import Security

    try:
        made = Security.temporary()
    except ImportError as error:
        raise BackendError("making certificates needs cryptography", fix="pip install 'sleepdask[tls]'") from error
    try:
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, text in zip(FILES, (made.tls_ca_file, made.tls_client_cert, made.tls_client_key), strict=True):
            path = target / name
            path.touch(mode=0o600, exist_ok=False)
            path.write_text(text, "ascii")
    except OSError as error:
        raise OutputError("cannot write certificates", where=target, found=error.strerror) from error
    return target


def as_security(source: Any) -> Security | None:
    """Give Dask's description of what a connection needs.

    Parameters
    ----------
    source
        Folder of `make_tls`, a `distributed.Security`, True (certificates made up on the spot), or None: what
        Dask's configuration says.
    """
    if source is None:
        return None
    from distributed import Security

    if isinstance(source, Security):
        given: Security = source
        return given
    if source is True:
        return Security.temporary()
    if not isinstance(source, str | os.PathLike):
        raise ParameterError("this says nothing about security", expected="a folder or a Security", found=repr(source))
    folder = Path(source).absolute()
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        fix = "make them with: sleepdask tls FOLDER"
        raise ParameterError(
            "certificates are missing", where=folder, expected=", ".join(FILES), found=f"no {missing[0]}", fix=fix
        )
    pair = {
        f"tls_{role}_{part}": str(folder / name)
        for role in ("scheduler", "worker", "client")
        for part, name in (("cert", CERTIFICATE), ("key", KEY))
    }
    return Security(tls_ca_file=str(folder / AUTHORITY), require_encryption=True, **pair)
