"""Pictures by stage: each stage where it belongs, with the numbers of NumPy, and refusals that say why."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

import sleepdask as sd
from sleepdask.errors import ParameterError
from sleepdask.viz.by_stage import STAGES, features_by_stage, spectra_by_stage

SCORED = np.array(["W", "W", "N2", "N2", "N2", "", "R", "N3", "N3", "N3"])


def features(stages: np.ndarray = SCORED) -> xr.DataTree:
    values = np.random.default_rng(0).normal(size=(len(stages), 2))
    values[4, 0] = np.nan
    node = xr.Dataset(
        {
            "std": (("epoch", "channel"), values, {"units": "uV"}),
            "nothing": (("epoch", "channel"), np.full_like(values, np.nan), {"units": "1"}),
            "status": ("epoch", np.full(len(stages), "ok")),
        },
        coords={"channel": ["C3", "C4"]},
    )
    root = xr.Dataset(
        coords={"epoch": np.arange(len(stages)), "stage": ("epoch", stages)}, attrs={"recording_id": "P1"}
    )
    return xr.DataTree.from_dict({"/": root, "/100Hz": node})


def power() -> xr.DataArray:
    values = np.random.default_rng(1).lognormal(size=(len(SCORED), 41))
    values[0] = np.nan
    return xr.DataArray(
        values,
        dims=("epoch", "frequency"),
        coords={"frequency": np.arange(41.0), "channel": "C3"},
        attrs={"units": "uV^2/Hz"},
    )


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def test_spectra_are_medians_over_the_epochs_of_a_stage() -> None:
    figure = spectra_by_stage(power(), SCORED)
    (axes,) = figure.axes
    lines = {line.get_label(): line.get_ydata() for line in axes.get_lines() if not line.get_label().startswith("_")}
    assert list(lines) == ["W (1)", "N2 (3)", "N3 (3)", "R (1)"], "the epoch without a value does not count"
    want = np.median(10 * np.log10(power().values[SCORED == "N2"]), axis=0)
    np.testing.assert_allclose(lines["N2 (3)"], want[1:])
    assert axes.get_ylabel() == "dB re 1 µV²/Hz"
    assert texts(figure) == ["C3"]


def test_boxes_are_quantiles_of_the_finite_values() -> None:
    figure = features_by_stage(features(), "C3")
    (axes,) = figure.axes
    assert axes.get_label() == "std", "a feature without a value has no panel"
    values = features()["100Hz/std"].sel(channel="C3").values
    places = {stage: place for place, stage in enumerate(STAGES)}
    boxes = {round(patch.get_x() + patch.get_width() / 2): patch for patch in axes.patches}
    assert sorted(boxes) == sorted(places[stage] for stage in ("W", "N2", "N3", "R"))
    low, high = np.quantile(values[2:4], (0.25, 0.75))
    assert boxes[places["N2"]].get_y() == pytest.approx(low)
    assert boxes[places["N2"]].get_height() == pytest.approx(high - low)
    assert texts(figure) == ["P1 · C3"]


def test_what_is_asked_for_by_name_has_a_panel_even_if_it_is_empty() -> None:
    figure = features_by_stage(features(), "C4", ["nothing", "std"])
    assert [axes.get_label() for axes in figure.axes] == ["nothing", "std"]
    assert [text.get_text() for text in figure.axes[0].texts] == ["no finite values"]


def test_refusals() -> None:
    with pytest.raises(ParameterError, match=r"no such channel 'X'.*C3, C4"):
        features_by_stage(features(), "X")
    with pytest.raises(ParameterError, match="no such feature 'mean'"):
        features_by_stage(features(), "C3", ["mean"])
    unscored = np.full(len(SCORED), "")
    with pytest.raises(ParameterError, match="no epoch is scored"):
        features_by_stage(features(unscored), "C3")
    with pytest.raises(ParameterError, match="no epoch is scored"):
        spectra_by_stage(power(), unscored)
    with pytest.raises(ParameterError, match="9 stages of 10 epochs"):
        spectra_by_stage(power(), SCORED[1:])


def test_labels_of_files_are_no_formulas() -> None:
    """A label with dollar signs is drawn as it is written."""
    tree = features()
    node = tree["100Hz"].to_dataset().assign_coords(channel=["$x_1$", "C4"])
    figure = features_by_stage(xr.DataTree.from_dict({"/": tree.to_dataset(), "/100Hz": node}), "$x_1$")
    figure.canvas.draw()
    assert texts(figure) == ["P1 · $x_1$"]


def test_they_are_public() -> None:
    assert sd.features_by_stage is features_by_stage
    assert sd.spectra_by_stage is spectra_by_stage
