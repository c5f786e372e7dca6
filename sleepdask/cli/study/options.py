"""Options that say what a study computes and where it runs, for the verbs that need to know."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from sleepdask.cli.channels import channel_table_option
from sleepdask.cli.epochs import epoch_options
from sleepdask.cli.locations import layout_option
from sleepdask.cli.output import policy_option, timezone_option
from sleepdask.cli.own import import_option
from sleepdask.cli.preprocessing import preprocessing_options
from sleepdask.cli.where import PLACE_OPTIONS
from sleepdask.study.config import StudyConfig, load_study_config
from sleepdask.study.settings import EXTRACTION
from sleepdask.study.study import DEFAULT_FEATURES

_file = click.option(
    "--config",
    "study_config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="YAML file that says what a study computes and how; options given beside it win.",
)
_features = click.option(
    "--features",
    default=DEFAULT_FEATURES,
    show_default=True,
    help="Features or families (see the verb features) or all, joined by commas; parameters follow a colon, as in"
    " bandpower:average=median,hjorth.",
)
_PLACE = ("backend", "workers", "scheduler", "security")
_SETTINGS = (
    *("features", *EXTRACTION, "channels", "channel_table", "filter", "notch", "reference"),
    *("policy", "timezone", "layout", "arrays", *_PLACE),
)

_arrays = click.option("--arrays", is_flag=True, help="Also write the features of each recording in Zarr.")


def plan_options(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options to a verb, which gets what they say as `study_config`: the file, and over it what was given."""

    @wraps(command)
    def run(*, study_config: Path | None, **rest: Any) -> int:
        told = {name: rest.pop(name) for name in _SETTINGS}
        source = click.get_current_context().get_parameter_source
        given = {name: value for name, value in told.items() if source(name) is not ParameterSource.DEFAULT}
        config = StudyConfig() if study_config is None else load_study_config(study_config)
        return command(study_config=config.merged(**given), **rest)

    opening = (timezone_option, policy_option, layout_option, channel_table_option)
    for option in (
        *(*reversed(PLACE_OPTIONS), _arrays),
        *(*opening, preprocessing_options, epoch_options),
        *(import_option, _features, _file),
    ):
        run = option(run)
    return run
