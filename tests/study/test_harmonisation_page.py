"""The page on harmonisation: its snippets run, its file is one, and it names every setting."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from sleepdask.simulate import simulate_night
from sleepdask.study.config import load_study_config
from sleepdask.study.settings import RUN, SETTINGS

PAGE = (Path(__file__).parents[2] / "docs" / "harmonisation.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_snippets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    simulate_night(0.1).write(tmp_path / "lab", "n1")  # as the command of the page does
    monkeypatch.chdir(tmp_path)
    test = doctest.DocTestParser().get_doctest("\n".join(blocks("python")), {}, "page", "page", 0)
    results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).run(test)
    assert results.attempted > 20
    assert results.failed == 0


def test_the_file_is_one_and_the_page_names_every_setting(tmp_path: Path) -> None:
    (text,) = blocks("yaml")
    (tmp_path / "study.yaml").write_text(text)
    config = load_study_config(tmp_path / "study.yaml")
    assert config.features is not None
    assert [feature.name for feature in config.features] == ["statistics", "bandpower"]
    assert config.montage["C3-LM"] == ("C3", ("M1", "M2"))
    section = PAGE.split("## The file of a study\n", 1)[1]
    assert {name for name in (*SETTINGS, *RUN) if not re.search(rf"\b{name}\b", section)} == set()
