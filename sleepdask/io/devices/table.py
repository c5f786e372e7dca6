"""Any table, read by a layout that says what its columns hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import xarray as xr

from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings
from sleepdask.io.devices.recorded import recorded
from sleepdask.io.reader import How, Look, Reader
from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.streams import Parts, Stream
from sleepdask.io.tabular.layout import TableLayout
from sleepdask.io.tabular.table import PARQUET, SUFFIXES, Table, open_layout
from sleepdask.io.tabular.telling import tell_table
from sleepdask.signals.clock import Clock
from sleepdask.zones import Zone


class TableReader(Reader):
    """CSV, TSV and Parquet files of a layout.

    Parameters
    ----------
    layout
        A `TableLayout`, a mapping of its fields, or a YAML file of them.
    """

    format: ClassVar[str] = "table"

    def __init__(self, layout: Any) -> None:
        self.layout = TableLayout.of(layout)

    def recognises(self, look: Look) -> bool:
        return not look.is_folder and look.name.endswith(SUFFIXES)

    def read(self, path: Path | RemoteFile, how: How, findings: Findings) -> xr.DataTree:
        layout = self.layout
        findings.format = "Parquet" if path.name.lower().endswith(PARQUET) else self.format
        zone = None if how.timezone is None else Zone.of(how.timezone)
        table = open_layout(path, layout, zone)
        tell_table(table, layout.columns, findings)
        values = table.values(layout.columns, how.dtype or "float32")
        if table.times is not None:
            stamps, instants, resolution = table.times
            clock = None
        else:
            clock, instants = self._clock(table, zone, path)
            stamps, resolution = None, 1
        stream = Stream(
            layout.node,
            layout.outputs,
            values,
            stamps=stamps,
            clock=clock,
            instants=instants and not layout.undated,
            resolution=resolution,
            period=layout.period,
            dated=not layout.undated,
        )
        return recorded(
            Parts([stream]),
            path,
            how,
            findings,
        )

    def _clock(self, table: Table, zone: Zone | None, path: Path | RemoteFile) -> tuple[Clock, bool]:
        """Clock of rows that have no times, and whether it is of instants."""
        if table.uncounted:
            raise FileFormatError(
                "the times of its rows cannot be told by counting them",
                where=path,
                expected="a row on each line, with a cell for each column",
                found=f"{table.uncounted:,} other lines between them",
                fix="correct these lines",
            )
        start, instants = self.layout.moment(self.layout.start, "start", zone)
        period = self.layout.period
        assert period is not None
        dated = start is not None
        clock = Clock.regular(start or 0, table.rows, period.numerator, period.denominator, dated=dated)
        return clock, instants
