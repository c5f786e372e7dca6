"""Tables as devices write them, and a collection of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sleepdask as sd

START = "2024-03-11T23:00"


def table(seconds: int, rate: int, columns: str, *, seed: int = 1, start: str = START, zone: str | None = None):
    """Noise at a rate, one column for each name."""
    rng = np.random.default_rng(seed)
    names = columns.split()
    index = pd.date_range(start, periods=seconds * rate, freq=pd.Timedelta(1, "s") / rate, tz=zone).as_unit("ns")
    return pd.DataFrame(rng.normal(60, 9, (len(index), len(names))), columns=names, index=index)


@pytest.fixture
def hr() -> pd.DataFrame:
    return table(610, 1, "hr")


@pytest.fixture
def acc() -> pd.DataFrame:
    return table(600, 25, "x y z", seed=2)


@pytest.fixture
def collection(hr: pd.DataFrame, acc: pd.DataFrame) -> sd.SignalCollection:
    """Heart rate at 1 Hz for 610 s, acceleration at 25 Hz for 600 s, and a second heart rate of two columns."""
    made = sd.SignalCollection()
    made.add_time_series_signal("hr", hr, units="bpm", sensor_model="PolarH10")
    made.add_time_series_signal("acc", acc, units="mg", body_position="left_wrist")
    made.add_time_series_signal("pulse", table(600, 2, "hr hrv", seed=3), units={"hr": "bpm", "hrv": "ms"})
    return made
