"""The table of recordings: what it may hold, what is refused, and that it is read as it was written."""

from __future__ import annotations

import csv
import io
import math
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.study.table import Entry, check_ids, is_safe_id, path_in_table, read_table, table_bytes, table_entries


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "recordings.csv"


def read(table: Path, text: str | bytes) -> list[Entry]:
    table.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(table)


def refused(table: Path, text: str | bytes, match: str) -> FileFormatError:
    with pytest.raises(FileFormatError, match=match) as caught:
        read(table, text)
    assert str(table) in str(caught.value)
    return caught.value


def test_ids_stay_texts(table: Path) -> None:
    assert [entry.recording_id for entry in read(table, "recording_id,path\n007,a.edf\n1e5,b.edf\n10,c.edf\n")] == [
        "007",
        "1e5",
        "10",
    ]


def test_a_row_with_everything(table: Path) -> None:
    (entry,) = read(
        table,
        "group,recording_id,path,hypnogram,lights_off,lights_on\n"
        "control,N1,psg/a.edf,../h.xml, 22:30 ,2024-03-12T06:00\n",
    )
    assert entry == Entry(
        "N1",
        (str(table.parent / "psg" / "a.edf"),),
        str(table.parent / "../h.xml"),
        {"lights_off": "22:30", "lights_on": "2024-03-12T06:00"},
        {"group": "control"},
    )
    assert list(entry.inputs) == ["recording", "hypnogram"]


def test_what_is_empty_is_missing(table: Path) -> None:
    (entry,) = read(table, "recording_id,path,hypnogram,lights_off,group\nN1,a.edf, ,,\n")
    assert (entry.hypnogram, entry.marks, entry.covariates) == (None, {}, {"group": None})


@pytest.mark.parametrize(
    "unsafe",
    ["../x", "a/b", "a\\b", ".", "..", "a=b", "%2e", "", "a" * 129, "ä" * 65, "a ", "a.", ".hidden", "-a", "a:b",
     "a\nb", "nul\x07", "+a", "@a", "a\u0301"],
)  # fmt: skip
def test_ids_that_are_not_safe(table: Path, unsafe: str) -> None:
    quoted = f'"{unsafe}"' if unsafe else ""
    error = refused(table, f"recording_id,path\n{quoted},a.edf\n", "not safe as the name of a folder")
    assert repr(unsafe) in str(error)


@pytest.mark.parametrize("safe", ["007", "sub-01_ses-1", "a b", "Ünïcode", "P.1", "a+b@c", "a" * 128, "ä" * 64])
def test_ids_that_are_safe(table: Path, safe: str) -> None:
    assert [entry.recording_id for entry in read(table, f"recording_id,path\n{safe},a.edf\n")] == [safe]


@pytest.mark.parametrize(
    ("first", "second"), [("N1", "N1"), ("N1", "n1"), ("Straße", "STRASSE"), ("\u212bke", "\u00c5ke")]
)
def test_ids_that_repeat(table: Path, first: str, second: str) -> None:
    refused(table, f"recording_id,path\n{first},a.edf\n{second},b.edf\n", "a recording_id repeats")


@given(st.text(max_size=140))
def test_a_safe_id_is_one_name_that_no_system_reads_otherwise(text: str) -> None:
    if is_safe_id(text):
        assert len(text.encode()) <= 128
        assert text not in {".", ".."}
        assert not set(text) & set("/\\\0=%:;,\"'\n\r\t*?<>|&{}[]()")
        assert text[0] not in "=+-@."
        assert text[-1] not in " ."


def test_several_files(table: Path) -> None:
    (entry,) = read(table, "recording_id,path\nN1,a.edf; b/c.edf ;https://host/d.edf\n")
    here = table.parent
    assert entry.paths == (str(here / "a.edf"), str(here / "b/c.edf"), "https://host/d.edf")
    assert list(entry.inputs) == ["recording", "recording #2", "recording #3"]


def test_a_file_that_has_the_separator_in_its_name(table: Path) -> None:
    (table.parent / "a;b.edf").touch()
    (entry,) = read(table, "recording_id,path\nN1,a;b.edf\n")
    assert entry.paths == (str(table.parent / "a;b.edf"),)


def test_more_files_than_a_name_has_characters(table: Path) -> None:
    names = [f"20260310_{k:06}_BRP.edf" for k in range(40)]
    (entry,) = read(table, f"recording_id,path\nN1,{';'.join(names)}\n")
    assert [Path(path).name for path in entry.paths] == names


@pytest.mark.parametrize("path", ["", " ", "a.edf;", ";", "a.edf;;b.edf"])
def test_paths_that_are_empty(table: Path, path: str) -> None:
    assert "N1" in str(refused(table, f'recording_id,path\nN1,"{path}"\n', "a path is empty"))


def test_urls_and_absolute_paths_are_as_they_are(table: Path) -> None:
    first, second = read(
        table, "recording_id,path,hypnogram\nN1,s3://b/a.edf,https://h/s.xml\nN2,/data/b.edf,/data/s.xml\n"
    )
    assert (first.paths, first.hypnogram) == (("s3://b/a.edf",), "https://h/s.xml")
    assert (second.paths, second.hypnogram) == (("/data/b.edf",), "/data/s.xml")


def test_covariates_have_types(table: Path) -> None:
    text = (
        "recording_id,path,age,bmi,code,site,long,odd\n1,a,41,20.5,007,A,12345678901234567890,1e999\n2,b,-3,,010,,1,2\n"
    )
    first, second = (entry.covariates for entry in read(table, text))
    assert first == {
        "age": 41, "bmi": 20.5, "code": "007", "site": "A", "long": "12345678901234567890", "odd": "1e999",
    }  # fmt: skip
    assert type(first["age"]) is int
    assert math.isnan(second.pop("bmi"))
    assert second == {"age": -3, "code": "010", "site": None, "long": "1", "odd": "2"}


@pytest.mark.parametrize("word", ["nan", "inf", "NA", "1_000", "0x10", "1,5", "٣"])
def test_words_are_no_numbers(table: Path, word: str) -> None:
    first, _ = read(table, f'recording_id,path,c\n1,a,"{word}"\n2,b,2\n')
    assert first.covariates == {"c": word}


def test_marks_of_a_byte_order_and_ends_of_lines_of_any_system(table: Path) -> None:
    text = "recording_id,path\r\nN1,a.edf\r\n\r\nN2,b.edf"
    for raw in (b"\xef\xbb\xbf" + text.encode(), text.replace("\r\n", "\n").encode()):
        assert [entry.recording_id for entry in read(table, raw)] == ["N1", "N2"]


def test_blanks_around_names_and_before_cells(table: Path) -> None:
    (entry,) = read(table, "recording_id , path, group\nN1, a.edf, control\n")
    assert (entry.paths, entry.covariates) == ((str(table.parent / "a.edf"),), {"group": "control"})


def test_columns_that_are_empty_and_have_no_name(table: Path) -> None:
    (entry,) = read(table, "recording_id,path,,\nN1,a.edf,,\n")
    assert entry.covariates == {}
    refused(table, "recording_id,path,\nN1,a.edf,x\n", "a column has no name")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (b"", "the table is empty"),
        (b"\n , \n", "the table is empty"),
        (b"recording_id,path\n", "the table has no row"),
        (b"id,path\nN1,a.edf\n", "columns are missing; expected recording_id; found id, path"),
        (b"recording_id\nN1\n", "columns are missing; expected path"),
        (b"recording_id;path\nN1;a.edf\n", "columns are missing.*part columns by commas"),
        (b"recording_id\tpath\nN1\ta.edf\n", "columns are missing.*part columns by commas"),
        (b"recording_id,path\nN1,a.edf,more\n", "line 2: a row has another number of cells; expected 2 .*found 3"),
        (b"recording_id,path,group\nN1,a.edf\n", "line 2: a row has another number of cells"),
        (b"recording_id,path,path\nN1,a.edf,b.edf\n", "two columns have one name; found path"),
        (b'recording_id,path\nN1,"a.edf\n', "a row cannot be split"),
        (b'recording_id,path\nN1,"a"x\n', "a row cannot be split"),
        (
            "recording_id,path\nN1,ä.edf\n".encode("latin-1"),
            "no UTF-8; found byte 0xe4 in line 2; save it as CSV UTF-8",
        ),
        ("recording_id,path\nN1,a.edf\n".encode("utf-16"), "no UTF-8"),
        ("recording_id,path\nN1,a.edf\n".encode("utf-16-le"), "NUL bytes"),
    ],
)
def test_what_is_no_such_table(table: Path, text: bytes, match: str) -> None:
    refused(table, text, match)


def test_no_such_table(table: Path) -> None:
    with pytest.raises(ParameterError, match=r"no such table; sleepdask study find makes one"):
        read_table(table)
    with pytest.raises(FileFormatError, match=r"cannot be read; found Is a directory"):
        read_table(table.parent)


def test_an_empty_list_of_ids() -> None:
    with pytest.raises(FileFormatError, match="no row"):
        check_ids([], "here")


# --- writing


def written(table: Path, *entries: Entry) -> list[Entry]:
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_bytes(table_bytes(entries, table.parent))
    return read_table(table)


ODD = string.ascii_letters + string.digits + " _-+@.,'\"=äß\r\n\t"
NAMES = st.builds("{}{}".format, st.text(ODD, max_size=8), st.sampled_from(["a.edf", "=", "ß", "'"]))
CELLS = st.builds(
    "{}{}{}".format, st.sampled_from(["=", "x", "-", "'", "ä"]), st.text(ODD + ";", max_size=8), st.just("x")
)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(NAMES, min_size=1, max_size=3), CELLS, st.tuples(CELLS, CELLS), st.tuples(NUMBERS, NUMBERS))
def test_what_is_written_is_read(
    paths: list[str], column: str, cells: tuple[str, str], numbers: tuple[float, float]
) -> None:
    folder = Path("/nowhere/study")
    here = tuple(str(folder / path) for path in paths)
    entries = [
        Entry("N1", here, None, {"lights_off": "22:00"}, {column: cells[0], "number": numbers[0]}),
        Entry("N2", here[:1], here[-1], {}, {column: cells[1], "number": numbers[1]}),
    ]
    table = table_bytes(entries, folder)
    assert table_entries(table, folder, where="here") == entries
    rows = list(csv.reader(io.StringIO(table.decode(), newline="")))
    assert not [cell for row in rows for cell in row[:-1] if cell[:1] in {"=", "+", "-", "@", "\t", "\r", "\n"}]


def test_no_cell_is_a_formula(table: Path) -> None:
    names = ["=cmd.edf", "+1.edf", "-2.edf", "@x.edf", " blank.edf", "'quote.edf", "\ttab.edf"]
    entries = [
        Entry(f"N{k}", (str(table.parent / name),), str(table.parent / name), {}, {"=note": f"={k}", "n": -k})
        for k, name in enumerate(names)
    ]
    assert written(table, *entries) == entries
    rows = list(csv.reader(table.read_text("utf-8").splitlines()))
    assert [row[1] for row in rows[1:]] == [f"./{name}" for name in names]
    assert (rows[0][5], rows[1][5], rows[2][6]) == ("'=note", "'=0", "-1")


def test_missing_values_and_types_survive(table: Path) -> None:
    entries = [
        Entry("N1", (str(table.parent / "a.edf"),), None, {}, {"age": 41, "code": "007", "site": None, "bmi": 1.5}),
        Entry("N2", (str(table.parent / "b.edf"),), None, {}, {"age": -1, "code": "1", "site": "B", "bmi": math.nan}),
    ]
    first, second = written(table, *entries)
    assert first == entries[0]
    assert math.isnan(second.covariates["bmi"])
    assert second.covariates | {"bmi": 0} == entries[1].covariates | {"bmi": 0}


def test_paths_are_relative_by_the_folders_that_links_lead_to(tmp_path: Path) -> None:
    data, deep = tmp_path / "data", tmp_path / "a" / "b" / "c"
    data.mkdir()
    deep.mkdir(parents=True)
    (data / "n.edf").write_text("signals")
    link = tmp_path / "link"
    link.symlink_to(deep)
    (entry,) = written(link / "recordings.csv", Entry("N1", (str(data / "n.edf"),)))
    assert path_in_table(str(data / "n.edf"), link) == "../../../data/n.edf"
    assert Path(entry.paths[0]).read_text() == "signals"
    assert path_in_table("s3://b/n.edf", link) == "s3://b/n.edf"


@pytest.mark.parametrize("paths", [("a;b.edf", "c.edf"), ("a ",), ("a", "b\t")])
def test_paths_that_the_table_cannot_hold(tmp_path: Path, paths: tuple[str, ...]) -> None:
    with pytest.raises(ParameterError, match="N1: the table cannot hold a path"):
        table_bytes([Entry("N1", tuple(str(tmp_path / path) for path in paths))], tmp_path)


def test_bytes_of_a_table_elsewhere(tmp_path: Path) -> None:
    entries = table_entries(b"recording_id,path\nN1,a.edf\n", tmp_path, where="s3://bucket/recordings.csv")
    assert entries == [Entry("N1", (str(tmp_path / "a.edf"),))]
