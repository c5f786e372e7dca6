"""What is made of the channels of a recording before its features are computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import xarray as xr


@dataclass(frozen=True)
class Harmonisation:
    """Channels as the file has them."""

    def apply(self, recording: xr.DataTree) -> tuple[xr.DataTree, tuple[str, ...], list[str]]:
        return recording, (), []

    def document(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Harmonisation:
        return cls()
