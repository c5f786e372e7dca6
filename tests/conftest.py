"""What all tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from io import FileIO
from pathlib import Path

import dask
import edfio
import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, settings

from sleepdask.features import clear_feature_cache, enable_feature_cache

settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", settings.get_profile("local"), derandomize=True, print_blob=True)
settings.load_profile("repeatable" if os.environ.get("CI") else "local")

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # as in the background of a shell, where interrupts are tested too
    signal.signal(signal.SIGINT, signal.default_int_handler)

WriteNight = Callable[..., Path]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-slow", action="store_true", help="also run the tests marked slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--run-slow"):
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="slow; run with --run-slow"))


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder with real recordings, named by the environment variable SLEEPDASK_TEST_DATA."""
    folder = os.environ.get("SLEEPDASK_TEST_DATA")
    if not folder:
        pytest.skip("SLEEPDASK_TEST_DATA is not set to a folder with real recordings")
    return Path(folder)


@pytest.fixture(scope="session")
def real_night(test_data: Path) -> Path:
    """Night of 22 h: three signals at 100 Hz, four at 1 Hz, plain EDF."""
    return test_data / "sleep-edf-sc4001" / "SC4001E0-PSG.edf"


@pytest.fixture(scope="session")
def real_hypnogram(test_data: Path) -> Path:
    """Scores of the real night, EDF+ without signals."""
    return test_data / "sleep-edf-sc4001" / "SC4001EC-Hypnogram.edf"


@pytest.fixture(scope="session")
def write_night(tmp_path_factory: pytest.TempPathFactory) -> WriteNight:
    """Write an EDF file of noise: `write_night({"C3": 100}, 600, [(0, 30, "Sleep stage W")])`.

    `signals` holds the rate of each label, or pairs of both where labels repeat; without scores it is plain EDF.
    """
    folder = tmp_path_factory.mktemp("nights")

    def write(
        signals: dict[str, int] | list[tuple[str, int]],
        seconds: int,
        scores: list[tuple[float, float | None, str]] | None = None,
        *,
        start: datetime = datetime(2024, 3, 11, 22, 47, 30),
        name: str = "night",
        units: dict[str, str] | None = None,
    ) -> Path:
        rng = np.random.default_rng(5)
        ranges = {"physical_range": (-500, 500), "digital_range": (-20_000, 20_000)}
        made = []
        for label, rate in list(signals.items() if isinstance(signals, dict) else signals):
            stored = rng.integers(-3000, 3000, seconds * rate).cumsum() % 20_001 - 10_000
            unit = (units or {}).get(label, "uV")
            made.append(edfio.EdfSignal(stored / 40, rate, label=label, physical_dimension=unit, **ranges))
        file = edfio.Edf(
            made,
            recording=edfio.Recording(startdate=date(start.year, start.month, start.day)),
            starttime=time(start.hour, start.minute, start.second, start.microsecond),
            annotations=None if scores is None else [edfio.EdfAnnotation(*score) for score in scores],
        )
        path = folder / str(sum(1 for _ in folder.iterdir())) / f"{name}.edf"
        path.parent.mkdir()
        file.write(path)
        return path

    return write


@pytest.fixture(scope="session")
def scored_night(write_night: WriteNight) -> Path:
    """Night of 10 min 10 s: C3 and C4 at 100 Hz, SpO2 at 1 Hz, EDF+ with AASM scores of its first 9 min."""
    stages = ("W", "N1", "N2", "N3", "R", "?")
    scores = [(90.0 * i, 90.0, f"Sleep stage {stage}") for i, stage in enumerate(stages)]
    return write_night({"C3": 100, "C4": 100, "SpO2": 1}, 610, scores, units={"SpO2": "%"}, name="scored")


@pytest.fixture
def broken_night(scored_night: Path, tmp_path: Path) -> Path:
    """The same night (EDF+D) with a break of 300 s after 300 s."""
    raw = scored_night.read_bytes().replace(b"EDF+C", b"EDF+D", 1)
    for second in range(609, 299, -1):
        raw = raw.replace(b"+%d\x14\x14" % second, b"+%d\x14\x14" % (second + 300))
    path = tmp_path / "broken.edf"
    path.write_bytes(raw)
    return path


@pytest.fixture(autouse=True)
def no_feature_cache() -> Iterator[None]:
    """Compute again whatever a test asks for; tests of the cache switch it on."""
    enable_feature_cache(False)
    yield
    enable_feature_cache()
    clear_feature_cache()


@pytest.fixture
def no_compute() -> Iterator[None]:
    """Make every computation of Dask an error."""

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("something was computed")

    with dask.config.set(scheduler=refuse):
        yield


@pytest.fixture
def bytes_read(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Position and size of every read of a recording file, as it happens."""
    reads: list[tuple[int, int]] = []

    class Counted(FileIO):
        def readinto(self, buffer: memoryview) -> int:
            position = self.tell()
            got = super().readinto(buffer)
            reads.append((position, got))
            return got

        def read(self, size: int | None = -1) -> bytes:
            position = self.tell()
            raw = super().read(-1 if size is None else size)
            reads.append((position, len(raw)))
            return raw

    monkeypatch.setattr("sleepdask.io.edf.recordfile.FileIO", Counted)
    return reads


@pytest.fixture(scope="session")
def assert_same_bits() -> Callable[[xr.DataTree, xr.DataTree], None]:
    """Check that two computed trees hold the same nodes, and every variable the same bits."""

    def check(got: xr.DataTree, want: xr.DataTree) -> None:
        assert [node.path for node in got.subtree] == [node.path for node in want.subtree]
        for one, other in zip(got.subtree, want.subtree, strict=True):
            assert list(one.variables) == list(other.variables)
            for name, variable in other.variables.items():
                a, b = one.variables[name].values, variable.values
                assert np.array_equal(a, b, equal_nan=b.dtype.kind == "f"), f"{other.path}/{name}"

    return check
