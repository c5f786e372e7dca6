"""Features that were chosen by name or by group: of those of a group, only what fits an epoch is meant."""

from __future__ import annotations

from collections.abc import Iterable

from sleepdask.errors import ParameterError
from sleepdask.features.base import Feature


class Selection(tuple[Feature, ...]):
    """Features, some of which were not asked for by name.

    Parameters
    ----------
    features
        All of them.
    by_group
        Those that came with a family or with all.
    """

    by_group: frozenset[Feature]

    def __new__(cls, features: Iterable[Feature], by_group: Iterable[Feature] = ()) -> Selection:
        made = super().__new__(cls, features)
        made.by_group = frozenset(by_group)
        return made

    def __getnewargs__(self) -> tuple[tuple[Feature, ...], frozenset[Feature]]:
        return tuple(self), self.by_group


def joined(parts: Iterable[Iterable[Feature]]) -> Selection:
    """Several selections as one: of a name that one of them has by itself, and others by group, the first is meant."""
    selections = [part if isinstance(part, Selection) else Selection(part) for part in parts]
    named = {each.name for part in selections for each in part if each not in part.by_group}
    chosen: list[Feature] = []
    by_group: dict[str, Feature] = {}
    for part in selections:
        for each in part:
            if each not in part.by_group:
                chosen.append(each)
            elif each.name not in named and each.name not in by_group:
                by_group[each.name] = each
                chosen.append(each)
    return Selection(chosen, by_group.values())


def fitting(features: Iterable[Feature], window: int) -> tuple[tuple[Feature, ...], list[str]]:
    """Features without those of a group that need a longer epoch than one of so many ns, and notes on these.

    Raises
    ------
    ParameterError
        There would be none left.
    """
    by_group = features.by_group if isinstance(features, Selection) else frozenset()
    features = tuple(features)
    long = [each for each in features if each in by_group and window < each.minimal_window * 1e9]
    left = tuple(each for each in features if each not in long)
    if long and not left:
        shortest = min(each.minimal_window for each in long)
        raise ParameterError(
            "epoch is too short for all of these features",
            expected=f"at least {shortest:g} s",
            found=f"{window / 1e9:g} s",
        )
    return left, [f"no {each.name}, which needs epochs of at least {each.minimal_window:g} s" for each in long]
