"""The configuration file of a study: what is written is what is meant, and errors tell the line."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

import sleepdask as sd
from sleepdask.errors import FileFormatError, ParameterError, SleepdaskError
from sleepdask.features import BandPower, Hjorth, Statistics
from sleepdask.filters.preprocessing import Preprocessing
from sleepdask.io.tabular.layout import TableLayout
from sleepdask.parallel.settings import resolve
from sleepdask.study.config import StudyConfig, load_study_config
from sleepdask.study.harmonise import Harmonisation
from sleepdask.study.settings import SETTINGS, allowed_failures

Write = Callable[[str], Path]

WHOLE = """\
# a comment
features: [statistics, "hjorth", {bandpower: {average: median, relative: no, bands: [[slow, 0.5, 1], fast@20-40]}}]
epoch: 20s
step: 10
start: 22:30
end: 2024-03-12T06:30
lights_off: 23:05:10
lights_on: 2024-03-12 06:00:00+01:00
origin: hypnogram
min_coverage: .75
channels: [C3-M2, no, 'EMG*']
filter: 0.30-35
notch: 50
reference: M1 + M2
policy: strict
timezone: Europe/Berlin
dtype: float64
layout: watch.yaml
channel_table: default
aliases: {C3-M2: [EEG C3-A2, 1, no], "E1:M2": [12:30, 2024-03-11, 0x1F, 1_000, ~]}
montage: {C3-M2: [C3, M2], C3-LM: [C3, [M1, M2]]}
units: {eeg: microvolt, SpO2: "%"}
arrays: true
run: {backend: processes, workers: 2, memory_limit: 4 GiB, retries: 1, timeout: 90s,
      require_tls: true, max_failures: 5%}
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    (tmp_path / "watch.yaml").write_text("time: when\nchannels: [x]\n")

    def write(text: str) -> Path:
        path = tmp_path / "study.yaml"
        path.write_text(text, "utf-8")
        return path

    return write


def test_a_file_with_everything_in_it(write: Write) -> None:
    config = load_study_config(write(WHOLE))
    bands = (("slow", 0.5, 1.0), ("fast", 20.0, 40.0))
    assert config.features == (Statistics(), Hjorth(), BandPower(average="median", relative=False, bands=bands))
    assert config.options == {
        "epoch": "20s",
        "step": "10",
        "start": "22:30",
        "end": "2024-03-12T06:30",
        "lights_off": "23:05:10",
        "lights_on": "2024-03-12 06:00:00+01:00",
        "origin": "hypnogram",
        "min_coverage": 0.75,
    }
    layout = TableLayout(["x"], time="when")
    assert config.opening == {
        "policy": "strict",
        "timezone": "Europe/Berlin",
        "dtype": "float64",
        "layout": layout,
    }
    assert config.channels == ("C3-M2", "no", "EMG*")
    assert (config.filter, config.notch, config.reference) == ("0.3-35", "50", "M1+M2")
    assert config.preprocessing() == Preprocessing("0.3-35", "50", "M1+M2")
    assert config.channel_table == "default"
    labels = ("12:30", "2024-03-11", "0x1F", "1_000", "~")
    assert config.aliases == {"C3-M2": ("EEG C3-A2", "1", "no"), "E1:M2": labels}
    assert config.montage == {"C3-M2": ("C3", ("M2",)), "C3-LM": ("C3", ("M1", "M2"))}
    assert config.units == {"eeg": "uV", "SpO2": "%"}
    parallel = config.parallel()
    assert (parallel.backend, parallel.workers, parallel.retries, parallel.require_tls) == ("processes", 2, 1, True)
    assert (parallel.memory_limit, parallel.timeout) == (4 << 30, 90.0)
    assert config.max_failures == "5%"
    assert config.harmonisation() == Harmonisation.of(
        "default", config.aliases, config.montage, config.channels, config.units
    )
    assert {name for name in SETTINGS if getattr(config, name) in (None, {})} == set()
    assert pickle.loads(pickle.dumps(config)) == config


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "features:\nepoch: ~\nrun: {workers: null}\nunits: {}\n"])
def test_a_file_may_say_little(write: Write, text: str) -> None:
    config = load_study_config(write(text))
    assert config == StudyConfig()
    assert (config.options, config.opening, config.max_failures) == ({}, {}, None)
    assert config.harmonisation() == Harmonisation()
    assert config.parallel() == resolve()


@pytest.mark.parametrize(
    "text",
    [
        "features: statistics,bandpower:average=median",
        "features: [statistics, bandpower:average=median]",
        "features: ['statistics,bandpower:average=median']",
        "features:\n- statistics:\n- bandpower: {average: median}\n",
        "features:\n- {statistics: , bandpower: {average: median}}\n",
        "features:\n  statistics:\n  bandpower: {average: median}\n",
    ],
)
def test_features_may_be_written_in_many_ways(write: Write, text: str) -> None:
    assert load_study_config(write(text)).features == (Statistics(), BandPower(average="median"))


def test_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "my  names.yaml").write_text("Left: {aliases: [EEG 1]}\n")
    (folder / "scheduler.json").write_text("{}")
    (folder / "study.yaml").write_text(
        "channel_table: my  names.yaml\nrun: {scheduler: scheduler.json, security: certificates}\n"
    )
    monkeypatch.chdir(tmp_path)
    config = load_study_config("study/study.yaml")
    assert config.channel_table == str(folder / "my  names.yaml")
    assert config.run == {"scheduler": str(folder / "scheduler.json"), "security": str(folder / "certificates")}
    table = config.harmonisation().table
    assert table is not None
    assert table.name("eeg 1") == "Left"
    assert load_study_config(_with(folder, "run: {scheduler: 'tls://host:8786', security: true}")).run == {
        "scheduler": "tls://host:8786",
        "security": True,
    }
    assert load_study_config(_with(folder, "run: {scheduler: host:8786}")).run == {"scheduler": "host:8786"}


def _with(folder: Path, text: str) -> Path:
    (folder / "study.yaml").write_text(text)
    return folder / "study.yaml"


REFUSED = [
    ("- epoch\n", "line 1: not a study configuration; expected a mapping of settings; write 'epoch: 30s'"),
    ("30s\n", "line 1: not a study configuration"),
    ("epoch: 30s\nepocj: 20s\n", "line 2: unknown key 'epocj'; expected features, .* or run; did you mean 'epoch'"),
    ("epoch: 30s\nstep: 30s\nepoch: 20s\n", "line 3: 'epoch' is there twice"),
    ("\n\nno: 1\n", "line 3: unknown key 'no'"),
    ("epoch: [30s]\n", "line 1: not a text for epoch"),
    ("epoch: half\n", "line 1, epoch: epoch is not a duration; .*found 'half'"),
    ("step: 10s\nepoch: 0s\n", "line 2, epoch: epoch must be longer than zero"),
    ("epoch: nan\n", "epoch is not a duration"),
    ("epoch: 1:30\n", "line 1, epoch: epoch is not a duration"),
    ("start: soon\n", "line 1, start: start is not a local time"),
    ("start: 25:00\n", "line 1, start: start is not a local time"),
    ("origin: recordin\n", "line 1, origin: origin is not a local time"),
    ("min_coverage: half\n", "line 1: min_coverage is no number; expected a number; found 'half'"),
    ("min_coverage: 0:30\n", "line 1: min_coverage is no number"),
    ("min_coverage: yes\n", "line 1: min_coverage is no number"),
    ("min_coverage: .nan\n", "line 1: min_coverage is no number"),
    ("\nmin_coverage: 1.5\n", "line 2, min_coverage: min_coverage must lie between 0 and 1; found 1.5"),
    ("channels: []\n", "line 1, channels: no channel is wanted"),
    ("channels: [C3, {}]\n", "line 1: not a text for channels"),
    ("policy: strickt\n", "line 1, policy: unknown policy; .*'strickt'"),
    ("timezone: Europe/Berlim\n", "line 1, timezone: .*did you mean 'Europe/Berlin'"),
    ("timezone: no\n", "line 1, timezone: "),
    ("dtype: float16\n", "line 1, dtype: unknown dtype of samples; expected float32 or float64; found 'float16'"),
    ("channel_table: none.yaml\n", "line 1, channel_table: .*none.yaml: no channel table"),
    ("features: []\n", "line 1, features: no feature is given"),
    ("features: statistic\n", "line 1, features: unknown feature 'statistic'; .*did you mean 'statistics'"),
    ("features:\n- statistics\n- bandpower: {avarage: no}\n", "line 3, features: bandpower: unknown parameter"),
    ("features:\n- statistics\n- bandpower:\n    segment: x\n", "line 3, features: bandpower:segment: value does not"),
    ("features:\n- bandpower: {bands: [[slow, 1]]}\n", "line 2, features: bandpower:bands: value does not fit"),
    ("features:\n- bandpower: {bands: [[slow, 4, 1]]}\n", "line 2, features: bandpower: band without width"),
    ("features:\n- bandpower: median\n", "line 2: not a study configuration; expected parameters"),
    ("features:\n- bandpower: {average: median, average: mean}\n", "line 2: 'average' is there twice"),
    ("features:\n- [statistics]\n", "line 2: not a text for features"),
    ("features: [statistics, statistics]\n", r"study.yaml, statistics: two features give the column"),
    ("features: bandpower\nepoch: 1s\n", r"study.yaml: epoch is too short for bandpower"),
    ("aliases: [C3]\n", "line 1: not a study configuration; expected aliases: a mapping from names to lists of labels"),
    ("aliases:\n  C3: EEG C3\n", "line 2: C3 is no list; expected a list of texts"),
    ("aliases:\n  C3: [a]\n  C4: [A]\n", "line 2, aliases: the label 'A' has two names"),
    ("aliases:\n  C3: [a]\n  C3: [b]\n", "line 3: 'C3' is there twice"),
    ("aliases:\n  E1: [x]\n  C3: []\n", "line 3, aliases of 'C3': no labels"),
    ("montage:\n  C3-M2: C3 - M2\n", "line 2: C3-M2 is no derivation; expected an active channel and its reference"),
    ("montage:\n  C3-M2: [C3, M1, M2]\n", "line 2: C3-M2 is no derivation"),
    ("montage:\n  C3-M2: [[C3], M2]\n", "line 2: not a text for C3-M2"),
    ("montage:\n  C3-M2: [C3, []]\n", "line 2, montage of 'C3-M2': names of channels are missing"),
    ("montage:\n  D: [C3, M2]\n  C3: [C3, M2]\n", "line 3, montage of 'C3': a channel cannot be made of itself"),
    ("units: uV\n", "line 1: not a study configuration; expected units: a mapping"),
    ("units:\n  eog: uV\n  eeg: uW\n", "line 3, units of 'eeg': unknown unit"),
    ("units:\n  eeg: '%'\n", "line 2, units of 'eeg': signals of this type have no such unit"),
    ("units:\n  SpO2: %\n", "line 2: not YAML; .*quotes"),
    ("run:\n  worker: 2\n", "line 2: unknown key 'worker'; expected backend, .* or max_failures; did you mean"),
    ("run:\n  workers: two\n", "line 2: workers is no whole number; expected a whole number; found 'two'"),
    ("run:\n  workers: 1.5\n", "line 2: workers is no whole number"),
    ("run:\n  workers: 1:30\n", "line 2: workers is no whole number"),
    ("run:\n  workers: 0\n", "line 2, run: workers: workers must be a whole number of at least 1"),
    ("run:\n  backend: proceses\n", "line 2, run: backend: unknown backend; .*did you mean 'processes'"),
    ("run:\n  memory_limit: much\n", "line 2, run: memory_limit: memory_limit must be an amount of memory"),
    ("run:\n  require_tls: maybe\n", "line 2: require_tls is a switch; expected true or false; found 'maybe'"),
    ("run:\n  max_failures: 5 percent\n", "line 2, run: max_failures: max_failures is no limit"),
    ("run:\n  max_failures: 101%\n", "line 2, run: max_failures: max_failures is no limit"),
    ("run: fast\n", "line 1: not a study configuration; expected run: a mapping of settings"),
    ("units: &u {eeg: uV}\naliases: *u\n", "line 1: an anchor is used"),
    ("channels: &a [*a]\n", "line 1: an anchor is used"),
    ("x: &x {eeg: uV}\nunits:\n  <<: *x\n", "an anchor is used"),
    ("units: {<<: {eeg: uV}}\n", "line 1: not a key"),
    ("features: !!python/object/apply:os.system [id]\n", "line 1: a tag is used; .*python/object/apply:os.system"),
    ("epoch: !!binary MzBz\n", "line 1: a tag is used"),
    ("epoch: !x 30s\n", "line 1: a tag is used"),
    ("epoch: 30s\n---\nepoch: 20s\n", "not YAML"),
    ("epoch: [30s\n", "line 2: not YAML"),
    ("epoch: \x00", "not YAML"),
    ("features: " + "[" * 50_000, "not YAML"),
    ("#" * (1 << 20) + "\n", "too large for a study configuration"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_is_no_configuration_is_refused(write: Write, text: str, message: str) -> None:
    with pytest.raises(SleepdaskError, match=message) as caught:
        load_study_config(write(text))
    assert caught.value.where.startswith(str(write("")))
    assert caught.value.where.count("study.yaml") == 1


def test_many_values_by_few_anchors_take_no_time(write: Write) -> None:
    lists = "".join(f"{c}: &{c} [{', '.join([f'*{p}'] * 9)}]\n" for p, c in zip("abcdefghi", "bcdefghij", strict=True))
    with pytest.raises(FileFormatError, match="an anchor is used"):
        load_study_config(write("a: &a [x, x]\n" + lists))


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(FileFormatError, match=r"no study configuration; .*check the path"):
            load_study_config(path)


def test_values_of_the_command_line_win(write: Write) -> None:
    config = load_study_config(write(WHOLE))
    same = config.merged(epoch=None, features=None, workers=None, channels=())
    assert same == config
    other = config.merged(features="hjorth", epoch="30s", channels=("C4",), workers=4, max_failures="3", policy="warn")
    assert other.features == (Hjorth(),)
    assert other.options == config.options | {"epoch": "30s"}
    assert other.channels == ("C4",)
    assert other.run == dict(config.run) | {"workers": 4, "max_failures": "3"}
    assert config.run["workers"] == 2


def test_who_names_a_backend_or_a_scheduler_means_it() -> None:
    clustered = StudyConfig(run={"scheduler": "tls://host:8786", "workers": 2})
    assert clustered.merged(backend="threads").run == {"backend": "threads", "workers": 2}
    local = StudyConfig(run={"backend": "processes"})
    assert local.merged(scheduler="tls://host:8786").run == {"scheduler": "tls://host:8786"}
    assert local.merged(scheduler="tls://host:8786", backend="distributed").run["backend"] == "distributed"
    assert local.merged(workers=3).parallel().backend == "processes"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epoc": "30s"}, "no such setting 'epoc'; .*did you mean 'epoch'"),
        ({"workers": 0}, "workers must be a whole number"),
        ({"epoch": "0s"}, "epoch must be longer than zero"),
        ({"run": {"worker": 1}}, "run: no such setting 'worker'; .*did you mean 'workers'"),
        ({"features": "statistics,statistics"}, "two features give the column"),
        ({"features": [5]}, "not a feature"),
        ({"min_coverage": True}, "min_coverage must lie between 0 and 1"),
        ({"max_failures": True}, "max_failures is no limit"),
    ],
)
def test_what_is_given_is_checked_too(given: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        StudyConfig().merged(**given)


@pytest.mark.parametrize(
    ("limit", "recordings", "allowed"),
    [
        ("5%", 100, 5),
        ("5%", 99, 4),
        ("0%", 10, 0),
        ("100 %", 7, 7),
        ("0.1%", 1000, 1),
        ("29%", 100, 29),
        (0, 5, 0),
        ("12", 5, 12),
    ],
)
def test_failures_that_are_allowed(limit: str | int, recordings: int, allowed: int) -> None:
    assert allowed_failures(limit, recordings) == allowed


@pytest.mark.parametrize("limit", ["", "%", "-1", "5%%", "1e2", "200%", "1.5", 1.5, None, True, "٣"])
def test_what_is_no_limit_of_failures(limit: object) -> None:
    with pytest.raises(ParameterError, match="max_failures is no limit"):
        allowed_failures(limit, 10)  # type: ignore[arg-type]


def test_the_options_are_those_of_extract(scored_night: Path, write: Write) -> None:
    config = load_study_config(write("features: statistics\nepoch: 20s\nstart: 22:50\nmin_coverage: 0.9\n"
                                     "origin: recording\n"
                                     "channels: [C*]\nunits: {eeg: mV}\npolicy: repair\n"))  # fmt: skip
    recording = sd.open_recording(scored_night, chunks=None, **config.opening)
    recording, missing, _ = config.harmonisation().apply(recording)
    assert missing == ()
    features = sd.compute(sd.extract(recording, config.features, **config.options), backend="sync")
    assert features.attrs["epoch_seconds"] == 20
    assert list(features.children) == ["100Hz"]
    assert features["100Hz/mean"].attrs["units"] == "mV"
