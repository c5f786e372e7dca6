"""Features made of functions: what the function gets, what it may give, and that they are features like any other."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest
import xarray as xr
from dask.base import tokenize

import sleepdask as sd
from sleepdask.errors import ParameterError
from sleepdask.features import Feature, Sampling, feature, registry
from sleepdask.features.code import class_digest

SCALE = 2.0


def scaled(x: np.ndarray) -> np.ndarray:
    return x * SCALE


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_FEATURES", dict(registry._FEATURES))


def level(samples: np.ndarray, sampling_frequency: float, at: float = 0.0, names: tuple[str, ...] = ("a",)) -> float:
    """Share of samples above a level."""
    return float(np.nanmean(scaled(samples) > at))


def one(kind: type[Feature], x: Any, **parameters: Any) -> list[float]:
    samples = np.array([x], np.float32)
    size = samples.shape[1]
    return kind(**parameters).compute(samples, np.array([0]), np.array([size]), Sampling(10.0, size))[0, 0].tolist()


def test_a_function_becomes_a_feature() -> None:
    made = feature(units="%", definition="share above {at}", family="mine", version=3, minimal_rate=5)(level)
    assert (made.name, made.family, made.version, made.__qualname__) == ("level", "mine", 3, "level")
    assert made(at=1) == made(at=1.0) == made(1.0)
    assert hash(made(at=1)) == hash(made(1.0))
    assert made(at=1) != made()
    assert made(1.5).parameters == {"at": 1.5, "names": ("a",)}
    (output,) = made(1.5).outputs
    assert (output.name, output.units, output.definition) == ("level", "%", "share above 1.5")
    assert made().minimal_rate == 5
    assert sd.features.parse_features("level:at=1,names=b+c,mine") == (made(1.0, ("b", "c")),)
    assert one(made, [-1, 1, 2, 3], at=2) == [0.5]


def test_what_is_not_said_comes_from_the_function() -> None:
    (output,) = feature()(level)().outputs
    assert (output.name, output.units, output.definition) == ("level", "1", "Share of samples above a level.")


def test_a_night(tmp_path: Path) -> None:
    made = feature()(level)
    x = np.sin(np.arange(9000.0))
    night = sd.recording_from_arrays({"C3": x, "C4": -x}, rate=100)
    features = sd.compute(sd.extract(night, made(at=1)), backend="sync")
    want = [[(part > 0.5).mean() for part in epoch.T] for epoch in np.stack([x, -x], axis=1).reshape(3, 3000, 2)]
    np.testing.assert_allclose(features["100Hz/level"], want)
    assert features["100Hz/level"].attrs["parameters"] == '{"at": 1.0, "names": ["a"]}'


def test_the_function_gets_a_copy_of_the_samples_of_one_epoch() -> None:
    seen = []

    @feature(minimal_window=0.3)
    def spoils(samples: np.ndarray, sampling_frequency: float) -> float:
        seen.append((samples.tolist(), samples.dtype, sampling_frequency))
        samples[:] = -1
        return 0.0

    x = np.array([[1, np.nan, 3, 4, 5, 6, np.nan, np.nan, np.nan, np.inf]], np.float32)
    x.flags.writeable = False
    starts, stops = np.array([0, 2, 4, 6, 9]), np.array([3, 4, 4, 9, 10])
    values = spoils().compute(x, starts, stops, Sampling(10.0, 3))[0, :, 0]
    np.testing.assert_array_equal(values, [0, np.nan, np.nan, np.nan, np.nan])  # short, empty, all NaN, short
    assert [each[1:] for each in seen] == [(np.float64, 10.0)]
    np.testing.assert_array_equal(seen[0][0], [1, np.nan, 3])


def test_several_values() -> None:
    columns = {"low_end": "{unit}", "high_end": "{unit}"}

    def both(samples: np.ndarray, sampling_frequency: float) -> Any:
        return samples.min(), samples.max()

    def named(samples: np.ndarray, sampling_frequency: float) -> Any:
        return {"high_end": samples.max(), "low_end": samples.min()}

    for function in (both, named):
        made = feature(outputs=columns)(function)
        assert [output.name for output in made().outputs] == list(columns)
        assert one(made, [3, 1, 2]) == [1, 3]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "gave None, not 2 numbers"),
        (1.0, "gave 1.0, not 2 numbers"),
        ((1, 2, 3), r"gave \(1, 2, 3\), not 2 numbers"),
        (("1", "2"), "not 2 numbers"),
        ((1j, 2), "not 2 numbers"),
        (np.zeros((2, 1)), r"an array of shape \(2, 1\), not 2 numbers"),
        ({"a_1": 1}, "gave a_1, not a_1, a_2"),
    ],
)
def test_what_does_not_fit_marks_the_epoch_as_failed(given: Any, message: str) -> None:
    @feature(outputs={"a_1": "1", "a_2": "1"})
    def gives(samples: np.ndarray, sampling_frequency: float) -> Any:
        return given

    with pytest.raises(ValueError, match=message):
        one(gives, [1, 2])


def test_an_epoch_that_fails_leaves_the_others() -> None:
    @feature()
    def picky(samples: np.ndarray, sampling_frequency: float) -> float:
        if samples.max() > 5000:
            raise RuntimeError("too high")
        return samples[0]

    night = sd.recording_from_arrays({"C3": np.arange(9000.0)}, rate=100)
    node = sd.compute(sd.extract(night, picky()), backend="sync")["100Hz"]
    assert node["status"].values.tolist() == ["ok", "failed", "failed"]
    assert node["reason"].values[1] == "picky: RuntimeError: too high"
    np.testing.assert_array_equal(node["picky"].values.ravel(), [0, np.nan, np.nan])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"at": "high"}, "level:at: value does not fit the parameter; expected float; found 'high'"),
        ({"at": True}, "level:at.*expected float; found True"),
        ({"at": None}, "level:at"),
        ({"names": "a"}, "level:names"),
        ({"names": (1,)}, "level:names.*expected str; found 1"),
    ],
)
def test_parameters_are_strict(parameters: dict[str, Any], message: str) -> None:
    made = feature()(level)
    with pytest.raises(ParameterError, match=message):
        made(**parameters)
    with pytest.raises(ParameterError, match=r"unknown parameter 'att'.*did you mean 'at'"):
        sd.features.create("level", {"att": 1})


def no_default(samples: Any, sampling_frequency: float, at: float) -> float:
    return at


def no_kind(samples: Any, sampling_frequency: float, at=1.0) -> float:
    return at


def odd_kind(samples: Any, sampling_frequency: float, at: dict[str, int] = {}) -> float:  # noqa: B006
    return 0


def wrong_default(samples: Any, sampling_frequency: float, at: float = "x") -> float:
    return 0


def no_rate(samples: Any) -> float:
    return 0


def by_name(*, samples: Any, sampling_frequency: float) -> float:
    return 0


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (no_default, "no_default: parameter 'at' needs a default.*write such as 'at: float = 1.0'"),
        (no_kind, "parameter 'at' needs"),
        (odd_kind, "parameter 'at' needs"),
        (wrong_default, "wrong_default:at: value does not fit"),
        (no_rate, "no_rate: the function does not fit"),
        (by_name, "the function does not fit"),
    ],
)
def test_functions_that_do_not_fit_are_refused(function: FunctionType, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        feature()(function)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"name": "hjorth"}, "there is a feature 'hjorth' in the package"),
        ({"name": "all"}, "need other names"),
        ({"family": "all"}, "need other names"),
        ({"name": "my feature"}, "need other names"),
        ({"name": "a,b"}, "need other names"),
        ({"outputs": {}}, "say the units of each output"),
        ({"outputs": {"x": "1"}, "units": "uV"}, "say the units of each output"),
    ],
)
def test_names_that_cannot_be_chosen_are_refused(said: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        feature(**said)(level)
    assert "level" not in sd.features.catalogue()


def test_a_change_of_the_code_is_another_question(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(function: Any) -> Feature:
        return feature(name="level", definition="same")(function)()

    def other(samples: Any, sampling_frequency: float, at: float = 0.0, names: tuple[str, ...] = ("a",)) -> float:
        return float(np.nanmean(scaled(samples) >= at))

    first = made(level)
    assert first.code == made(level).code
    assert tokenize(first) == tokenize(made(level))
    assert made(other).code != first.code
    assert tokenize(first) != tokenize(type(first)(at=1.0))
    monkeypatch.setattr(sys.modules[__name__], "SCALE", 3.0)  # read by a function that it calls
    assert first.code == class_digest(type(first)) == made(level).code
    changed = made(level).code
    monkeypatch.setattr(sys.modules[__name__], "SCALE", 2.0)
    assert made(level).code != changed
    assert sd.features.Hjorth().code == ""


def test_what_surrounds_a_function_counts() -> None:
    def make(threshold: float) -> Feature:
        @feature()
        def above(samples: np.ndarray, sampling_frequency: float) -> float:
            return float((samples > threshold).mean())

        return above()

    assert make(1.0).code == make(1.0).code != make(2.0).code


def test_a_feature_comes_back_from_bytes() -> None:
    made = feature()(level)
    back = pickle.loads(pickle.dumps(made(at=2)))
    assert type(back) is made
    assert back == made(at=2)


SCRIPT = """
import numpy as np
import sleepdask as sd

FACTOR = 3.0

def times(x):
    return FACTOR * x

@sd.features.feature(units="{unit}")
def largest(samples, sampling_frequency, of: float = 1.0):
    return times(np.nanmax(samples)) * of

if __name__ == "__main__":
    sd.features.enable_feature_cache(False)
    night = sd.recording_from_arrays({"C3": np.sin(np.arange(12000))}, rate=100)
    for backend in ("sync", "processes"):
        done = sd.compute(sd.extract(night, "largest:of=2", min_coverage=0), backend=backend, workers=2, progress=False)
        print(done["100Hz/largest"].values.ravel().tolist(), set(done["100Hz/status"].values.tolist()))
    print(largest().code)
"""


@pytest.mark.parametrize("seed", [1, 2])
def test_one_of_a_script_runs_in_processes(seed: int, tmp_path: Path, codes: set[str]) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = {**__import__("os").environ, "PYTHONHASHSEED": str(seed)}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    here, there, code = done.stdout.splitlines()
    assert here == there
    assert here.endswith("{'ok'}")
    codes.add(code)
    assert len(codes) == 1  # the same in every process


@pytest.fixture(scope="module")
def codes() -> set[str]:
    return set()


def test_lazy_until_computed() -> None:
    called = []

    @feature()
    def counts(samples: np.ndarray, sampling_frequency: float) -> float:
        called.append(1)
        return 0.0

    lazy = sd.extract(sd.recording_from_arrays({"C3": np.arange(9000.0)}, rate=100), counts())
    assert isinstance(lazy, xr.DataTree)
    assert called == []
    sd.compute(lazy, backend="sync")
    assert len(called) == 3


def test_collections_compute_them() -> None:
    feature()(level)
    night = sd.recording_from_arrays({"C3": np.arange(9000.0) % 2}, rate=100)
    collection = sd.SignalCollection.from_recording(night)
    collection.generate_epoch_grid(window_length="30s")
    view = collection.apply_operation("compute_features", inputs="100Hz", features="level:at=1", output="own")
    made = view.get_data()
    assert made["100Hz", "C3_level"].tolist() == [0.5, 0.5, 0.5]
