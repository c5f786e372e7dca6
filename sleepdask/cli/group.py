"""A group of verbs that imports each one when it is called, so that help answers at once."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from sleepdask.errors import did_you_mean


class LazyGroup(click.Group):
    """Group of the verbs of a package: a module a verb, with its `command`.

    Parameters
    ----------
    verbs
        What each does, in one line.
    package
        Where their modules are.
    """

    def __init__(self, *args: Any, verbs: Mapping[str, str], package: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._verbs, self._package = verbs, package

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._verbs:
            return None
        command: click.Command = importlib.import_module(f"{self._package}.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(self._verbs.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self._verbs:
            raise click.UsageError(f"no such verb {args[0]!r}; {did_you_mean(args[0], self._verbs)}")
        return super().resolve_command(ctx, args)
