"""The same night gives the same bytes wherever it is computed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
from distributed import Client, LocalCluster, futures_of

import sleepdask as sd
from sleepdask.cli import main
from sleepdask.features import BandPower, Hjorth, Statistics
from sleepdask.parallel import ParallelConfig, open_backend

FEATURES = (Statistics(), BandPower(), Hjorth())
SameBits = Callable[[xr.DataTree, xr.DataTree], None]


def extract(night: Path, folder: Path, *where: object) -> bytes:
    """Table that the command line writes, at most ten epochs a chunk."""
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in ("extract", night, "-o", folder, "--quiet", *where)])
    assert not stop.value.code
    return (folder / "features.parquet").read_bytes()


def ran_on(folder: Path) -> str:
    return str(json.loads((folder / "provenance.json").read_text())["parameters"]["backend"])


def tasks_run(client: Client) -> list[int]:
    """How many tasks each worker has run so far."""
    counts = client.run(lambda dask_worker: dask_worker.state.executed_count)
    return list(counts.values())


@pytest.fixture(scope="module")
def table(scored_night: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Table of the calling thread."""
    return extract(scored_night, tmp_path_factory.mktemp("sync") / "out", "--backend", "sync")


@pytest.fixture(scope="module")
def real_table(real_night: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return extract(real_night, tmp_path_factory.mktemp("sync") / "out", "--backend", "sync")


@pytest.fixture
def lazy(scored_night: Path) -> xr.DataTree:
    return sd.extract(sd.open_recording(scored_night), FEATURES, workers=2)


@pytest.fixture
def client(plain_cluster: Any) -> Iterator[Client]:
    with Client(plain_cluster.address, set_as_default=False) as client:
        yield client


@pytest.mark.parametrize("workers", ["1", "3"])
def test_threads(scored_night: Path, table: bytes, tmp_path: Path, workers: str) -> None:
    assert extract(scored_night, tmp_path / "out", "--backend", "threads", "--workers", workers) == table
    assert ran_on(tmp_path / "out") == "threads"


def test_processes(scored_night: Path, table: bytes, tmp_path: Path) -> None:
    assert extract(scored_night, tmp_path / "out", "--backend", "processes", "--workers", "2") == table
    assert ran_on(tmp_path / "out") == "processes"
    with open_backend(ParallelConfig(backend="processes", workers=2)) as backend:
        assert sum(tasks_run(backend.client)) >= 4  # those that did it are kept


@pytest.mark.parametrize("by", ["address", "file"])
def test_a_scheduler(
    scored_night: Path, table: bytes, tmp_path: Path, plain_cluster: Any, client: Client, by: str
) -> None:
    client.wait_for_workers(2, timeout=60)
    before = sum(tasks_run(client))
    scheduler = getattr(plain_cluster, by)
    assert extract(scored_night, tmp_path / "out", "--scheduler", scheduler) == table
    assert ran_on(tmp_path / "out") == "distributed"
    assert sum(tasks_run(client)) >= before + 4


@pytest.mark.slow
def test_a_scheduler_over_tls(scored_night: Path, table: bytes, tmp_path: Path, tls_cluster: Any) -> None:
    assert tls_cluster.address.startswith("tls://127.0.0.1:")
    where = ["--scheduler", tls_cluster.address, "--security", tls_cluster.certificates]
    assert extract(scored_night, tmp_path / "out", *where) == table
    config = ParallelConfig(scheduler=tls_cluster.address, security=tls_cluster.certificates, require_tls=True)
    with open_backend(config) as backend:
        assert sum(tasks_run(backend.client)) >= 4


def test_a_client_object(lazy: xr.DataTree, assert_same_bits: SameBits, plain_cluster: Any, client: Client) -> None:
    client.wait_for_workers(2, timeout=60)
    before = sum(tasks_run(client))
    done = sd.compute(lazy, scheduler=client)
    assert sum(tasks_run(client)) > before
    assert client.status == "running"  # it is not ours to close
    assert_same_bits(done, sd.compute(lazy, backend="sync"))


def test_a_client_that_is_active(lazy: xr.DataTree, assert_same_bits: SameBits, plain_cluster: Any) -> None:
    with Client(plain_cluster.address) as client:
        before = sum(tasks_run(client))
        done = sd.compute(lazy)
        assert sum(tasks_run(client)) > before
    assert_same_bits(done, sd.compute(lazy, backend="sync"))


@pytest.mark.slow
def test_a_cluster_object(lazy: xr.DataTree, assert_same_bits: SameBits) -> None:
    with LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster:
        done = sd.compute(lazy, scheduler=cluster)
        with Client(cluster, set_as_default=False) as client:
            assert sum(tasks_run(client)) > 0
        sd.parallel.close_pools()
        assert cluster.status.name == "running"
    assert_same_bits(done, sd.compute(lazy, backend="sync"))


@pytest.mark.parametrize(
    "where",
    ["threads", "processes", "distributed"],
)
def test_persisted(lazy: xr.DataTree, assert_same_bits: SameBits, plain_cluster: Any, where: str) -> None:
    options: dict[str, Any] = {"backend": where, "workers": 2}
    if where == "distributed":
        options["scheduler"] = plain_cluster.address
    kept = sd.persist(lazy, **options)
    mean = kept["100Hz/mean"]
    assert mean.chunks
    if where != "threads":
        assert all(future.status == "finished" for future in futures_of(mean))
        assert futures_of(mean)
    done = sd.compute(kept, **options)
    assert not done["100Hz/mean"].chunks
    assert_same_bits(done, sd.compute(lazy, backend="sync"))


@pytest.mark.slow
@pytest.mark.parametrize("where", ["threads", "processes", "distributed", "tls"])
def test_a_real_night(
    real_night: Path, real_table: bytes, tmp_path: Path, request: pytest.FixtureRequest, where: str
) -> None:
    options: list[object] = ["--backend", where, "--workers", "2"]
    if where == "distributed":
        options = ["--scheduler", request.getfixturevalue("plain_cluster").file]
    elif where == "tls":
        cluster = request.getfixturevalue("tls_cluster")
        options = ["--scheduler", cluster.address, "--security", cluster.certificates]
    assert extract(real_night, tmp_path / "out", *options) == real_table
    assert ran_on(tmp_path / "out") == ("distributed" if where == "tls" else where)


@pytest.mark.slow
def test_ray(scored_night: Path, table: bytes, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    command = [sys.executable, "-m", "sleepdask", "extract", str(scored_night), "-o", str(tmp_path / "out")]
    done = subprocess.run([*command, "--backend", "ray", "--workers", "2"], capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "features.parquet").read_bytes() == table
    assert ran_on(tmp_path / "out") == "ray"
