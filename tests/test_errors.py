"""Error messages say what, where, expected, found and a fix."""

from __future__ import annotations

import copy
import pickle

import pytest

from sleepdask.errors import FileFormatError, OutputError, ParameterError, SleepdaskError

KINDS = [SleepdaskError, FileFormatError, ParameterError, OutputError]


@pytest.mark.parametrize("kind", KINDS)
def test_message__has_all_its_parts(kind: type[SleepdaskError]) -> None:
    error = kind("no such channel", where="night.edf", expected="one of C3, C4", found="C9", fix="use 'C3'")
    assert str(error) == "night.edf: no such channel; expected one of C3, C4; found C9; use 'C3'"


@pytest.mark.parametrize("kind", KINDS)
def test_message__leaves_out_what_is_not_given(kind: type[SleepdaskError]) -> None:
    assert str(kind("broken")) == "broken"
    assert str(kind("broken", found=0)) == "broken; found 0"
    assert str(kind("broken", where=3, expected=False)) == "3: broken; expected False"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("clone", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))], ids=["copy", "pickle"])
def test_error__travels_between_processes(kind: type[SleepdaskError], clone: object) -> None:
    error = kind("broken", where="night.edf", expected=1, found=2, fix="mend it")
    twin = clone(error)  # type: ignore[operator]
    assert type(twin) is kind
    assert str(twin) == str(error)
    assert (twin.where, twin.expected, twin.found, twin.fix) == ("night.edf", 1, 2, "mend it")


@pytest.mark.parametrize(
    ("kind", "standard"), [(FileFormatError, ValueError), (ParameterError, ValueError), (OutputError, OSError)]
)
def test_error__is_caught_as_its_standard_kind(kind: type[SleepdaskError], standard: type[Exception]) -> None:
    assert issubclass(kind, SleepdaskError)
    with pytest.raises(standard, match="broken"):
        raise kind("broken")
