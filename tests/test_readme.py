"""Every command and snippet of the README gives what it shows."""

from __future__ import annotations

import dataclasses
import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the two files of the tour, in which its commands have run."""
    folder = tmp_path_factory.mktemp("tour")
    for path in (test_data / "sleep-edf-sc4001").glob("*.edf"):
        (folder / path.name).symlink_to(path)
    return folder


def commands() -> list[tuple[str, str]]:
    """Commands of the console blocks with the output shown below each."""
    parts = [part for block in blocks("console") for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(command, shown) for command, _, shown in (part.partition("\n") for part in parts)]


def test_the_commands_of_the_tour(folder: Path) -> None:
    assert len(commands()) >= 6
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for command, shown in commands():
        done = subprocess.run(
            command, shell=True, capture_output=True, text=True, cwd=folder, env=environment, check=False
        )
        printed = done.stdout + done.stderr
        assert doctest.OutputChecker().check_output(shown, printed, FLAGS), f"{command}\n{printed}"


def test_the_snippets_of_the_tour(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    source = "\n".join(blocks("python"))
    test = doctest.DocTestParser().get_doctest(source, {}, "README", "README.md", 0)
    assert len(test.examples) >= 10
    results = doctest.DocTestRunner(optionflags=FLAGS).run(test)
    assert results.failed == 0


def test_the_two_commands_are_where_continuous_integration_looks_for_them() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    for name in ("demo", "tests"):
        assert f"$(readme {name})" in script
        (command,) = re.findall(rf"^<!-- {name} -->\n```bash\n(.*)\n```$", README, re.MULTILINE)
        assert command.startswith("python3 -m venv .venv && ")


def test_all_features_are_listed_with_their_parameters() -> None:
    from sleepdask.features import catalogue

    for name, feature in catalogue().items():
        (row,) = [line for line in README.splitlines() if line.startswith(f"| `{name}` |")]
        assert set(re.findall(r"`(\w+)`", row.split("|")[3])) == {field.name for field in dataclasses.fields(feature)}


def test_files_that_are_linked_exist() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / target).exists(), target
