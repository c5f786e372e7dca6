"""The verb that lists features, the page made of it, and the option that imports one's own."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import features_page
import pandas as pd
import pytest
from cohorts import Cohort

from sleepdask.cli import main
from sleepdask.features import catalogue, families, registry

OWN = '''
import numpy as np
import sleepdask as sd

@sd.features.feature(units="{unit}", family="mine")
def roughness(samples, sampling_frequency, times: float = 1.0):
    """Mean absolute difference of neighbouring samples.

    Notes
    -----
    Not that of others.
    """
    return np.nanmean(np.abs(np.diff(samples))) * times
'''


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(registry, "_FEATURES", dict(registry._FEATURES))
    path = tmp_path / "statistics.py"  # the name of a module that others import
    path.write_text(OWN)
    yield path
    for name in [name for name in sys.modules if name.startswith("sleepdask_own_")]:
        del sys.modules[name]


def test_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("features") == 0
    printed = capsys.readouterr().out
    for family, names in families().items():
        assert f"\n{family}\n" in f"\n{printed}"
        for name in names:
            assert f"\n  {name} " in printed
    assert re.search("bandpower +Power in frequency bands", printed)
    assert "15 columns, at least 80 Hz, epochs of at least 4 s, about " in printed


def test_all_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("features", "--json") == 0
    features = json.loads(capsys.readouterr().out)["features"]
    assert [each["name"] for each in features] == list(catalogue())
    (hjorth,) = [each for each in features if each["name"] == "hjorth"]
    assert hjorth["family"] == "time_domain"
    assert hjorth["outputs"][0] == {
        "name": "hjorth_activity",
        "units": "{unit}^2",
        "definition": "var(x), ddof 0",
        "reference": "Hjorth 1970, doi:10.1016/0013-4694(70)90143-4",
    }
    assert hjorth["microseconds"] > 0
    assert hjorth["parameters"] == []


def test_one_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("features", "bandpower") == 0
    printed = capsys.readouterr().out
    assert printed.startswith("bandpower  (family spectral, version 1, at least 80 Hz, epochs of at least 4 s")
    assert "  bandpower_delta  [{unit}^2]  bin width x sum over 0.5 <= f < 4 Hz;" in printed
    assert "  edges: tuple[float, ...] = 95+50" in printed
    assert "\nNotes\n  Dims of the result" in printed
    assert ">>>" not in printed
    assert run("features", "time_domain", "statistics", "--json") == 0
    names = [each["name"] for each in json.loads(capsys.readouterr().out)["features"]]
    assert sorted(names) == sorted([*families()["time_domain"], "statistics"])
    assert run("features", "bandpowr") == 2
    assert "unknown feature 'bandpowr'" in capsys.readouterr().err


def test_defaults_are_what_the_command_line_takes(capsys: pytest.CaptureFixture[str]) -> None:
    from sleepdask.cli.features import default_text
    from sleepdask.features import create, parse_features
    from sleepdask.features.describe import parameters

    for name, kind in catalogue().items():
        texts = [f"{each['name']}={default_text(each)}" for each in parameters(kind)]
        assert parse_features(":".join([name, *texts])) == (create(name),)


def test_the_page_is_made_of_the_catalogue() -> None:
    made = features_page.page()
    assert features_page.PAGE.read_text("utf-8") == made, "run python tests/helpers/features_page.py"
    assert all(f"### {name}\n" in made for name in ("bandpower", "hjorth", "statistics"))


def test_own_features_are_imported(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import statistics

    assert run("features", "mine", "--import", own) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("roughness  (family mine, version 1)")
    assert "  roughness  [{unit}]  Mean absolute difference of neighbouring samples." in printed
    assert "Defaults\n  times: float = 1\n" in printed
    assert "Notes\n  Not that of others." in printed
    assert sys.modules["statistics"] is statistics


def test_own_features_are_extracted(
    own: Path, short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("extract", short_psg, "-o", tmp_path / "out", "--features", "roughness:times=2,hjorth", "--import", own)
    assert run(*words, "--backend", "processes", "--workers", 2) == 0
    table = pd.read_parquet(tmp_path / "out" / "features.parquet")
    assert table["F3-M2/roughness"].notna().all()
    told = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert told["parameters"]["features"][0] == {"feature": "roughness", "times": 2.0}
    capsys.readouterr()


def test_a_study_of_own_features(own: Path, nights: Cohort, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = nights.table(tmp_path / "recordings.csv", ["007"])
    words = ("study", "run", table, "-o", tmp_path / "out", "--features", "roughness", "--no-report", "--import", own)
    assert run(*words, "--backend", "sync") == 0
    assert run(*words, "--backend", "sync") == 0
    assert "nothing to do" in capsys.readouterr().out
    own.write_text(OWN.replace("* times", "* times * 2"))
    assert run(*words, "--backend", "sync") == 0
    assert "nothing to do" not in capsys.readouterr().out
    assert run("study", "status", tmp_path / "out", "--import", own) == 0


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("absent.py", None, "absent.py: no Python file to import"),
        ("text.txt", "x", "text.txt: no Python file to import"),
        ("broken.py", "1 / 0", "broken.py: own features cannot be imported; found ZeroDivisionError"),
        ("twice.py", OWN.replace("def roughness", "def hjorth"), "there is a feature 'hjorth' in the package"),
    ],
)
def test_what_cannot_be_imported(
    name: str, text: str | None, message: str, tmp_path: Path, own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    assert run("features", "--import", tmp_path / name) == 2
    assert message in capsys.readouterr().err


def test_two_files_of_one_name(own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / own.name).write_text("")
    assert run("features", "--import", own, "--import", tmp_path / "other" / own.name) == 2
    assert "two files of own features have one name" in capsys.readouterr().err
    assert run("features", "--import", "no_such_module") == 2
    assert "no_such_module: own features cannot be imported; found ModuleNotFoundError" in capsys.readouterr().err


def test_a_second_pass(short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("extract", short_psg, "-o", tmp_path / "out", "--features", "hjorth", "--channels", "F3-M2")
    assert run(*words, "--second-pass", "smooth:window=90s+robust_zscore", "--second-pass", "lag") == 0
    table = pd.read_parquet(tmp_path / "out" / "features.parquet")
    names = [name for name in table.columns if name.endswith(("_c90s_robust", "_lag1"))]
    assert len(names) == 6
    before = table["F3-M2/hjorth_activity"].to_numpy()
    assert (table["F3-M2/hjorth_activity_lag1"].to_numpy()[1:] == before[:-1]).all()
    told = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert told["parameters"]["second_pass"] == ["smooth:window=90s+robust_zscore", "lag"]
    assert run(*words, "--second-pass", "smooth", "--force") == 2
    assert "parameter 'window' is needed" in capsys.readouterr().err
