"""How work is run, as one value: its defaults, what it refuses, how it is shown."""

from __future__ import annotations

import dataclasses
import html
import os
import pickle
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from dask.system import cpu_count

from sleepdask import ParallelConfig, ParameterError
from sleepdask.parallel import backend_name
from sleepdask.parallel.config import BACKENDS, ON_ERROR

CPUS = cpu_count()
NAMES = tuple(each.name for each in dataclasses.fields(ParallelConfig))


@pytest.fixture(autouse=True)
def not_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISABLE_PARALLEL", raising=False)


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment,
        timeout=120,
    )


def test_defaults() -> None:
    assert dataclasses.asdict(ParallelConfig()) == {
        "enabled": True,
        "max_workers_cpu": max(1, CPUS - 1),
        "max_workers_io": min(32, 4 * CPUS),
        "chunk_size": 10,
        "enable_progress": True,
        "backend": "auto",
        "workers": None,
        "scheduler": None,
        "security": None,
        "require_tls": False,
        "memory_limit": None,
        "retries": 0,
        "on_error": "raise",
        "timeout": None,
    }
    assert ParallelConfig().graph_workers == CPUS


def test_enabled_by_default_also_under_pytest() -> None:
    assert "PYTEST_CURRENT_TEST" in os.environ
    assert ParallelConfig().enabled
    assert backend_name(ParallelConfig()) == "threads"
    assert backend_name(ParallelConfig(), "cpu") == "processes"


def test_none_means_the_default_number_of_workers() -> None:
    config = ParallelConfig(max_workers_cpu=None, max_workers_io=None)  # type: ignore[arg-type]
    assert config == ParallelConfig()


def test_workers_of_a_graph() -> None:
    assert ParallelConfig(workers=7).graph_workers == 7


@pytest.mark.parametrize(
    ("settings", "graph", "cpu", "io"),
    [
        ({}, "threads", "processes", "threads"),
        ({"backend": "sync"}, "sync", "sync", "sync"),
        ({"backend": "threads"}, "threads", "processes", "threads"),
        ({"backend": "processes"}, "processes", "processes", "threads"),
        ({"backend": "distributed"}, "distributed", "distributed", "threads"),
        ({"backend": "ray"}, "ray", "ray", "threads"),
        ({"scheduler": "tls://host:8786"}, "distributed", "distributed", "threads"),
        ({"backend": "processes", "scheduler": "tls://host:8786"}, "processes", "processes", "threads"),
        ({"enabled": False, "backend": "processes"}, "sync", "sync", "sync"),
        ({"enabled": False, "scheduler": "tls://host:8786"}, "sync", "sync", "sync"),
    ],
)
def test_where_things_really_run(settings: dict[str, Any], graph: str, cpu: str, io: str) -> None:
    config = ParallelConfig(**settings)
    assert [backend_name(config, purpose) for purpose in ("graph", "cpu", "io")] == [graph, cpu, io]


@pytest.mark.parametrize("value", [0, -1, 1.0, 2.5, "2", True, [1]])
@pytest.mark.parametrize("name", ["max_workers_cpu", "max_workers_io", "chunk_size", "workers"])
def test_counts_are_whole_and_positive(name: str, value: object) -> None:
    with pytest.raises(ParameterError, match=rf"^{name} must be a whole number of at least 1; found ") as raised:
        ParallelConfig(**{name: value})
    assert repr(value) in str(raised.value)


@pytest.mark.parametrize("value", [-1, 1.0, "2", False, None])
def test_retries_are_whole_and_not_negative(value: object) -> None:
    with pytest.raises(ParameterError, match=r"^retries must be a whole number of at least 0; found "):
        ParallelConfig(retries=value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["yes", "False", 2, -1, None])
@pytest.mark.parametrize("name", ["enabled", "enable_progress", "require_tls"])
def test_switches_are_on_or_off(name: str, value: object) -> None:
    with pytest.raises(ParameterError, match=f"^{name} is a switch; expected True or False; found "):
        ParallelConfig(**{name: value})


def test_switches_take_the_0_and_1_of_environment_variables() -> None:
    config = ParallelConfig(enabled=0, require_tls=1)  # type: ignore[arg-type]
    assert (config.enabled, config.require_tls) == (False, True)
    assert isinstance(config.enabled, bool)


@pytest.mark.parametrize(("name", "choices"), [("backend", BACKENDS), ("on_error", ON_ERROR)])
@pytest.mark.parametrize("value", ["", "Threads", "on mars", None, 1, ["threads"]])
def test_choices(name: str, choices: tuple[str, ...], value: object) -> None:
    with pytest.raises(ParameterError, match=f"^unknown {name}; expected one of {', '.join(choices)}; found "):
        ParallelConfig(**{name: value})


def test_a_choice_nearly_hit_is_suggested() -> None:
    with pytest.raises(ParameterError, match="did you mean 'processes'"):
        ParallelConfig(backend="process")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="did you mean 'return'"):
        ParallelConfig(on_error="returns")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (90, 90.0),
        (0.5, 0.5),
        ("90", 90.0),
        ("90s", 90.0),
        ("2m", 120.0),
        ("1h", 3600.0),
        ("500 ms", 0.5),
        (timedelta(minutes=3), 180.0),
    ],
)
def test_times(value: Any, seconds: float) -> None:
    timeout = ParallelConfig(timeout=value).timeout
    assert isinstance(timeout, float)
    assert timeout == pytest.approx(seconds)


@pytest.mark.parametrize("value", [0, -1, "0s", "soon", "5 parsecs", float("nan"), float("inf"), True])
def test_what_is_no_time(value: Any) -> None:
    with pytest.raises(ParameterError, match=r"^timeout must be a positive time; found "):
        ParallelConfig(timeout=value)


@pytest.mark.parametrize("value", ["", [1], object()])
def test_what_is_no_time_at_all(value: Any) -> None:
    with pytest.raises(ParameterError, match=r"^timeout must be a positive time; found "):
        ParallelConfig(timeout=value)


@pytest.mark.parametrize(
    ("value", "count"), [(1000, 1000), ("4 GiB", 4 << 30), ("1GB", 10**9), ("512MiB", 512 << 20), ("1e6", 10**6)]
)
def test_amounts_of_memory(value: int | str, count: int) -> None:
    assert ParallelConfig(memory_limit=value).memory_limit == count


@pytest.mark.parametrize("value", [0, -1, "0", "much", "4 parsecs", 0.5, float("nan"), [1], object()])
def test_what_is_no_amount_of_memory(value: Any) -> None:
    with pytest.raises(ParameterError, match=r"^memory_limit must be an amount of memory; found "):
        ParallelConfig(memory_limit=value)


@pytest.mark.parametrize("value", [float("inf"), "1e400", True])
def test_what_is_no_amount_of_memory_at_all(value: Any) -> None:
    with pytest.raises(ParameterError, match=r"^memory_limit must be an amount of memory; found "):
        ParallelConfig(memory_limit=value)


def test_a_configuration_is_a_value() -> None:
    config = ParallelConfig(backend="threads", workers=2, timeout="1m", memory_limit="1 GiB")
    assert pickle.loads(pickle.dumps(config)) == config
    same = ParallelConfig(backend="threads", workers=2, timeout=60.0, memory_limit=1 << 30)
    assert len({config, same, dataclasses.replace(config), ParallelConfig()}) == 2


@pytest.mark.parametrize("name", NAMES)
def test_nothing_can_be_set_afterwards(name: str) -> None:
    config = ParallelConfig()
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(config, name, getattr(config, name))


def test_only_what_was_chosen_is_shown() -> None:
    assert repr(ParallelConfig()) == "ParallelConfig()"
    config = ParallelConfig(enabled=False, backend="processes", timeout="2m", on_error="skip")
    assert repr(config) == "ParallelConfig(enabled=False, backend='processes', on_error='skip', timeout=120.0)"
    assert eval(repr(config)) == config


def test_the_table_of_a_notebook_has_all_settings() -> None:
    shown = ParallelConfig(workers=7)._repr_html_()
    assert shown.startswith("<table>")
    assert shown.endswith("</table>")
    for name in NAMES:
        assert f"<td>{name}</td>" in shown
    assert "<tr><td>workers</td><td>7</td></tr>" in shown
    assert "dashboard" not in shown


def test_the_table_of_a_notebook_is_escaped() -> None:
    class Odd:
        dashboard_link = "http://host/?a=1&b=2\"'><script>alert(1)</script>"

        def __repr__(self) -> str:
            return "<img src=x onerror='alert(1)'>"

    shown = ParallelConfig(scheduler=Odd())._repr_html_()  # type: ignore[arg-type]
    assert "<script" not in shown
    assert "<img" not in shown
    assert f'<a href="{html.escape(Odd.dashboard_link)}">' in shown


def test_disabled_by_the_environment_whatever_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISABLE_PARALLEL", "1")
    for config in (ParallelConfig(), ParallelConfig(enabled=True, backend="processes", workers=4)):
        assert not config.enabled
        assert [backend_name(config, purpose) for purpose in ("graph", "cpu", "io")] == ["sync"] * 3


@pytest.mark.parametrize("value", ["", "0"])
def test_other_values_in_the_environment_disable_nothing(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISABLE_PARALLEL", value)
    assert ParallelConfig().enabled


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_cpus_are_those_that_may_be_used() -> None:
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from sleepdask import ParallelConfig; c = ParallelConfig()\n"
        "print(c.max_workers_cpu, c.max_workers_io, c.graph_workers)"
    )
    assert run_python(code).stdout.split() == ["1", "4", "1"]


def test_an_import_is_quiet_and_light() -> None:
    code = (
        "import sys, sleepdask.parallel\n"
        "assert sleepdask.parallel.ParallelConfig().chunk_size == 10\n"
        "heavy = {'distributed', 'ray', 'numba', 'tqdm', 'rich', 'pandas', 'xarray'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = run_python(code)
    assert (done.stdout, done.stderr) == ("", "")
