"""The picture of a night: what it holds, where, and that it survives every kind of night."""

from __future__ import annotations

import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.dates import date2num
from matplotlib.figure import Figure

from sleepdask.viz.overview import overview
from sleepdask.viz.timeline import Cells, draw_clock
from sleepdask.viz.trace import choose_trace, running_median, smoothing_window
from sleepdask.zones import Zone

STAGES = ["W", "W", "N1", "N2", "N3", "N3", "", "", "N2", "R", "R", "W"]
BANDS = ("bandpower_delta", "bandpower_sigma", "bandpower_delta_relative")


def make_features(
    stages=STAGES,
    *,
    names=BANDS,
    epoch=30.0,
    step=None,
    channels=("EMG", "C3-M2"),
    types=("emg", "eeg"),
    status=(),
    start="2024-03-11T23:58:00",
    recording_id="night",
):
    n, step = len(stages), step or epoch
    rng = np.random.default_rng(1)
    states = np.full(n, "ok", "<U7")
    for i, state in status:
        states[i] = state
    variables = {
        name: (("epoch", "channel"), rng.lognormal(3, 0.5, (n, len(channels))), {"units": "unit^2"}) for name in names
    }
    root = xr.Dataset(
        coords={
            "epoch": np.arange(n),
            "start": ("epoch", np.datetime64(start, "ns") + np.arange(n) * np.timedelta64(round(step * 1e9), "ns")),
            "stage": ("epoch", np.array(stages, "<U2")),
        },
        attrs={
            "recording_id": recording_id,
            "epoch_seconds": epoch,
            "step_seconds": step,
            "time_zone": "",
            "notes": [],
        },
    )
    node = xr.Dataset(
        variables | {"coverage": ("epoch", np.ones(n)), "status": ("epoch", states)},
        coords={
            "channel": list(channels),
            "unit": ("channel", ["uV"] * len(channels)),
            "signal_type": ("channel", list(types)),
        },
    )
    return xr.DataTree.from_dict({"/": root, "/100Hz": node})


def make_spectrogram(features, channel="C3-M2", units="uV^2/Hz", frequencies=None):
    frequency = np.arange(0, 40.25, 0.25) if frequencies is None else frequencies
    power = np.random.default_rng(2).lognormal(0, 1, (features.sizes["epoch"], len(frequency)))
    return xr.DataArray(
        power,
        dims=("epoch", "frequency"),
        coords={
            "epoch": features["epoch"].values,
            "start": ("epoch", features["start"].values),
            "frequency": frequency,
            "channel": channel,
        },
        attrs={"units": units},
    )


def panels(figure: Figure) -> dict[str, Axes]:
    return {axes.get_label(): axes for axes in figure.axes}


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in [*figure.texts, figure._suptitle])


def png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def line(axes: Axes, label: str) -> tuple[np.ndarray, np.ndarray]:
    (found,) = [line for line in axes.lines if line.get_label() == label]
    return np.asarray(found.get_xdata()), np.asarray(found.get_ydata())


def mesh(axes: Axes) -> QuadMesh:
    (found,) = [item for item in axes.collections if isinstance(item, QuadMesh)]
    return found


def assert_inside(figure: Figure) -> None:
    """Nothing is cut off at the border."""
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x1 <= width
    assert box.y1 <= height


@pytest.fixture
def features():
    return make_features()


class TestPanels:
    def test_all_in_order_from_the_top(self):
        features = make_features(status=[(3, "missing")])
        figure = overview(features, make_spectrogram(features))
        assert [axes.get_label() for axes in figure.axes] == ["hypnogram", "spectrogram", "trace", "status"]
        tops = [axes.get_position().y1 for axes in figure.axes]
        assert tops == sorted(tops, reverse=True)
        assert [axes.get_ylabel() for axes in figure.axes][:3] == ["Stage", "Frequency (Hz)", "Band power (µV²)"]

    def test_all_are_equally_wide_and_share_time(self, features):
        figure = overview(features, make_spectrogram(features))
        edges = np.array([[axes.get_position().x0, axes.get_position().x1] for axes in figure.axes])
        assert np.ptp(edges, axis=0).tolist() == [0, 0]
        assert len({axes.get_xlim() for axes in figure.axes}) == 1

    def test_only_the_lowest_names_the_hours(self, features):
        figure = overview(features, make_spectrogram(features))
        figure.draw_without_rendering()
        shown = [any(label.get_visible() for label in axes.get_xticklabels()) for axes in figure.axes]
        assert shown == [False, False, True]

    def test_no_hypnogram_where_nothing_is_scored(self):
        features = make_features([""] * 5)
        figure = overview(features, make_spectrogram(features))
        assert list(panels(figure)) == ["spectrogram", "trace"]
        assert "sleep time" not in texts(figure)

    def test_no_spectrogram(self, features):
        assert list(panels(overview(features))) == ["hypnogram", "trace"]

    def test_standard_deviation_instead_of_band_power(self):
        figure = overview(make_features(names=("mean", "std")))
        assert list(panels(figure)) == ["hypnogram", "trace"]
        assert panels(figure)["trace"].get_ylabel().startswith("Std")

    def test_mean_instead_of_both(self):
        figure = overview(make_features(names=("mean",)))
        assert list(panels(figure)) == ["hypnogram", "trace"]
        assert panels(figure)["trace"].get_ylabel().startswith("Mean")
        assert panels(figure)["trace"].get_yscale() == "linear"

    def test_mean_where_no_epoch_has_a_deviation(self):
        features = make_features(names=("mean", "std"))
        features["100Hz/std"][:] = np.nan
        assert panels(overview(features))["trace"].get_ylabel().startswith("Mean")
        features["100Hz/mean"][:] = np.nan
        assert panels(overview(features))["trace"].get_ylabel().startswith("Std")

    def test_no_trace_without_any(self):
        assert list(panels(overview(make_features(names=("median",))))) == ["hypnogram"]

    def test_with_nothing_to_show_the_time_remains(self):
        figure = overview(make_features([""] * 3, names=("median",)))
        assert list(panels(figure)) == ["status"]
        assert "all ok" in [text.get_text() for text in figure.axes[0].texts]
        assert png(figure)


class TestTime:
    def test_from_the_first_start_to_the_last_end(self, features):
        figure = overview(features, make_spectrogram(features))
        expected = date2num(np.array(["2024-03-11T23:58:00", "2024-03-12T00:04:00"], "datetime64[ns]"))
        np.testing.assert_allclose(figure.axes[0].get_xlim(), expected, rtol=0, atol=1e-9)

    def test_overlapping_epochs_end_with_the_last_one(self):
        features = make_features(epoch=30.0, step=10.0)
        expected = date2num(np.array(["2024-03-11T23:58:00", "2024-03-12T00:00:20"], "datetime64[ns]"))
        for axes in overview(features, make_spectrogram(features)).axes:
            np.testing.assert_allclose(axes.get_xlim(), expected, rtol=0, atol=1e-9)

    def test_midnight_carries_the_date(self, features):
        figure = overview(features)
        figure.draw_without_rendering()
        labels = [label.get_text() for label in figure.axes[-1].get_xticklabels()]
        assert "23:59" in labels
        assert "00:00\n2024-03-12" in labels

    def test_hours_of_a_long_recording(self):
        features = make_features(["W"] * 2650, start="1989-04-24T16:13:00")
        figure = overview(features)
        figure.draw_without_rendering()
        labels = [label.get_text() for label in figure.axes[-1].get_xticklabels()]
        assert labels[:5] == ["18:00", "20:00", "22:00", "00:00\n1989-04-25", "02:00"]

    def test_seconds_where_minutes_do_not_suffice(self):
        figure = overview(make_features(["R"], start="2024-03-11T02:13:00"))
        figure.draw_without_rendering()
        labels = [label.get_text() for label in figure.axes[-1].get_xticklabels()]
        assert labels[:2] == ["02:13:00", "02:13:05"]

    def test_overlapping_epochs_are_drawn_around_their_middle(self):
        cells = Cells.of(np.array([0, 10], "datetime64[s]"), 30.0, 10.0)
        assert (cells.low / 1e9).tolist() == [10, 20]
        assert (cells.high / 1e9).tolist() == [20, 30]
        assert cells.apart.tolist() == [True, False]

    def test_pauses_between_epochs_stay(self):
        cells = Cells.of(np.array([0, 60], "datetime64[s]"), 30.0, 60.0)
        _, y = cells.steps(np.array([1.0, 2.0]))
        assert (cells.high / 1e9).tolist() == [30, 90]
        np.testing.assert_array_equal(y, [1, 1, np.nan, 2, 2, np.nan])


class TestHypnogram:
    def test_stages_from_top_to_bottom(self, features):
        axes = panels(overview(features))["hypnogram"]
        labels = {label.get_text(): tick for label, tick in zip(axes.get_yticklabels(), axes.get_yticks(), strict=True)}
        on_screen = {stage: axes.transData.transform((0, row))[1] for stage, row in labels.items()}
        assert sorted(on_screen, key=on_screen.__getitem__, reverse=True) == ["W", "R", "N1", "N2", "N3"]

    def test_each_epoch_lies_on_its_stage_and_unscored_ones_nowhere(self, features):
        axes = panels(overview(features))["hypnogram"]
        x, y = line(axes, "stage")
        names = [label.get_text() for label in axes.get_yticklabels()]
        starts = date2num(features["start"].values)
        assert len(x) == 3 * len(STAGES)
        for i, stage in enumerate(STAGES):
            np.testing.assert_allclose(x[3 * i : 3 * i + 2], starts[i] + np.array([0, 30 / 86400]), rtol=0, atol=1e-9)
            if stage:
                assert y[3 * i] == y[3 * i + 1] == names.index(stage)
            else:
                assert np.isnan(y[3 * i : 3 * i + 2]).all()

    def test_rem_is_marked_and_nothing_else(self, features):
        axes = panels(overview(features))["hypnogram"]
        _, y = line(axes, "REM")
        assert np.flatnonzero(~np.isnan(y[::3])).tolist() == [9, 10]
        (bar,) = [line for line in axes.lines if line.get_label() == "REM"]
        assert bar.get_linewidth() > 2
        assert bar.get_color() != axes.lines[0].get_color()

    def test_minutes_and_shares_of_sleep(self, features):
        found = [text.get_text() for text in panels(overview(features))["hypnogram"].texts]
        # 7 epochs of sleep: N3 2, R 2, N2 2, N1 1
        assert found == ["min", "% sleep", "1.5", "1.0", "29", "0.5", "14", "1.0", "29", "1.0", "29"]

    def test_overlapping_epochs_are_counted_not_timed(self):
        figure = overview(make_features(step=10.0))
        found = [text.get_text() for text in panels(figure)["hypnogram"].texts]
        assert found[:4] == ["epochs", "% sleep", "3", "2"]
        assert "sleep time" not in texts(figure)

    def test_only_wake(self):
        figure = overview(make_features(["W"] * 4))
        assert "% sleep" not in [text.get_text() for text in panels(figure)["hypnogram"].texts]
        assert "total sleep time 0 s" in texts(figure)


class TestSpectrogram:
    def test_decibels_of_the_shown_frequencies(self, features):
        power = make_spectrogram(features)
        axes = panels(overview(features, power))["spectrogram"]
        shown = power.sel(frequency=slice(0.5, 35))
        np.testing.assert_allclose(mesh(axes).get_array(), 10 * np.log10(shown.values.T))
        low, high = axes.get_ylim()
        assert low == 0.5
        assert high == pytest.approx(35, abs=0.2)

    def test_columns_lie_under_their_epochs(self, features):
        axes = panels(overview(features, make_spectrogram(features)))["spectrogram"]
        edges = mesh(axes).get_coordinates()[0, :, 0]
        np.testing.assert_allclose(edges[:-1], date2num(features["start"].values), rtol=0, atol=1e-9)
        np.testing.assert_allclose(edges[-1], axes.get_xlim()[1], rtol=0, atol=1e-9)

    def test_colours_span_percentiles(self, features):
        power = make_spectrogram(features)
        power[0, 50] = 1e12
        low, high = mesh(panels(overview(features, power))["spectrogram"]).get_clim()
        assert -30 < low < high < 30

    def test_colour_bar_says_units(self, features):
        for units, label in (("uV^2/Hz", "Power density (dB re 1 µV²/Hz)"), ("", "Power density (dB)")):
            axes = panels(overview(features, make_spectrogram(features, units=units)))["spectrogram"]
            (bar,) = axes.child_axes
            assert bar.get_ylabel() == label

    def test_order_of_dimensions_does_not_matter(self, features):
        power = make_spectrogram(features)
        one, two = (mesh(overview(features, item).axes[1]).get_array() for item in (power, power.T))
        np.testing.assert_array_equal(one, two)

    def test_zero_negative_and_infinite_power_are_blank(self, features):
        power = make_spectrogram(features)
        power[3], power[4], power[5], power[6] = 0, -1, np.inf, np.nan
        figure = overview(features, power)
        blank = np.ma.getmaskarray(mesh(panels(figure)["spectrogram"]).get_array()).all(axis=0)
        assert np.flatnonzero(blank).tolist() == [3, 4, 5, 6]
        assert png(figure)

    def test_pauses_are_blank_columns(self):
        features = make_features(epoch=30.0, step=60.0)
        image = mesh(panels(overview(features, make_spectrogram(features)))["spectrogram"]).get_array()
        blank = np.ma.getmaskarray(image).all(axis=0)
        assert np.flatnonzero(blank).tolist() == list(range(1, 2 * len(STAGES) - 1, 2))

    def test_neighbours_are_averaged_where_epochs_outnumber_dots(self):
        features = make_features(["W"] * 6001, epoch=1.0)
        power = make_spectrogram(features, frequencies=np.array([1.0, 2.0]))
        power[3] = np.nan
        image = mesh(panels(overview(features, power))["spectrogram"]).get_array()
        assert image.shape == (2, 2001)
        np.testing.assert_allclose(image[:, 0], 10 * np.log10(power.values[:3].mean(axis=0)))
        np.testing.assert_allclose(image[:, 1], 10 * np.log10(power.values[4:6].mean(axis=0)))
        np.testing.assert_allclose(image[:, -1], 10 * np.log10(power.values[-1]))

    @pytest.mark.parametrize("frequencies", [np.array([0.0, 0.25, 0.5]), np.array([10.0])])
    def test_slow_channels_show_what_they_have(self, features, frequencies):
        power = make_spectrogram(features, frequencies=frequencies)
        figure = overview(features, power)
        assert mesh(panels(figure)["spectrogram"]).get_array().shape == (len(frequencies), len(STAGES))
        assert png(figure)

    def test_constant_power(self, features):
        assert png(overview(features, xr.ones_like(make_spectrogram(features))))


class TestTrace:
    def test_delta_and_sigma_of_the_channel_of_the_spectrogram(self, features):
        trace = choose_trace(features, "EMG")
        assert trace is not None
        assert (trace.channel, list(trace.curves), trace.units) == ("EMG", ["delta", "sigma"], "uV^2")
        expected = features["100Hz/bandpower_sigma"].sel(channel="EMG")
        np.testing.assert_array_equal(trace.curves["sigma"], expected)

    @pytest.mark.parametrize("channel", [None, "not there"])
    def test_else_the_first_eeg_channel(self, features, channel):
        trace = choose_trace(features, channel)
        assert trace is not None
        assert trace.channel == "C3-M2"

    def test_first_channel_where_none_is_eeg(self):
        trace = choose_trace(make_features(types=("emg", "unknown")))
        assert trace is not None
        assert trace.channel == "EMG"

    def test_other_bands_where_these_are_not_known(self):
        trace = choose_trace(make_features(names=("bandpower_a_relative", "bandpower_a", "bandpower_b", "bandpower_c")))
        assert trace is not None
        assert list(trace.curves) == ["a", "b"]

    def test_running_median_is_drawn_and_told(self, features):
        axes = panels(overview(features, make_spectrogram(features)))["trace"]
        assert axes.get_yscale() == "log"
        raw = features["100Hz/bandpower_delta"].sel(channel="C3-M2").values
        _, y = line(axes, "delta")
        assert y[3 * 6] == np.median(raw[4:9])
        assert y[0] == np.median(raw[:3])
        assert {"delta", "sigma", "C3-M2", "running median", "of 5 epochs"} <= {text.get_text() for text in axes.texts}

    def test_running_median_does_not_fill_gaps(self):
        values = np.array([1.0, np.nan, 3.0, 8.0])
        np.testing.assert_array_equal(running_median(values, 3), [1, np.nan, 5.5, 5.5])

    @pytest.mark.parametrize(
        ("step", "epochs", "window"), [(30, 1000, 5), (10, 1000, 15), (60, 9, 1), (600, 9, 1), (30, 1, 1), (1, 4, 3)]
    )
    def test_window_is_odd_and_about_as_long_for_any_step(self, step, epochs, window):
        assert smoothing_window(step, epochs) == window

    def test_zero_has_no_place_on_the_axis(self, features):
        features["100Hz/bandpower_delta"].values[:] = 0
        figure = overview(features)
        assert np.isnan(line(panels(figure)["trace"], "delta")[1]).all()
        assert png(figure)


class TestStatus:
    def test_stretches_of_epochs_that_are_not_ok(self):
        features = make_features(status=[(2, "missing"), (3, "missing"), (5, "missing"), (7, "failed")])
        axes = panels(overview(features))["status"]
        assert [label.get_text() for label in axes.get_yticklabels()] == ["100Hz"]
        assert {text.get_text() for text in axes.texts} == {"missing 3", "failed 1"}
        (bars,) = [item for item in axes.collections if item.get_label() == "missing"]
        spans = [path.get_extents().intervalx for path in bars.get_paths()]
        starts = date2num(features["start"].values)
        np.testing.assert_allclose(spans, [starts[[2, 4]], starts[[5, 6]]], rtol=0, atol=1e-9)

    def test_only_nodes_with_trouble(self):
        features = make_features(status=[(0, "partial")])
        features["1Hz"] = make_features()["100Hz"].to_dataset(inherit=False)
        axes = panels(overview(features))["status"]
        assert [label.get_text() for label in axes.get_yticklabels()] == ["100Hz"]


class TestTexts:
    def test_title_says_what_the_picture_spans(self, features):
        figure = overview(features, make_spectrogram(features))
        assert figure.get_suptitle() == "night"
        for fact in ("2024-03-11 23:58:00", "12 epochs of 30 s", "C3-M2", "6 min", "total sleep time 3 min 30 s"):
            assert fact in texts(figure)

    def test_overlap_and_channel_of_the_trace(self):
        found = texts(overview(make_features(epoch=5.0, step=2.5)))
        assert "12 epochs of 5 s every 2.5 s" in found
        assert "C3-M2" in found

    def test_dollars_are_no_formulas(self):
        features = make_features(channels=("a$x_", "C$\\frac$"), recording_id="$\\alpha_$", status=[(0, "failed")])
        features = xr.DataTree.from_dict(
            {"/": features.to_dataset(), "/$n^$": features["100Hz"].to_dataset(inherit=False)}
        )
        features["$n^$"]["unit"].values[:] = "$V"
        figure = overview(features, make_spectrogram(features, channel="C$\\frac$", units="$\\bad$"))
        assert figure.get_suptitle() == "$\\alpha_$"
        assert panels(figure)["trace"].get_ylabel() == "Band power (($V)²)"
        assert png(figure)

    def test_long_texts_do_not_leave_the_picture(self):
        features = make_features(
            channels=("x" * 200, "y\n" * 200), recording_id="SUB-01_ses-02_task-sleep_" * 9, status=[(0, "failed")]
        )
        features.attrs["time_zone"] = "America/Argentina/ComodRivadavia"
        figure = overview(features, make_spectrogram(features, channel="x" * 200))
        assert_inside(figure)


class TestAnyNight:
    def test_saves_as_png(self, features):
        data = png(overview(features, make_spectrogram(features)))
        assert data[:8] == b"\x89PNG\r\n\x1a\n"

    def test_nothing_is_cut_off(self):
        features = make_features(status=[(0, "partial"), (1, "missing"), (2, "failed")])
        assert_inside(overview(features, make_spectrogram(features)))

    def test_one_epoch(self):
        features = make_features(["R"])
        figure = overview(features, make_spectrogram(features))
        assert "1 epoch of 30 s" in texts(figure)
        assert png(figure)

    def test_all_nan(self):
        features = make_features(status=[(i, "missing") for i in range(len(STAGES))])
        for name in BANDS:
            features["100Hz"][name].values[:] = np.nan
        figure = overview(features, make_spectrogram(features) * np.nan)
        assert list(panels(figure)) == ["hypnogram", "spectrogram", "trace", "status"]
        for name in ("spectrogram", "trace"):
            assert "no finite values" in [text.get_text() for text in panels(figure)[name].texts]
        assert png(figure)

    def test_draws_the_same_in_threads(self, features):
        power = make_spectrogram(features)
        with ThreadPoolExecutor(4) as pool:
            pictures = list(pool.map(lambda _: png(overview(features, power)), range(4)))
        assert set(pictures) == {png(overview(features, power))}

    def test_leaves_its_input_alone(self, features):
        power = make_spectrogram(features)
        before = features.copy(deep=True), power.copy(deep=True)
        overview(features, power)
        xr.testing.assert_identical(features, before[0])
        xr.testing.assert_identical(power, before[1])


def test_importing_the_package_does_not_import_matplotlib():
    code = "import sys, sleepdask; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_pyplot():
    code = "import sys, sleepdask.viz.overview; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("zone", "begin", "hours", "shown"),
    [
        ("Europe/Berlin", "2024-10-26T20:30", 9, "23 00 01 02 02+CET 03 04 05 06"),
        ("Europe/Berlin", "2024-03-30T21:30", 9, "23 00 01 03+CEST 04 05 06 07 08"),
        ("Asia/Kolkata", "2024-03-30T18:00", 4, "00 01 02 03"),
        ("America/New_York", "2024-06-01T03:00", 5, "23 00 01 02 03 04"),
        ("Europe/Berlin", "2024-10-26T16:30", 22, "20 22 00 02 02+CET 04 06 08 10 12 14"),
    ],
)
def test_hours_are_those_of_the_zone(zone, begin, hours, shown):
    low = int(np.datetime64(begin, "ns").astype(np.int64))
    axes = Figure().add_subplot()
    draw_clock(axes, low, low + hours * 3600 * 10**9, zone=Zone.of(zone))
    axes.figure.canvas.draw()
    locations, labels = axes.xaxis.get_majorticklocs(), [label.get_text() for label in axes.get_xticklabels()]
    wanted = [part.split("+") for part in shown.split()]
    named = [label.split("\n") for label in labels]
    whole = [(names, at) for names, at in zip(named, locations, strict=True) if names[0].endswith(":00")]
    assert [names[0][:2] for names, _ in whole] == [names[0] for names in wanted]
    assert [names[1] for names, _ in whole if len(names) > 1 and names[1].isalpha()] == [n[1] for n in wanted if n[1:]]
    for names, at in whole:
        local = Zone.of(zone).local(round(at * 86_400) * 10**9)
        assert str(np.datetime64(int(local), "ns"))[11:16] == names[0]


def test_days_of_a_week_begin_at_local_midnight():
    low = int(np.datetime64("2024-10-22T12:00", "ns").astype(np.int64))
    axes = Figure().add_subplot()
    draw_clock(axes, low, low + 10 * 86_400 * 10**9, zone=Zone.of("Europe/Berlin"))
    hours = np.round(np.asarray(axes.xaxis.get_majorticklocs()) * 24) % 24
    assert set(hours[:5]) == {22}
    assert set(hours[6:]) == {23}
