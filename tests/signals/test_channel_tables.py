"""Tables of channel names: the package's own, and what users put over it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import sleepdask as sd
from sleepdask.errors import FileFormatError
from sleepdask.signals.channels import ChannelTable, canonical_name, load_channel_table
from sleepdask.signals.types import TYPES, UNKNOWN, signal_type

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "channels.yaml"
        path.write_text(text, "utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("C3-M2", "C3-M2"),
        ("C3-A2", "C3-M2"),
        ("EEG C3-A2", "C3-M2"),
        ("c3:m2", "C3-M2"),
        ("C3-A2 #2", "C3-M2"),
        (" thor   res ", "Thorax"),
        ("EOG(L)", "EOG left"),
        ("LEG/L", "EMG left leg"),
        ("H.R.", "Heart rate"),
        ("Flow.40ms", "PAP flow"),
        ("C3-M1", "C3-M1"),
        ("EEG(sec)", "EEG(sec)"),
        ("X1", "X1"),
        ("", ""),
    ],
)
def test_names_of_the_package(label: str, name: str) -> None:
    assert canonical_name(label) == name


def test_the_package_says_no_type_that_a_label_denies() -> None:
    table = load_channel_table()
    assert set(table.types) == set(table.names.values())
    for label, name in table.names.items():
        assert signal_type(label) in {table.types[name], UNKNOWN}, label


def test_users_extend_and_override(write: Write) -> None:
    path = write(
        "C4-M1: {aliases: [EEG]}\n"  # the package's own name and type, one label more
        "C3-A2:\n  type: eeg\n"  # a label of the package as a name
        "Thorax belt: {aliases: [Thorax]}\n"  # a name of the package as a label: all its labels follow
        "Chin: {aliases: [1-2, 2-F, '1']}\n"
        "Position: {type: status}\n"
    )
    table = load_channel_table(path)
    names = {label: canonical_name(label, table) for label in ("EEG", "C4-A1", "EEG C3-A2", "C3-A2", "THOR RES", "1-2")}
    assert names == {
        "EEG": "C4-M1",
        "C4-A1": "C4-M1",
        "EEG C3-A2": "C3-M2",
        "C3-A2": "C3-A2",
        "THOR RES": "Thorax belt",
        "1-2": "Chin",
    }
    assert (table.types["C4-M1"], table.types["Thorax belt"], table.types["Position"]) == ("eeg", "resp", "status")
    assert "Thorax" not in table.types
    assert canonical_name("EEG") == "EEG"
    assert canonical_name("Chin EMG", table) == "EMG chin"


def test_a_name_of_the_package_in_other_letters_is_the_users(write: Write) -> None:
    table = load_channel_table(write("SPO2: {aliases: [Sat 1]}"))
    assert {canonical_name(label, table) for label in ("SpO2", "SaO2", "sat 1")} == {"SPO2"}
    assert table.types["SPO2"] == "spo2"


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "X1:\n"])
def test_a_table_may_say_little(write: Write, text: str) -> None:
    table = load_channel_table(write(text))
    assert canonical_name("C3-A2", table) == "C3-M2"
    assert canonical_name("x1", table) == ("X1" if text.startswith("X1") else "x1")


def test_labels_need_no_quotes_where_yaml_sees_other_things(write: Write) -> None:
    table = load_channel_table(write("A: {aliases: [1, no, 1.50, 2024-01-01, ~, on]}"))
    for label in ("1", "no", "1.50", "2024-01-01", "~", "on"):
        assert canonical_name(label, table) == "A"
    assert canonical_name("1.5", table) == "1.5"


REFUSED = [
    ("- C3\n", "line 1: not a channel table; expected a mapping"),
    ("C3\n", "line 1: not a channel table"),
    (
        "A: {aliases: [X]}\nB: {aliases: [x]}\n",
        "line 2: the label 'x' has two names; expected one name; found 'A' and 'B'",
    ),
    ("A: {aliases: [B]}\nB: {type: eeg}\n", "line 1: the label 'B' has two names; .*found 'B' and 'A'"),
    ("A: {type: eeg}\nB: {}\nA: {}\n", "line 3: the name 'A' is there twice"),
    ("A: {type: eeg}\na: {}\n", "line 2: the name 'a' is there twice"),
    ("A:\n  typ: eeg\n", "line 2: unknown key 'typ'; expected type or aliases; did you mean 'type'"),
    ("A:\n  type: eeg\n  type: emg\n", "line 3: 'type' is there twice"),
    ("A:\n  type: ecgg\n", "line 2: unknown signal type; .*found 'ecgg'; did you mean 'ecg'"),
    ("A: {type: unknown}\n", "line 1: unknown signal type"),
    ("A: {type: [eeg]}\n", "line 1: not a signal type"),
    ("A:\n  aliases: X\n", "line 2: aliases are no list"),
    ("A:\n  aliases: [{x: y}]\n", "line 2: not a label"),
    ("A:\n  aliases: ['  ']\n", "line 2: not a label"),
    ("A: eeg\n", "line 1: not a channel table; expected type and aliases"),
    ("x: &x {type: eeg}\ny:\n  <<: *x\n", "line 3: not a key"),
    ("A: {aliases: [C3:M2, F3]\n", "line 2: not YAML; .*quotes"),
    ("A: &a {aliases: [*a]}\n", "line 1: not a label"),
    ("A: [\n" + "[" * 50_000, "not YAML"),
    ("A: \x00", "not YAML"),
    ("B: !!python/object/apply:os.system {type: eeg, alias: [x]}\n", "line 1: unknown key 'alias'"),
    ("#" * (1 << 20) + "\n", "too large"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_is_no_table_is_refused(write: Write, text: str, message: str) -> None:
    with pytest.raises(FileFormatError, match=message) as caught:
        load_channel_table(write(text))
    assert "channels.yaml" in caught.value.where
    assert caught.value.fix or "large" in message or "line" not in message


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(FileFormatError, match=r"no channel table; .*check the path"):
            load_channel_table(path)
    (tmp_path / "latin.yaml").write_bytes("Thorax: {aliases: [Imp\xe9dance]}".encode("latin-1"))
    with pytest.raises(FileFormatError, match="not YAML; expected text in UTF-8"):
        load_channel_table(tmp_path / "latin.yaml")


def test_the_types_of_the_package_are_signal_types() -> None:
    table = load_channel_table()
    assert isinstance(table, ChannelTable)
    assert set(table.types.values()) <= set(TYPES) - {UNKNOWN}
    assert sd.load_channel_table is load_channel_table
