"""Features of other packages, by entry points."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, EntryPoints
from types import ModuleType

import numpy as np
import pytest

from sleepdask.features import Hjorth, brought, catalogue, create, feature, registry

Bring = Callable[..., None]


def longest(samples: np.ndarray, sampling_frequency: float) -> float:
    return samples.size / sampling_frequency


@pytest.fixture
def bring(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bring]:
    """Let installed packages name features: `bring(name="target", ...)`."""
    monkeypatch.setattr(registry, "_FEATURES", dict(registry._FEATURES))
    module = ModuleType("a_package_with_features")
    module.longest = feature()(longest)
    del registry._FEATURES["longest"]
    module.number, module.taken = 3, type("Taken", (Hjorth,), {"__module__": module.__name__})
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def install(**named: str) -> None:
        points = [EntryPoint(name, module.__name__ + target, brought.GROUP) for name, target in named.items()]
        monkeypatch.setattr(brought, "entry_points", lambda group: EntryPoints(points).select(group=group))
        registry._bring.cache_clear()

    yield install
    registry._bring.cache_clear()


def test_a_class_of_another_package_is_in_the_catalogue(bring: Bring) -> None:
    assert "longest" not in catalogue()
    bring(mine=":longest", whole="")
    assert create("longest").outputs[0].name == "longest"
    assert "longest" in catalogue()


@pytest.mark.parametrize(
    ("target", "cause"),
    [
        (":absent", "AttributeError"),
        ("_not:x", "ModuleNotFoundError"),
        (":number", "TypeError: it is neither a module nor a class"),
        (":taken", "there is a feature 'hjorth' in the package"),
    ],
)
def test_one_that_fails_keeps_no_other_from_working(bring: Bring, target: str, cause: str) -> None:
    bring(a=target, b=":longest")
    with pytest.warns(UserWarning, match=rf"the feature 'a' \(a_package_with_features.*cannot be loaded: .*{cause}"):
        names = list(catalogue())
    assert {"longest", "hjorth"} <= set(names)
    assert catalogue()["hjorth"] is Hjorth
