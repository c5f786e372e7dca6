"""One node of all channels on one clock."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from clocked import MS, START, cut, node, noise, recording

import sleepdask as sd
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import clock_of


def night(labels: tuple[str, str] = ("C3", "HR")) -> xr.DataTree:
    fast, slow = Clock.regular(START, 1000, 10 * MS), Clock.regular(START + 5 * MS, 10, 1_000 * MS)
    one = node(noise(fast, 2, dtype="float32"), fast, [labels[0], "C4"]).assign_coords(
        prefilter=("channel", ["a", "b"])
    )
    other = node(noise(slow, 1), slow, [labels[1]]).assign_coords(gain=("channel", [2.0]))
    return recording({"100Hz": one, "1Hz": other})


@pytest.mark.parametrize("chunks", [None, 130])
def test_channels_of_all_nodes_are_in_order_with_what_is_said_of_them(chunks: int | None) -> None:
    tree = night() if chunks is None else cut(night(), {"time": chunks})
    aligned = sd.align.align_signals(tree, method="linear")
    both = sd.align.combine_signals(aligned)
    assert both["channel"].values.tolist() == ["C3", "C4", "HR"]
    assert both["node"].values.tolist() == ["100Hz", "100Hz", "1Hz"]
    assert both["prefilter"].values.tolist() == ["a", "b", ""]
    np.testing.assert_array_equal(both["gain"].values, [np.nan, np.nan, 2.0])
    assert both["signal_type"].values.tolist() == [
        *aligned["100Hz"]["signal_type"].values, *aligned["1Hz"]["signal_type"].values,
    ]  # fmt: skip
    assert (both["signal"].chunks is None) == (chunks is None)
    assert both["signal"].dtype == np.float64
    got = both["signal"].values
    np.testing.assert_array_equal(got[:2], aligned["100Hz/signal"].values)
    np.testing.assert_array_equal(got[2:], aligned["1Hz/signal"].values)
    assert clock_of(both) == clock_of(aligned["1Hz"].to_dataset())
    assert set(both.attrs["alignment"]) == {"100Hz", "1Hz"}
    assert both.attrs["recording_id"] == "r"


def test_nothing_is_read_and_one_node_is_itself(no_compute: None) -> None:
    tree = cut(night(), {"time": 100})
    both = sd.align.combine_signals(sd.align.align_signals(tree))
    assert both["signal"].chunks[0] == (3,)
    only = sd.align.combine_signals(sd.align.align_signals(tree, channels=["HR"], onto=1))
    assert only["channel"].values.tolist() == ["HR"]


def test_different_clocks_and_names_that_repeat_are_refused() -> None:
    with pytest.raises(sd.ParameterError, match=r"signals on different clocks.*use align_signals first"):
        sd.align.combine_signals(night())
    with pytest.raises(sd.ParameterError, match="a channel is there twice; found C3; rename"):
        sd.align.combine_signals(sd.align.align_signals(night(("C3", "C3"))))
