"""Each real session of a device gives its table with one command, with the numbers of a plain parse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sleepdask.cli import main


def table(out: Path, *arguments: object) -> pd.DataFrame:
    with pytest.raises(SystemExit) as stop:
        main(["extract", *map(str, arguments), "-o", str(out), "--features", "statistics", "--quiet"])
    assert stop.value.code in (0, 3)  # 3: something odd is told
    assert (out / "overview.png").stat().st_size > 10_000
    return pd.read_parquet(out / "features.parquet")


def test_polar(test_data: Path, tmp_path: Path) -> None:
    folder = test_data / "polar-verity-sense"
    found = table(tmp_path / "out", folder)
    plain = pd.read_csv(folder / "Polar_Sense_HR.txt", sep=";", parse_dates=[0])
    inside = plain[(plain.iloc[:, 0] >= found["start"][10]) & (plain.iloc[:, 0] < found["start"][11])]
    assert found["hr/mean"][10] == pytest.approx(inside["HR [bpm]"].mean())
    assert len(found) == 18
    assert found["acc_x/mean"].notna().sum() == 17


def test_empatica(test_data: Path, tmp_path: Path) -> None:
    found = table(tmp_path / "out", test_data / "empatica-e4")
    plain = np.loadtxt(test_data / "empatica-e4" / "TEMP.csv")[2:]  # at 4 Hz from the start of all
    assert found["temp/mean"][1] == pytest.approx(plain[120:240].mean(), abs=1e-4)
    assert {"bvp/std", "acc_z/mean", "eda/mean", "hr/mean", "ibi/mean"} <= set(found.columns)


def test_two_weeks_of_actigraphy(test_data: Path, tmp_path: Path) -> None:
    path = test_data / "actigraphy" / "example_01.AWD"
    found = table(tmp_path / "out", path, "--epoch", "1h")
    plain = [float(line.split()[0]) for line in path.read_text().splitlines()[7:]]  # a count a minute
    assert len(found) == len(plain) // 60
    np.testing.assert_allclose(found["activity/mean"], np.reshape(plain[: 60 * len(found)], (-1, 60)).mean(1))


def test_a_cpap_night_with_its_oximeter(test_data: Path, tmp_path: Path) -> None:
    folder = test_data / "resmed-night-a"
    files = [next(folder.glob(f"*{kind}.edf")) for kind in ("BRP", "PLD")]
    oximeter = folder / "checkme-o2-max-20260310.csv"
    found = table(tmp_path / "out", *files, "--also", f"oximeter={oximeter}")
    assert len(found) == 902
    plain = pd.read_csv(oximeter, na_values="--")
    plain["Time"] = pd.to_datetime(plain["Time"], format="%H:%M:%S %b %d %Y")
    inside = plain[(plain["Time"] >= found["start"][400]) & (plain["Time"] < found["start"][401])]
    assert found["oximeter spo2/mean"][400] == pytest.approx(inside["Oxygen Level"].mean())
    assert found["RespRate.2s/mean"].between(5, 40).mean() > 0.9
