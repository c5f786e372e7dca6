"""The page on faults says what the readers do."""

from __future__ import annotations

import re

import faults_page
import pytest
from edf_fault_table import FAULTS
from edf_readings import PEERS, peer_version

from sleepdask.cli import main


def test_our_column_is_what_we_do(tmp_path):
    assert faults_page.column(faults_page.OURS) == faults_page.our_column(tmp_path)


def test_every_fault_has_a_row_and_every_reader_a_version():
    titles = [fault.title for fault in FAULTS]
    for reader in (faults_page.OURS, *PEERS):
        column = faults_page.column(reader)
        assert list(column) == titles
        assert all(column.values()), reader
    assert all(faults_page.versions().values())


def test_we_are_never_wrong_in_silence():
    for cell in faults_page.column(faults_page.OURS).values():
        assert cell.startswith(("right", "refuses"))


@pytest.mark.parametrize("peer", PEERS)
def test_column_of_another_reader_is_what_it_does(peer, tmp_path):
    version, there = faults_page.versions()[peer], peer_version(peer)
    if there != version:
        pytest.skip(f"the page is about {peer} {version}; here is {there or 'none'}")
    assert faults_page.column(peer) == faults_page.peer_column(peer, tmp_path)


def test_writing_the_page_keeps_columns_of_readers_that_are_not_there(tmp_path, monkeypatch):
    page = tmp_path / "faults.md"
    page.write_text(faults_page.PAGE.read_text("utf-8"), "utf-8")
    monkeypatch.setattr(faults_page, "PAGE", page)
    monkeypatch.setattr(faults_page, "peer_version", lambda peer: "")
    before = page.read_text("utf-8")
    faults_page.write()
    assert page.read_text("utf-8") == before


def test_command_of_the_page_tells_every_code_of_the_page(tmp_path, monkeypatch, capsys):
    (command,) = re.findall(r"```\nsleepdask (.*)\n```", faults_page.PAGE.read_text("utf-8"))
    (tmp_path / "nights").mkdir()
    for fault in FAULTS:
        fault.write(tmp_path / "nights")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(command.split())
    printed = capsys.readouterr().out
    assert {code for fault in FAULTS for code in fault.codes} <= set(printed.split())
    assert f"{len(FAULTS)} files: {sum(fault.policy == 'strict' for fault in FAULTS)} nothing odd" in printed
