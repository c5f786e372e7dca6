"""Schedulers that somebody else runs: how they are named, which are refused, and which connections are kept."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dask
import pytest
from dask.delayed import delayed
from distributed import Client

from sleepdask.errors import BackendError, ParameterError
from sleepdask.parallel import ParallelConfig, ParallelExecutor, backend_name, close_pools, open_backend
from sleepdask.parallel.backends import remote
from sleepdask.parallel.backends.remote import PlainConnectionWarning, active_client, connect

Until = Callable[..., Any]
FAR = "tcp://10.1.2.3:8786"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_CONNECT_SECONDS", 1)


@pytest.fixture
def free_port() -> int:
    """A port where nobody answers."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def client(plain_cluster: Any) -> Iterator[Client]:
    with Client(plain_cluster.address, set_as_default=False) as client:
        yield client


@pytest.fixture
def clients_made(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Options of each Client that would be made; none connects."""
    made: list[dict[str, Any]] = []

    class Fake:
        asynchronous = False
        status = "running"

        def __init__(self, **options: Any) -> None:
            made.append(options)
            address = options["address"]
            self.scheduler = SimpleNamespace(address=getattr(address, "scheduler_address", address))

        def close(self, timeout: float = 0) -> None:
            self.status = "closed"

    monkeypatch.setattr("distributed.Client", Fake)
    monkeypatch.setattr("sleepdask.parallel.backends.remote._check_that_it_listens", lambda address: None)
    return made


def forms(address: str, file: Path) -> dict[str, str | Path]:
    return {
        "url": address,
        "host and port": address.removeprefix("tcp://"),
        "file": str(file),
        "path": file,
    }


@pytest.mark.parametrize("form", ["url", "host and port", "file", "path"])
def test_a_scheduler_is_found_in_any_form(plain_cluster: Any, form: str) -> None:
    config = ParallelConfig(scheduler=forms(plain_cluster.address, plain_cluster.file)[form])
    assert backend_name(config) == "distributed"
    assert connect(config).scheduler.address == plain_cluster.address
    with open_backend(config) as backend:
        assert backend.name == "distributed"
        assert backend.workers >= 1


def test_a_file_of_any_name(plain_cluster: Any, tmp_path: Path) -> None:
    file = tmp_path / "where"
    file.write_text(plain_cluster.file.read_text())
    assert connect(ParallelConfig(scheduler=file)).scheduler.address == plain_cluster.address


def test_a_missing_file(tmp_path: Path) -> None:
    missing = tmp_path / "none.json"
    with pytest.raises(BackendError, match="scheduler file cannot be read") as caught:
        connect(ParallelConfig(scheduler=missing))
    assert "none.json" in str(caught.value)
    assert "--scheduler-file" in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"address": '])
def test_a_file_that_says_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "scheduler.json"
    file.write_text(text)
    with pytest.raises(BackendError, match="scheduler file cannot be read"):
        connect(ParallelConfig(scheduler=file))


@pytest.mark.parametrize("nonsense", ["nonsense", Path("nonsense"), "no such place"])
def test_what_is_no_address(nonsense: str | Path) -> None:
    with pytest.raises(ParameterError, match="this is no scheduler"):
        connect(ParallelConfig(scheduler=nonsense))


@pytest.mark.parametrize("nonsense", [7, object(), ["tcp://127.0.0.1:8786"]])
def test_what_is_no_scheduler(nonsense: Any) -> None:
    with pytest.raises(ParameterError, match="this is no scheduler"):
        connect(ParallelConfig(scheduler=nonsense))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("address", ["tcp://127.0.0.1:{}", "127.0.0.1:{}"])
def test_nobody_answers(free_port: int, address: str) -> None:
    with pytest.raises(BackendError, match="does not answer") as caught:
        connect(ParallelConfig(scheduler=address.format(free_port)))
    assert str(free_port) in str(caught.value)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("address", ["gopher://127.0.0.1:1", "tcp://127.0.0.1:port", "127.0.0.1:"])
def test_an_address_nobody_understands(address: str) -> None:
    with pytest.raises((BackendError, ParameterError)):
        connect(ParallelConfig(scheduler=address))


# Encryption


@pytest.mark.parametrize("address", [FAR, "ws://node7:8786", "tcp://[2001:db8::1]:8786", "node7:8786"])
def test_a_plain_connection_is_told(clients_made: list[dict[str, Any]], address: str) -> None:
    with pytest.warns(PlainConnectionWarning, match="not encrypted"):
        connect(ParallelConfig(scheduler=address))
    assert len(clients_made) == 1


@pytest.mark.parametrize("address", [FAR, "ws://node7:8786", "node7:8786", "ucx://10.1.2.3:8786"])
def test_a_plain_connection_is_refused(clients_made: list[dict[str, Any]], address: str) -> None:
    with pytest.raises(BackendError, match="require_tls"):
        connect(ParallelConfig(scheduler=address, require_tls=True))
    assert clients_made == []


@pytest.mark.parametrize(
    "address",
    [
        "tls://10.1.2.3:8786",
        "wss://node7:8786",
        "inproc://10.1.2.3/1/1",
        "tcp://127.0.0.1:8786",
        "tcp://127.8.8.8:8786",
        "tcp://[::1]:8786",
        "localhost:8786",
    ],
)
def test_what_nobody_can_read_is_fine(
    clients_made: list[dict[str, Any]], address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distributed.Security.get_connection_args", lambda *_: {"ssl_context": object()})
    connect(ParallelConfig(scheduler=address, require_tls=True))
    assert len(clients_made) == 1


def test_a_plain_file_is_checked_like_an_address(clients_made: list[dict[str, Any]], tmp_path: Path) -> None:
    file = tmp_path / "scheduler.json"
    file.write_text(json.dumps({"address": FAR}))
    with pytest.raises(BackendError, match="require_tls"):
        connect(ParallelConfig(scheduler=file, require_tls=True))
    assert clients_made == []
    with pytest.warns(PlainConnectionWarning):
        connect(ParallelConfig(scheduler=file))


def test_a_kept_connection_is_checked_again(clients_made: list[dict[str, Any]]) -> None:
    with pytest.warns(PlainConnectionWarning):
        connect(ParallelConfig(scheduler=FAR))
    with pytest.raises(BackendError, match="require_tls"):
        connect(ParallelConfig(scheduler=FAR, require_tls=True))
    connect(ParallelConfig(scheduler=FAR))
    assert len(clients_made) == 1


def test_a_plain_client_is_refused_too(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client.scheduler, "addr", FAR)
    assert client.scheduler.address == FAR
    with pytest.raises(BackendError, match="require_tls"):
        connect(ParallelConfig(scheduler=client, require_tls=True))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # who made it was not asked
        assert connect(ParallelConfig(scheduler=client)) is client


def test_a_plain_active_client_is_refused_too(plain_cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with Client(plain_cluster.address) as client:
        assert connect(ParallelConfig(backend="distributed", require_tls=True)) is client
        monkeypatch.setattr(client.scheduler, "addr", FAR)
        with pytest.raises(BackendError, match="require_tls"):
            connect(ParallelConfig(backend="distributed", require_tls=True))
        monkeypatch.undo()


# Clients of others


def test_no_scheduler_at_all() -> None:
    assert active_client() is None
    with pytest.raises(BackendError, match="has no scheduler") as caught:
        connect(ParallelConfig(backend="distributed"))
    assert "scheduler=" in str(caught.value)


def test_the_active_client_is_taken_and_left_alone(plain_cluster: Any) -> None:
    with Client(plain_cluster.address) as client:
        assert backend_name(ParallelConfig()) == "distributed"
        assert connect(ParallelConfig()) is client
        close_pools()
        assert client.status == "running"
    assert backend_name(ParallelConfig()) == "threads"


def test_a_client_that_is_no_default_is_not_taken(client: Client) -> None:
    assert active_client() is None
    assert backend_name(ParallelConfig()) == "threads"


def test_an_asynchronous_client_is_refused(plain_cluster: Any) -> None:
    async def use() -> None:
        async with Client(plain_cluster.address, asynchronous=True) as client:
            with pytest.raises(BackendError, match="asynchronous"):
                connect(ParallelConfig(scheduler=client))
            assert active_client() is None
            assert backend_name(ParallelConfig()) == "threads"

    asyncio.run(use())


def test_a_closed_client_is_refused(plain_cluster: Any) -> None:
    client = Client(plain_cluster.address, set_as_default=False)
    client.close()
    with pytest.raises(BackendError, match="not connected"):
        connect(ParallelConfig(scheduler=client))


def test_a_task_does_not_wait_for_other_tasks(plain_cluster: Any) -> None:
    def inner() -> tuple[str, int]:
        from sleepdask.parallel import ParallelConfig, ParallelExecutor, backend_name

        return backend_name(ParallelConfig()), sum(ParallelExecutor().map_processes(abs, [-1, -2]))

    with Client(plain_cluster.address) as client:
        assert client.submit(inner, pure=False).result(60) == ("sync", 3)


# Which connections are kept


def test_a_connection_is_used_again(plain_cluster: Any) -> None:
    config = ParallelConfig(scheduler=plain_cluster.address)
    first = connect(config)
    assert connect(ParallelConfig(scheduler=plain_cluster.address, workers=1)) is first
    close_pools()
    assert first.status == "closed"
    second = connect(config)
    assert second is not first
    assert second.status == "running"


def test_a_connection_is_made_anew_for_a_scheduler_that_came_back(start_elsewhere: Any, compute_graph: Any) -> None:
    gone = start_elsewhere(1)
    config = ParallelConfig(scheduler=gone.file)
    assert compute_graph(config, delayed(sum)([1, 2])) == (3,)
    first = connect(config)
    gone.scheduler.kill()
    back = start_elsewhere(1)
    gone.file.write_text(back.file.read_text())  # a job that was started again
    try:
        assert compute_graph(config, delayed(sum)([3, 4])) == (7,)
        assert connect(config) is not first
    finally:
        first.close()


def test_a_connection_that_is_replaced_is_closed(start_elsewhere: Any, until: Until) -> None:
    """Else Client.__del__ does it, which waits for ever when its thread is about to start another Client."""
    gone, back = start_elsewhere(0), start_elsewhere(0)
    config = ParallelConfig(scheduler=gone.file)
    first = connect(config)
    gone.scheduler.kill()
    until(lambda: first.status != "running", "the client to notice")
    gone.file.write_text(back.file.read_text())
    connect(config)
    try:
        assert first.status == "closed"
    finally:
        first.close()


@pytest.mark.usefixtures("impatient")
def test_no_thread_is_left_where_nobody_answers(free_port: int, until: Until) -> None:
    before = threading.active_count()
    for _ in range(2):
        with pytest.raises(BackendError, match="does not answer"):
            connect(ParallelConfig(scheduler=f"tcp://127.0.0.1:{free_port}"))
    until(lambda: threading.active_count() <= before, "the threads to end", seconds=5)


def test_the_address_that_dask_knows(plain_cluster: Any) -> None:
    with dask.config.set({"scheduler-address": plain_cluster.address}):
        config = ParallelConfig(backend="distributed")
        assert connect(config).scheduler.address == plain_cluster.address
        assert ParallelExecutor(config).map_processes(abs, [-1, -2]) == [1, 2]


def test_the_address_in_the_environment(plain_cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", plain_cluster.address)
    with dask.config.set(dask.config.collect(paths=[])):
        assert connect(ParallelConfig(backend="distributed")).scheduler.address == plain_cluster.address


def test_the_active_client_goes_before_the_address_that_dask_knows(plain_cluster: Any) -> None:
    with dask.config.set({"scheduler-address": "tcp://127.0.0.1:1"}), Client(plain_cluster.address) as client:
        assert connect(ParallelConfig(backend="distributed")) is client


# Cluster objects


def test_a_cluster_object(clients_made: list[dict[str, Any]]) -> None:
    cluster = SimpleNamespace(scheduler_address="tls://10.1.2.3:8786")
    config = ParallelConfig(scheduler=cluster)
    client = connect(config)
    assert clients_made[0]["address"] is cluster
    assert clients_made[0]["set_as_default"] is False
    assert connect(config) is client
    assert connect(ParallelConfig(scheduler=SimpleNamespace(scheduler_address="tls://10.1.2.3:8786"))) is not client


def test_a_plain_cluster_object_is_refused(clients_made: list[dict[str, Any]]) -> None:
    with pytest.raises(BackendError, match="require_tls"):
        connect(ParallelConfig(scheduler=SimpleNamespace(scheduler_address=FAR), require_tls=True))


def test_the_clusters_of_a_gateway_make_their_own_clients(plain_cluster: Any, client: Client) -> None:
    asked: list[bool] = []

    class OfGateway:
        gateway = object()
        scheduler_address = plain_cluster.address

        def get_client(self, *, set_as_default: bool = True) -> Client:
            asked.append(set_as_default)
            return client

    cluster = OfGateway()
    assert connect(ParallelConfig(scheduler=cluster)) is client
    assert connect(ParallelConfig(scheduler=cluster)) is client
    assert asked == [False]


def test_a_broken_connection_is_logged_without_its_traceback_if_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    log, told = logging.getLogger("distributed.batched"), []
    monkeypatch.setattr(log, "level", logging.INFO)
    handler = logging.Handler()
    handler.emit = told.append
    log.addHandler(handler)
    try:
        for say in (log.info, log.warning, log.error):
            try:
                raise OSError("closed")
            except OSError:
                say("Batched Comm Closed", exc_info=True)
    finally:
        log.removeHandler(handler)
    assert [record.exc_info is None for record in told] == [True, False]
