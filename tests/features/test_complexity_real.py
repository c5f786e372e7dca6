"""Complexity of a real night, from the file to the table, against antropy on the same samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sleepdask as sd

FEATURES = (
    "permutation_entropy,sample_entropy,approximate_entropy,lempel_ziv,higuchi_fd,petrosian_fd,katz_fd,dfa,line_length"
)


def test_a_real_night__like_antropy(real_night: Path) -> None:
    antropy = pytest.importorskip("antropy")
    night = sd.open_recording(real_night)
    span = {"start": "23:00", "end": "01:00"}
    node = sd.compute(sd.extract(night, FEATURES, channels="EEG Pz-Oz", **span), backend="sync")["100Hz"]
    signal = night["100Hz"]["signal"].sel(
        channel="EEG Pz-Oz", time=slice("1989-04-24T23:00", "1989-04-25T00:59:59.999")
    )
    epochs = signal.values.astype(np.float64).reshape(240, 3000)
    for epoch in range(0, 240, 24):
        x = epochs[epoch]
        expected = {
            "permutation_entropy": antropy.perm_entropy(x, normalize=True),
            "sample_entropy": antropy.sample_entropy(x),
            "approximate_entropy": antropy.app_entropy(x),
            "lempel_ziv": antropy.lziv_complexity((x > np.median(x)).astype(int), normalize=True),
            "higuchi_fd": antropy.higuchi_fd(x),
            "petrosian_fd": antropy.petrosian_fd(x),
            "katz_fd": antropy.katz_fd(x),
            "dfa_alpha": antropy.detrended_fluctuation(x),
            "line_length": np.abs(np.diff(x)).sum(),
        }
        for name, value in expected.items():
            assert node[name].values[epoch, 0] == pytest.approx(value, rel=1e-8), (name, epoch)
