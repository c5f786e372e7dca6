"""Text tables: values equal a plain parse, whatever the blocks; nothing odd passes unseen."""

from __future__ import annotations

import contextlib
import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.io.tabular import lines
from sleepdask.io.tabular.file import TableFile
from sleepdask.io.tabular.format import TableFormat, unique_names

PLAIN = TableFormat()


def write(folder: Path, content: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(folder: Path, content: str | bytes, form: TableFormat = PLAIN) -> TableFile:
    return TableFile.open(write(folder, content), form)


def column(table: TableFile, name: str) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in table.numbers(name)]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a line or two."""
    monkeypatch.setattr(lines, "BLOCK_BYTES", 32)
    monkeypatch.setattr(lines, "_TAIL_BYTES", 8)


numbers = st.floats(allow_nan=False, allow_infinity=False, width=64)
cells = st.one_of(numbers.map(repr), st.integers(-(10**6), 10**6).map(str), st.just(""))


@given(
    rows=st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=40),
    crlf=st.booleans(),
    block=st.integers(8, 200),
)
def test_values_are_those_of_a_plain_parse(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], crlf: bool, block: int
) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n" if crlf else "\n").writerows([("a", "b", "c"), *rows])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK_BYTES", 2 * block)
        patch.setattr(lines, "_TAIL_BYTES", 4)
        table = read(tmp_path_factory.mktemp("tables"), text.getvalue())
        found = {name: table.numbers(name) for name in "abc"}
    assert table.rows == len(rows)
    assert table.ragged == table.blank == 0
    for name, values in zip("abc", zip(*rows, strict=True), strict=True):
        want = [float(cell) if cell else np.nan for cell in values]
        np.testing.assert_array_equal(found[name], want)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"])
@pytest.mark.usefixtures("small_blocks")
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = "Zeit;Höhe µ\r\n" + "".join(f"{i};{i},5\r\n" for i in range(60))
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    stated = encoding if encoding in ("latin-1", "cp1252") else "utf-8"
    table = read(tmp_path, mark + text.encode(encoding), TableFormat(";", decimal=",", encoding=stated))
    assert table.names == ("Zeit", "Höhe µ")
    np.testing.assert_array_equal(table.numbers("Höhe µ"), np.arange(60) + 0.5)
    assert len(table.blocks.spans) > 5


def test_text_of_another_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"not UTF-8.*encoding="):
        TableFile.open(write(tmp_path, "a,b\n1,é\n".encode("latin-1")), PLAIN).texts("b")
    with pytest.raises(FileFormatError, match=r"no text.*utf-16"):
        read(tmp_path, "a,b\n1,2\n".encode("utf-16-le"))


def test_names(tmp_path: Path) -> None:
    assert read(tmp_path, "contact,hr,contact\n1,2,3\n").names == ("contact", "hr", "contact #2")
    assert unique_names(["a", "a", "a #2", "a"]) == ("a", "a #2", "a #2 #2", "a #3")
    table = read(tmp_path, "made by me\n1,2\n3,4\n", TableFormat(skip=1, names=("x", "y")))
    assert column(table, "y") == [2, 4]
    table = read(tmp_path, 'made by me\n"x, of it",y\n3,4\n', TableFormat(skip=1))
    assert column(table, "x, of it") == [3]


def test_missing_column_is_refused_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"no column 'HR'.*Time;Hr.*cut at ','"):
        read(tmp_path, "Time;Hr\n1;2\n", TableFormat(columns=("HR",)))
    with pytest.raises(FileFormatError, match="did you mean 'Hr'"):
        read(tmp_path, "Time,Hr\n1,2\n").values(["HR"])


def test_bad_cells_are_missing_and_counted(tmp_path: Path) -> None:
    table = read(tmp_path, "a,b\n1,2\nx,--\n 3 ,inf\nNaN,0x10\n1e3,4\n", TableFormat(nulls=("--",)))
    assert column(table, "a") == [1, None, 3, None, 1000]
    assert column(table, "b") == [2, None, None, None, 4]
    assert table.bad == {"a": 1, "b": 2}


def test_a_column_of_missing_cells_at_first_still_has_its_numbers(tmp_path: Path, small_blocks: None) -> None:
    table = read(tmp_path, "a,b\n" + "1,off\n" * 50 + "".join(f"1,{i}\n" for i in range(30)))
    assert table.blocks.numbers == ("a",)
    np.testing.assert_array_equal(table.numbers("b"), [np.nan] * 50 + list(range(30)))
    assert table.cells_of("b") == (30, 50)


@pytest.mark.parametrize(
    ("cell", "value"), [("1,5", 1.5), ("1.5", None), ("1.234,5", None), ("-0,25", -0.25), ("3", 3)]
)
def test_decimal_comma(tmp_path: Path, cell: str, value: float | None) -> None:
    table = read(tmp_path, f"a;b\n{cell};0\n", TableFormat(";", decimal=","))
    assert column(table, "a") == [value]


def test_a_decimal_comma_is_no_number_where_none_was_stated(tmp_path: Path) -> None:
    table = read(tmp_path, "a;b\n1;0\n1,5;0\n2;0\n", TableFormat(";"))
    assert column(table, "a") == [1, None, 2]
    assert table.bad["a"] == 1


def test_quoted_cells(tmp_path: Path) -> None:
    table = read(tmp_path, 'a,b\n"1","x, ""y"""\n2,z\n')
    assert column(table, "a") == [1, 2]
    assert table.texts("b").to_pylist() == ['x, "y"', "z"]


@pytest.mark.parametrize("content", ['a,b\n1,"x\ny"\n2,z\n', 'a,b\n1,"x\r\ny"\n', 'a,b\n1,"x\n'])
def test_a_line_break_in_a_cell_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(FileFormatError, match=r"not closed on its line.*no line break"):
        read(tmp_path, content)


def test_marks_that_are_plain_signs(tmp_path: Path) -> None:
    table = read(tmp_path, 'a,b\n1,5"\n2,6"\n', TableFormat(quoted=False))
    assert table.texts("b").to_pylist() == ['5"', '6"']


def test_short_and_long_rows_are_left_out_and_counted(tmp_path: Path, small_blocks: None) -> None:
    rows = "".join(f"{i},{i}\n" for i in range(30))
    table = read(tmp_path, f"a,b\n{rows}1\n1,2,3\n40,40\n\n41,41\n42")
    assert column(table, "b") == [*range(30), 40, 41]
    assert (table.ragged, table.blank, table.ragged_at_end, table.uncounted) == (3, 1, 1, 3)


def test_a_file_that_was_cut_off_has_its_rows_in_their_places(tmp_path: Path) -> None:
    table = read(tmp_path, "a,b\n1,2\n3,4\n5")
    assert (table.rows, table.ragged, table.uncounted) == (2, 1, 0)


def test_empty_lines_at_the_end_are_none(tmp_path: Path) -> None:
    assert read(tmp_path, "a,b\r\n1,2\r\n\r\n\r\n").uncounted == 0
    assert column(read(tmp_path, "a\n1\n\n2\n\n\n"), "a") == [1, None, 2]


@pytest.mark.parametrize("content", ["", "\n", "\n1,2\n"])
def test_no_names(tmp_path: Path, content: str) -> None:
    with pytest.raises(FileFormatError, match="no columns"):
        read(tmp_path, content)


def test_no_rows(tmp_path: Path) -> None:
    table = read(tmp_path, "a,b\n")
    assert table.rows == 0
    assert table.numbers("a").tolist() == []
    assert table.texts("a").to_pylist() == []


def test_another_delimiter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"fewer or more cells.*expected 2 cells.*found 3"):
        read(tmp_path, "a,b\n1,2,3\n4,5,6\n")


def test_lines_that_end_in_two_ways_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="end in different ways"):
        read(tmp_path, "a,b\n1,2\r3,4\r5,6\n")


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BLOCK_BYTES", 64)
    monkeypatch.setattr(lines, "_LONGEST_LINE", 256)
    with pytest.raises(FileFormatError, match="too long"):
        read(tmp_path, "a,b\n" + "1" * 1000 + ",2\n3,4\n")
    assert read(tmp_path, "a,b\n" + "1" * 200 + ",2\n3,4\n").rows == 2


@pytest.mark.parametrize(
    "wrong", [{"delimiter": ", "}, {"delimiter": "\n"}, {"decimal": ";"}, {"skip": -1}, {"names": ("a", "a")}]
)
def test_a_format_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ParameterError):
        TableFormat(**wrong)  # type: ignore[arg-type]


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="no such file"):
        TableFile.open(tmp_path / "none.csv", PLAIN)


PIECES = st.sampled_from(
    ["a", "b", ",", ";", "\n", "\r\n", "\r", '"', "1", "2.5", "-", "\t", " ", "é", "\0", "--", "1e5", "\ufeff"]
)
BYTES = st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=60).map(lambda parts: "".join(parts).encode()))


@given(content=BYTES, start=st.sampled_from([b"", b"a,b\n", b"a\n", b"\xff\xfe", b"a,b\n1,2\n3,4\n"]))
def test_any_bytes_are_a_table_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, start: bytes
) -> None:
    path = write(tmp_path_factory.getbasetemp(), start + content, "any.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK_BYTES", 16)
        patch.setattr(lines, "_TAIL_BYTES", 4)
        with contextlib.suppress(FileFormatError):
            table = TableFile.open(path, PLAIN)
            for name in table.names:
                assert len(table.numbers(name)) == table.rows
