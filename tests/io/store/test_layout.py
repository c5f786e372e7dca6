"""Chunks and shards: whole epochs, of a size that is read and written well."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepdask.chunks import MAX_BYTES
from sleepdask.io.store.layout import Layout

YEARS = 2_000 * 86_400  # so that no chunk is as long as the recording
RATES = [Fraction(n) for n in (1, 25, 100, 200, 256, 512, 1000, 2048)]
RATES += [Fraction(1, 3), Fraction(64, 5), Fraction(3001, 30), Fraction(1, 60), Fraction(1000, 7), Fraction(125, 128)]


@pytest.mark.parametrize("rate", RATES, ids=str)
@pytest.mark.parametrize("channels", [1, 6, 32])
@pytest.mark.parametrize("itemsize", [2, 4, 8])
def test_of_a_long_recording(rate: Fraction, channels: int, itemsize: int) -> None:
    layout = Layout.of(rate, YEARS * rate.numerator // rate.denominator, channels, itemsize)
    assert layout.shard % layout.chunk == 0
    assert (layout.chunk / rate / 30).denominator == 1, "a chunk is whole epochs"
    shard = layout.shard * channels * itemsize
    assert shard <= MAX_BYTES
    assert shard > MAX_BYTES / 2 or layout.shard + layout.chunk > YEARS * rate
    assert layout.chunk * itemsize >= 256 << 10 or layout.chunk * channels * itemsize > MAX_BYTES / 2
    assert layout.chunk / rate >= 300 or layout.chunk * channels * itemsize > MAX_BYTES / 2


def test_five_minutes_of_a_fast_channel_are_one_chunk() -> None:
    assert Layout.of(Fraction(256), 8 * 3600 * 256, 20, 4).chunk == 5 * 60 * 256


def test_many_fast_channels_still_get_whole_epochs() -> None:
    assert Layout.of(Fraction(2000), 3600 * 2000, 256, 4) == Layout(60_000, 60_000)


def test_a_rate_without_whole_epochs_is_cut_to_samples() -> None:
    rate = Fraction(10_000_019, 100_003)
    assert Layout.of(rate, 10**8, 2, 4).chunk == int(30 * rate * Layout.of(Fraction(100), 10**8, 2, 4).chunk // 3000)


@given(
    st.fractions(Fraction(1, 1000), 10_000), st.integers(0, 10**9), st.integers(0, 500), st.sampled_from([1, 2, 4, 8])
)
def test_no_chunk_is_empty_or_longer_than_the_recording(
    rate: Fraction, samples: int, channels: int, itemsize: int
) -> None:
    layout = Layout.of(rate, samples, channels, itemsize)
    assert 1 <= layout.chunk <= max(samples, 1)
    assert layout.shard % layout.chunk == 0
    assert layout.shard < max(samples, 1) + layout.chunk
