"""Small nights, a study of them that nothing happened to, and clusters that end with each test."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from elsewhere import Elsewhere
from patience import patience
from studies import FEATURES

from sleepdask.parallel import close_pools
from sleepdask.simulate import SMALL_MONTAGE, simulate_cohort
from sleepdask.study import Study

NIGHTS = 60  # more than are looked at without processes
TEST_SECONDS = 400
StartElsewhere = Callable[..., Elsewhere]


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Table of the nights; ten of them are damaged, so that some fail and some lack channels."""
    folder = tmp_path_factory.mktemp("nights") / "cohort"
    return simulate_cohort(folder, NIGHTS, faulty=10, hours=0.1, montage=SMALL_MONTAGE)


@pytest.fixture(scope="session")
def truth(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the study that was never interrupted."""
    output = tmp_path_factory.mktemp("truth") / "study"
    statuses = Study.from_table(cohort, output, features=FEATURES).run(backend="sync")["status"]
    assert set(statuses) == {"ok", "partial", "failed"}
    assert len(statuses) == NIGHTS
    return output


@pytest.fixture(scope="session")
def few(cohort: Path) -> Path:
    """Table of the first twelve nights alone."""
    table = cohort.with_name("few.csv")
    table.write_text("".join(cohort.read_text().splitlines(keepends=True)[:13]))
    return table


@pytest.fixture(scope="session")
def few_truth(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of their study that was never interrupted."""
    output = tmp_path_factory.mktemp("few") / "study"
    Study.from_table(few, output, features=FEATURES).run(backend="sync")
    return output


@pytest.fixture(scope="session")
def few_arrays(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of their study with arrays that was never interrupted."""
    output = tmp_path_factory.mktemp("arrays") / "study"
    Study.from_table(few, output, features=FEATURES, arrays=True).run(backend="sync")
    return output


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Folder of the study that things happen to."""
    return tmp_path / "study"


@pytest.fixture
def start_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartElsewhere]:
    """Start clusters that end with the test: `start_elsewhere(workers=2)`."""
    made: list[Elsewhere] = []

    def start(workers: int = 2, *, nanny: bool = False) -> Elsewhere:
        made.append(Elsewhere(tmp_path_factory.mktemp("cluster")))
        made[-1].add_workers(workers, nanny=nanny)
        return made[-1]

    yield start
    close_pools()
    for each in made:
        each.end()


@pytest.fixture(autouse=True)
def no_hang() -> Iterator[None]:
    """Begin and end without clusters of another test, and fail if it hangs."""
    close_pools()
    with patience(TEST_SECONDS):
        yield
    close_pools()
    gc.collect()
