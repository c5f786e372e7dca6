"""Certificates of one's own, and a cluster that nobody can join without them."""

from __future__ import annotations

import builtins
import shlex
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
from dask.delayed import delayed
from distributed import Client, Security

import sleepdask as sd
from sleepdask.cli import main
from sleepdask.errors import BackendError, OutputError, ParameterError
from sleepdask.parallel import ParallelConfig, ParallelExecutor, make_tls
from sleepdask.parallel.backends import remote
from sleepdask.parallel.backends.remote import connect
from sleepdask.parallel.tls import FILES, as_security

pytest.importorskip("cryptography")


def test_three_files_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "tls"
    assert make_tls(folder) == folder
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / "ca.pem").read_bytes() == (folder / "cert.pem").read_bytes()
    assert "PRIVATE KEY" in (folder / "key.pem").read_text()
    assert "PRIVATE KEY" not in (folder / "cert.pem").read_text()


def test_each_has_its_own_key(tmp_path: Path) -> None:
    assert (make_tls(tmp_path / "a") / "key.pem").read_text() != (make_tls(tmp_path / "b") / "key.pem").read_text()


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(OutputError, match="already there") as caught:
        make_tls(tmp_path)
    assert name in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_other_files_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "README").write_text("mine")
    make_tls(str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"README", *FILES}


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write certificates"):
        make_tls(tmp_path / "file" / "tls")


def test_without_cryptography(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.split(".")[0] == "cryptography":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(BackendError, match=r"pip install 'sleepdask\[tls\]'"):
        make_tls(tmp_path / "tls")
    assert not (tmp_path / "tls").exists()


def test_what_may_stand_for_security(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert as_security(None) is None
    mine = Security(require_encryption=True)
    assert as_security(mine) is mine
    assert as_security(True).require_encryption
    make_tls(tmp_path / "tls")
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path / "tls", str(tmp_path / "tls"), "tls"):
        security = as_security(folder)
        assert security.require_encryption
        for role in ("scheduler", "worker", "client"):
            files = security.get_tls_config_for_role(role)
            assert [files[part] for part in ("ca_file", "cert", "key")] == [str(tmp_path / "tls" / x) for x in FILES]


@pytest.mark.parametrize("missing", FILES)
def test_a_folder_without_all_files(tmp_path: Path, missing: str) -> None:
    make_tls(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(ParameterError, match="certificates are missing") as caught:
        as_security(tmp_path)
    assert f"no {missing}" in str(caught.value)
    assert "sleepdask tls" in str(caught.value)


@pytest.mark.parametrize("nonsense", [7, False, ["tls"], b"tls"])
def test_what_says_nothing_about_security(nonsense: Any) -> None:
    with pytest.raises(ParameterError, match="nothing about security"):
        as_security(nonsense)


# The command line, and the cluster that the other tests start by what it prints


def test_the_commands_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "tls"
    with pytest.raises(SystemExit) as stop:
        main(["tls", str(folder)])
    assert not stop.value.code
    scheduler, worker, client = capsys.readouterr().out.splitlines()
    assert scheduler.startswith("dask scheduler --protocol tls ")
    assert worker.startswith("dask worker ")
    assert client.startswith("sleepdask extract ")
    for command in (scheduler, worker):
        words = shlex.split(command)
        for option, name in zip(("--tls-ca-file", "--tls-cert", "--tls-key"), FILES, strict=True):
            assert Path(words[words.index(option) + 1]) == folder / name


def test_a_folder_with_a_space_in_its_name_is_quoted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "my tls"
    with pytest.raises(SystemExit):
        main(["tls", str(folder)])
    scheduler, worker, client = capsys.readouterr().out.splitlines()
    assert str(folder / "key.pem") in shlex.split(scheduler)
    assert str(folder / "key.pem") in shlex.split(worker)
    assert str(folder) in shlex.split(client)


def test_the_command_replaces_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_tls(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(SystemExit) as stop:
        main(["tls", str(tmp_path)])
    assert stop.value.code == 2
    assert "already there" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_who_has_the_files_can_work(tls_cluster: Any, compute_graph: Any) -> None:
    assert tls_cluster.address.startswith("tls://")
    config = ParallelConfig(scheduler=tls_cluster.address, security=tls_cluster.certificates, require_tls=True)
    assert compute_graph(config, delayed(sum)([1, 2])) == (3,)
    assert ParallelExecutor(config).map_processes(lambda i: i + 1, range(5)) == [1, 2, 3, 4, 5]
    given = ParallelConfig(scheduler=tls_cluster.file, security=as_security(tls_cluster.certificates))
    assert compute_graph(given, delayed(sum)([3, 4])) == (7,)
    client = connect(config)
    assert all(address.startswith("tls://") for address in client.scheduler_info(n_workers=-1)["workers"])


def test_certificates_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote.socket, "create_connection", None)  # it is said before anybody is called
    with pytest.raises(BackendError, match=r"^tls://127.0.0.1:1: certificates are missing.*security=.*--security"):
        connect(ParallelConfig(scheduler="tls://127.0.0.1:1"))


def test_certificates_that_are_none(tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / name).write_text("none")
    with pytest.raises(BackendError, match="certificates cannot be used"):
        connect(ParallelConfig(scheduler="tls://127.0.0.1:1", security=tmp_path))


def test_runners_take_certificates(tls_cluster: Any) -> None:
    lazy = xr.DataArray([1.0, 2.0], dims="t").chunk()
    where = {"scheduler": tls_cluster.address, "security": tls_cluster.certificates}
    assert sd.compute(lazy.sum(), **where).item() == 3.0
    assert sd.persist(lazy.sum(), **where).compute(scheduler=connect(ParallelConfig(**where))).item() == 3.0


@pytest.mark.parametrize("how", ["plain", "other"])
def test_who_has_not_cannot_connect(
    tls_cluster: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str
) -> None:
    monkeypatch.setattr(remote, "_CONNECT_SECONDS", 2)
    address, security = tls_cluster.address, None
    if how == "plain":
        address = address.replace("tls://", "tcp://")
    elif how == "other":
        security = make_tls(tmp_path / "other")
    with pytest.raises(BackendError, match="does not answer") as caught:
        connect(ParallelConfig(scheduler=address, security=security))
    assert "security=" in str(caught.value)


@pytest.mark.slow
def test_no_thread_is_left_where_certificates_are_wanted(
    tls_cluster: Any, until: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(remote, "_CONNECT_SECONDS", 1)
    security = make_tls(tmp_path / "other")
    before = threading.active_count()
    for _ in range(2):
        with pytest.raises(BackendError, match="does not answer"):
            connect(ParallelConfig(scheduler=tls_cluster.address, security=security))
    until(lambda: threading.active_count() <= before, "the threads to end", seconds=5)


def test_a_client_of_dask_cannot_connect_either(tls_cluster: Any) -> None:
    with pytest.raises((OSError, TimeoutError)):
        Client(tls_cluster.address.replace("tls://", "tcp://"), timeout=2, set_as_default=False)


@pytest.mark.slow
@pytest.mark.parametrize("security", ["folder", True])
def test_processes_of_this_machine_over_tls(tls_cluster: Any, compute_graph: Any, security: Any) -> None:
    if security == "folder":
        security = tls_cluster.certificates
    config = ParallelConfig(backend="processes", workers=1, security=security)
    assert compute_graph(config, delayed(sum)([1, 2])) == (3,)
    from sleepdask.parallel.backends import open_backend

    with open_backend(config) as backend:
        assert backend.client.scheduler.address.startswith("tls://127.0.0.1:")
