"""Schedulers that somebody else runs: found, checked and connected to."""

from __future__ import annotations

import atexit
import ipaddress
import json
import logging
import multiprocessing
import os
import socket
import sys
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import dask

from sleepdask.errors import BackendError, ParameterError
from sleepdask.parallel.config import ParallelConfig
from sleepdask.parallel.tls import as_security

if TYPE_CHECKING:
    from distributed import Client, Security

_CONNECT_SECONDS = 10
_CLOSE_SECONDS = 2
_clients: dict[Any, tuple[Any, Client]] = {}  # beside each client what it was made from, so that its id stays its own
_lock = threading.Lock()
os.register_at_fork(after_in_child=_clients.clear)


class _Brief(logging.Filter):
    """Keeps what a broken connection says, and tracebacks of it, away: who waits for a result is told by an error."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.ERROR:
            record.exc_info = None
        return record.levelno >= logging.WARNING


logging.getLogger("distributed.batched").addFilter(_Brief())


class PlainConnectionWarning(UserWarning):
    """Whoever is on the way to the scheduler can read the data and run code."""


def connect(config: ParallelConfig) -> Client:
    """Connect to the scheduler that a configuration names, else take the active Client; connections are kept.

    Raises
    ------
    BackendError
        There is none, it does not answer, or `require_tls` forbids it.
    """
    source = config.scheduler or _from_dask()
    if source is None:
        client = active_client()
        if client is None:
            fix = "give scheduler=, set DASK_SLEEPDASK__PARALLEL__SCHEDULER, or make a distributed.Client"
            raise BackendError("backend 'distributed' has no scheduler", fix=fix)
        return _checked(client, config)
    from distributed import Client

    if isinstance(source, Client):
        return _checked(source, config)
    key = str(source) if isinstance(source, str | Path) else id(source)
    with _lock:
        kept = _clients.get((key, config.security))
        if kept and kept[1].status == "running":
            return _checked(kept[1], config)
        if kept:
            _close(kept[1])
        client = _new_client(source, config)
        _clients[key, config.security] = (source, client)
    return client


def active_client() -> Client | None:
    """Return the Client that Dask would use by itself; None in a task of a cluster, and if it is asynchronous."""
    if "distributed" not in sys.modules or in_task():
        return None
    from distributed import Client

    try:
        client = Client.current(allow_global=True)
    except ValueError:
        return None
    return None if client.asynchronous or client.status != "running" else client


def in_task() -> bool:
    """Whether this thread is busy with a task of a cluster, or belongs to a process that does nothing else."""
    worker = sys.modules.get("distributed.worker")
    busy = worker is not None and hasattr(worker.thread_state, "execution_state")
    return busy or multiprocessing.current_process().daemon


def close_clients() -> None:
    """Drop all connections made here; clusters go on."""
    with _lock:
        while _clients:
            with suppress(Exception):  # a scheduler that is gone needs no end
                _close(_clients.popitem()[1][1])


def _close(client: Client) -> None:
    """Close a connection; one that looks for a scheduler which is gone is torn off, of which it would complain."""
    log, lost = logging.getLogger("distributed.client"), client.status != "running"

    def hush(_: logging.LogRecord) -> bool:
        return not lost

    log.addFilter(hush)
    try:
        client.close(timeout=_CLOSE_SECONDS)
    finally:
        log.removeFilter(hush)


atexit.register(close_clients)


def _from_dask() -> str | None:
    """Address that Dask itself would take (``DASK_SCHEDULER_ADDRESS``)."""
    address: str | None = dask.config.get("scheduler-address", None)
    return None if active_client() else address


def _new_client(source: Any, config: ParallelConfig) -> Client:
    options: dict[str, Any] = {"set_as_default": False, "timeout": _CONNECT_SECONDS}
    security = as_security(config.security)
    if security is not None:
        options["security"] = security
    if isinstance(source, str | Path):
        address = _address(source)
        _check_address(address, config, warn=True)
        _check_certificates(address, security)
        _check_that_it_listens(address)
        options["address"] = address
    elif hasattr(source, "scheduler_address") or hasattr(source, "get_client"):
        if hasattr(source, "gateway"):  # dask-gateway's own way in
            return _checked(source.get_client(set_as_default=False), config)
        options["address"] = source
    else:
        expected = "an address, a scheduler file, a Client or a cluster"
        raise ParameterError("this is no scheduler", expected=expected, found=repr(source))
    try:
        client = _tidy_client()(**options)
    except (OSError, TimeoutError, ValueError, RuntimeError, TypeError) as error:
        raise _no_answer(options["address"], error) from error
    return _checked(client, config)


def _tidy_client() -> type[Client]:
    """Client that leaves no thread behind if it cannot connect: collected as garbage later, it could block another.

    It remembers few of the messages that it has sent: by default they are a thousand, some 50 MB.
    """
    from distributed import Client

    class TidyClient(Client):  # type: ignore[misc]
        def start(self, **options: Any) -> None:
            try:
                with dask.config.set({"distributed.admin.low-level-log-length": 100}):
                    super().start(**options)
            except BaseException:
                self._loop_runner.stop()
                self.status = "closed"
                raise

    return TidyClient


def _no_answer(where: object, error: Exception) -> BackendError:
    fix = "is it running, is the address right, does it want tls:// and its certificates (security=)?"
    return BackendError("the scheduler does not answer", where=where, found=str(error) or type(error).__name__, fix=fix)


def _check_certificates(address: str, security: Security | None) -> None:
    from distributed import Security

    if urlsplit(address).scheme != "tls":
        return
    try:
        context = (security or Security()).get_connection_args("client")["ssl_context"]
    except OSError as error:
        raise BackendError("the certificates cannot be used", where=address, found=str(error)) from error
    if context is None:
        fix = "say where they are with security= (--security on the command line); sleepdask tls FOLDER makes them"
        raise BackendError("certificates are missing, without which nobody connects", where=address, fix=fix)


def _check_that_it_listens(address: str) -> None:
    """Fail at once where nobody listens; a Client would try for long, and leave its thread behind."""
    try:
        url = urlsplit(address)
        port = url.port
    except ValueError as error:
        raise ParameterError(
            "this is no address of a scheduler", expected="such as tls://host:8786", found=address
        ) from error
    if url.scheme in ("tcp", "tls") and url.hostname and port:
        try:
            socket.create_connection((url.hostname, port), _CONNECT_SECONDS).close()
        except OSError as error:
            raise _no_answer(address, error) from error


def _address(source: str | Path) -> str:
    """Address itself, or that in a scheduler file."""
    text = str(source)
    path = Path(text)
    if isinstance(source, str) and "://" in text:
        return text
    if path.suffix != ".json" and not path.is_file():
        if isinstance(source, Path) or ":" not in text:
            raise ParameterError(
                "this is no scheduler", expected="such as tls://host:8786, or a scheduler file", found=text
            )
        return f"tcp://{text}"
    try:
        return str(json.loads(path.read_text("utf-8"))["address"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackendError(
            "the scheduler file cannot be read", where=path, found=f"{type(error).__name__}: {error}",
            fix="is the scheduler running with --scheduler-file, and is the path shared?",
        ) from error  # fmt: skip


def _checked(client: Client, config: ParallelConfig) -> Client:
    if client.asynchronous:
        raise BackendError("an asynchronous Client cannot be waited for", fix="use Client(asynchronous=False)")
    if client.status != "running":
        raise BackendError("the Client is not connected", found=client.status, fix="make a new one")
    _check_address(client.scheduler.address, config, warn=False)
    return client


def _check_address(address: str, config: ParallelConfig, *, warn: bool) -> None:
    url = urlsplit(address)
    if url.scheme in ("tls", "inproc", "wss") or _is_loopback(url.hostname or ""):
        return
    if config.require_tls:
        fix = "use tls://, with certificates from: sleepdask tls FOLDER"
        raise BackendError("the connection would not be encrypted, which require_tls forbids", where=address, fix=fix)
    if warn:
        warnings.warn(
            f"{address}: not encrypted: whoever is on the way can read the data and run code; use tls://",
            PlainConnectionWarning,
            stacklevel=2,
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
