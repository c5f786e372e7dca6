"""Which columns become figures, in which order rows come, and what is cut."""

from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd
import pytest
from study_example import FEATURES, example, plan

from sleepdask.study.reporting.distributions import MOST_FIGURES, MOST_ROWS, distributions, separation
from sleepdask.study.reporting.report import report_data

NAMES = ("recordings", "epochs", "mean", "std", "std_between", "min", "q05", "q25", "q50", "q75", "q95", "max")


def summary(rows: list[tuple[Any, ...]], *by: str) -> pd.DataFrame:
    """Rows of by..., column, recordings, median; quartiles lie 1 from it."""
    table = []
    for *labels, column, recordings, middle in rows:
        numbers = (
            recordings,
            10 * recordings,
            middle,
            1,
            1,
            middle - 9,
            middle - 2,
            middle - 1,
            middle,
            middle + 1,
            middle + 2,
        )
        table.append((*labels, column, *numbers, middle + 9))
    return pd.DataFrame(table, columns=[*by, "column", *NAMES])


def plan_of(*columns: str) -> dict[str, Any]:
    return {
        "features": [dict(each) for each in FEATURES],
        "columns": {name: {"units": "1", "definition": "", "reference": ""} for name in columns},
    }


def test_one_figure_is_made_of_each_feature_and_type_of_channel() -> None:
    study = example(50)
    assert study.summary is not None
    found = distributions(study.summary, study.plan)
    kinds = [(figure.signal_type, figure.feature) for figure in found.figures]
    assert len(set(kinds)) == len(kinds)
    assert kinds[:6] == [(kind, each) for kind in ("eeg", "eog") for each in ("bandpower", "hjorth", "statistics")]
    assert found.figures_left == 0


def test_the_channel_is_the_one_that_most_recordings_have() -> None:
    columns = ("C3/mean", "C4/mean", "O1/mean")
    rows = [("W", name, count, 5.0) for name, count in zip(columns, (3, 9, 9), strict=True)]
    found = distributions(summary(rows, "stage"), plan_of(*columns))
    assert [figure.column for figure in found.figures] == ["C4/mean"]


def test_the_output_is_the_one_that_tells_stages_apart_whatever_the_groups_do() -> None:
    columns = ("C3/mean", "C3/std", "C3/kurtosis")
    rows = [
        (stage, group, name, 5, value)
        for name, by_stage, by_group in (("C3/mean", 0.0, 0.0), ("C3/std", 4.0, 0.0), ("C3/kurtosis", 1.0, 50.0))
        for stage, group, value in (
            ("W", "a", 0.0),
            ("W", "b", by_group),
            ("N3", "a", by_stage),
            ("N3", "b", by_stage + by_group),
        )
    ]
    found = distributions(summary(rows, "stage", "group"), plan_of(*columns))
    assert [figure.column for figure in found.figures] == ["C3/std"]


def test_without_stages_the_first_output_is_shown() -> None:
    columns = ("C3/std", "C3/mean")
    found = distributions(summary([(name, 5, 3.0) for name in columns]), plan_of(*columns))
    assert [figure.column for figure in found.figures] == ["C3/std"]
    assert (found.by, found.groups, found.figures[0].rows[0].labels) == ((), (), ())


def test_rows_come_by_stage_then_group_and_what_is_not_scored_last() -> None:
    rows = [(stage, group, "C3/mean", 5, 3.0) for group in ("b", "a") for stage in ("", "R", "W", "N1")]
    [figure] = distributions(summary(rows, "stage", "group"), plan_of("C3/mean")).figures
    order = [
        ("W", "a"),
        ("W", "b"),
        ("N1", "a"),
        ("N1", "b"),
        ("R", "a"),
        ("R", "b"),
        ("not scored", "a"),
        ("not scored", "b"),
    ]
    assert [row.labels for row in figure.rows] == order


def test_a_column_without_values_and_one_that_is_no_feature_make_no_figure() -> None:
    rows = [("W", "C3/mean", 0, math.nan), ("W", "100Hz/coverage", 5, 1.0)]
    found = distributions(summary(rows, "stage"), plan_of("C3/mean"))
    assert found.figures == ()
    assert [row.column for row in found.rows] == ["C3/mean"]


def test_what_is_too_much_is_cut_and_counted() -> None:
    columns = [f"C3/own_{k}" for k in range(400)]
    rows = [(stage, name, 5, 3.0) for name in columns for stage in ("W", "N1", "N2", "N3", "R")]
    found = distributions(summary(rows, "stage"), plan_of(*columns))
    assert (len(found.figures), found.figures_left) == (MOST_FIGURES, 400 - MOST_FIGURES)
    assert (len(found.rows), found.rest) == (MOST_ROWS, 2000 - MOST_ROWS)


def test_a_covariate_of_numbers_is_written_as_such() -> None:
    rows = [("W", 1.0, "C3/mean", 5, 3.0), ("W", math.nan, "C3/mean", 5, 3.0), ("W", 2.5, "C3/mean", 5, 3.0)]
    found = distributions(summary(rows, "stage", "dose"), plan_of("C3/mean"))
    assert found.groups == ("1", "2.5", "none")


def test_separation_of_equal_values_is_none() -> None:
    rows = distributions(summary([("W", "C3/mean", 5, 3.0)], "stage"), plan_of("C3/mean")).rows
    assert separation(rows) == 0.0


def test_the_data_are_plain_json() -> None:
    study = example(20)
    assert study.summary is not None
    study.summary.loc[0, "q50"] = math.nan
    document = study.data().document()
    assert json.loads(json.dumps(document, allow_nan=False)) == document


@pytest.mark.parametrize(
    "features",
    [
        [{"feature": "from_elsewhere", "version": 3, "parameters": {"x": 1}}],
        [{}],
        [{"feature": "bandpower", "parameters": {"bands": 3}}],
    ],
)
def test_features_that_are_not_known_here_do_not_keep_the_page_from_being_made(features: list[dict[str, Any]]) -> None:
    rows = [("W", "C3/new", 5, 3.0)]
    data = report_data([], [], plan_of("C3/new") | {"features": features}, summary(rows, "stage"), location="x")
    assert data.distributions is not None
    assert [figure.feature for figure in data.distributions.figures] == ["new"]


def test_definitions_join_the_channels_that_share_them() -> None:
    data = report_data([], [], plan(), location="x")
    [delta] = [each for each in data.definitions.columns if each.name == "bandpower_delta"]
    assert (delta.units, delta.channels) == ("µV²", 4)
    assert delta.reference.link == "https://doi.org/10.1109/TAU.1967.1161901"
    assert len(data.definitions.sources) == len({each.text for each in data.definitions.sources}) == 3
