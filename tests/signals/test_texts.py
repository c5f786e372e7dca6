"""Texts as arrays: of one width as a rule, and never of more memory than they justify."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sleepdask.signals.texts import text_array


def test_usual_texts_have_one_width() -> None:
    assert text_array([]).dtype.kind == "U"
    assert text_array(["Sleep stage W", "a long remark on the night " * 8] + ["Apnea"] * 200).dtype.kind == "U"


def test_one_long_text_does_not_widen_all() -> None:
    texts = ["x"] * 10_000 + ["y" * 100_000]
    array = text_array(texts)
    assert array.dtype == object
    assert array.tolist() == texts


@given(st.lists(st.text(max_size=20), max_size=20))
def test_texts_come_back(texts: list[str]) -> None:
    texts = [text.rstrip("\0") for text in texts]  # as nobody writes it, and NumPy does not keep it
    array = text_array(texts)
    assert array.shape == (len(texts),)
    assert array.tolist() == texts
