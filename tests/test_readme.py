"""Every command and snippet of the README and the pages of docs/ gives what it shows."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
DOCS = ROOT / "docs"
PAGES = {"README.md": (ROOT / "README.md").read_text("utf-8")} | {
    path.relative_to(DOCS).as_posix(): path.read_text("utf-8") for path in sorted(DOCS.rglob("*.md"))
}
NEEDED = {"events.md": ("yasa",)}  # packages of extras, by the page whose snippets need them
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGES[page], re.MULTILINE | re.DOTALL)


def with_blocks(language: str) -> list[str]:
    return [page for page in PAGES if blocks(page, language)]


@pytest.fixture(scope="module")
def folders(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give a folder for each page, with the two files of the tour and the page's own."""

    @cache
    def folder(page: str) -> Path:
        made = tmp_path_factory.mktemp(page.removesuffix(".md").replace("/", "-"))
        for path in (test_data / "sleep-edf-sc4001").glob("*.edf"):
            (made / path.name).symlink_to(path)
        for name, text in re.findall(r"^```python (\S+)\n(.*?)^```", PAGES[page], re.MULTILINE | re.DOTALL):
            (made / name).write_text(text, "utf-8")
        return made

    return folder


def commands(page: str) -> list[tuple[str, str]]:
    """Commands of the console blocks with the output shown below each."""
    parts = [part for block in blocks(page, "console") for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(command, shown) for command, _, shown in (part.partition("\n") for part in parts)]


@cache
def printed(page: str, folder: Path) -> list[str]:
    """Run the commands of a page, once; gives what each of them printed."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return [
        subprocess.run(command, shell=True, cwd=folder, env=environment, check=False, **both).stdout
        for command, _ in commands(page)
    ]


@pytest.mark.parametrize("page", with_blocks("console"))
def test_commands(page: str, folders: Callable[[str], Path]) -> None:
    for (command, shown), got in zip(commands(page), printed(page, folders(page)), strict=True):
        assert doctest.OutputChecker().check_output(shown, got, FLAGS), f"{command}\n{got}"


@pytest.mark.parametrize("page", with_blocks("python"))
def test_snippets(page: str, folders: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    for package in NEEDED.get(page, ()):
        pytest.importorskip(package, reason=f"{page} shows what {package} finds")
    printed(page, folders(page))  # snippets read what the commands of their page wrote
    monkeypatch.chdir(folders(page))
    source = "\n".join(blocks(page, "python"))
    test = doctest.DocTestParser().get_doctest(source, {}, page, page, 0)
    results = doctest.DocTestRunner(optionflags=FLAGS).run(test)
    assert results.failed == 0


def test_the_pages_have_what_is_tested() -> None:
    tested = {
        "README.md",
        "alignment.md",
        "channels.md",
        "collection.md",
        "complexity.md",
        "events.md",
        "filters.md",
        "harmonisation.md",
        "irasa.md",
        "joining.md",
        "own-features.md",
        "parallel.md",
        "quality.md",
        "remote-and-privacy.md",
        "spectra.md",
        "storage.md",
        "study-table.md",
        "study.md",
        "study-results.md",
        "tables.md",
        "time.md",
    }
    assert set(with_blocks("console")) == set(with_blocks("python")) == tested
    assert len(commands("README.md")) >= 6


def test_the_two_commands_are_where_continuous_integration_looks_for_them() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    for name in ("demo", "tests"):
        assert f"$(readme {name})" in script
        (command,) = re.findall(rf"^<!-- {name} -->\n```bash\n(.*)\n```$", README, re.MULTILINE)
        assert command.startswith("python3 -m venv .venv && ")


def test_all_features_are_listed_by_family() -> None:
    from sleepdask.features import catalogue
    from sleepdask.features.code import is_ours

    ours = [(kind.family, name) for name, kind in catalogue().items() if is_ours(kind)]  # others are made by pages
    section = README.partition("## Features")[2].partition("\n## ")[0]
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| `")]
    listed = [(row[1].strip(" `"), name) for row in rows for name in re.findall(r"`(\w+)`", row[2])]
    assert sorted(listed) == sorted(ours)


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_linked_exist(page: str) -> None:
    folder = ROOT if page == "README.md" else (DOCS / page).parent
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", PAGES[page]):
        assert (folder / target).exists(), target
