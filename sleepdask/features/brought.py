"""Features that other packages bring, by entry points."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib.metadata import entry_points
from types import ModuleType

from sleepdask.features.base import Feature

GROUP = "sleepdask.features"


def bring(register: Callable[[type[Feature]], object]) -> None:
    """Import what the entry points of the group name: a class of a feature, or a module that registers some.

    One that cannot be loaded is left out, with a warning, and keeps no other from working.
    """
    for feature in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        try:
            found = feature.load()
            if isinstance(found, ModuleType):
                continue
            if not (isinstance(found, type) and issubclass(found, Feature)):
                raise TypeError("it is neither a module nor a class derived from sleepdask.features.Feature")
            register(found)
        except Exception as error:
            message = (
                f"the feature {feature.name!r} ({feature.value}) cannot be loaded: {type(error).__name__}: {error}"
            )
            warnings.warn(message, stacklevel=2)
