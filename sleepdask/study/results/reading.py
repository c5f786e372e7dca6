"""Reading the table of one recording: some of its columns, and the values that count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from sleepdask.errors import FileFormatError
from sleepdask.features.task import OK, PARTIAL, STATUSES
from sleepdask.io.results import description
from sleepdask.study.files import StudyFiles
from sleepdask.study.parts import part_name
from sleepdask.study.results.columns import split_column

_COUNTING = pa.array([STATUSES[OK], STATUSES[PARTIAL]])
_RUN_AGAIN = "run the study again: what is whole is kept"


@dataclass(frozen=True)
class Values:
    """Values of the epochs of one recording.

    ``stages`` (epoch,) is "" where not scored; ``values`` (column, epoch) is NaN where there is none, or where its node
    has the status missing or failed.
    """

    stages: NDArray[np.str_]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class PartReader:
    """Reads the part files of a study.

    Parameters
    ----------
    files
        Of the study.
    schema
        Of each of its part files.
    """

    files: StudyFiles
    schema: pa.Schema

    def table(self, recording_id: str, columns: Sequence[str]) -> pa.Table:
        """Read columns of the table of a recording, nothing else of it but the footer.

        Raises
        ------
        FileFormatError
            There is no such table, it is damaged, or has other columns than the study.
        """
        return self._part(recording_id).table(columns)

    def values(self, recording_id: str, columns: Sequence[str]) -> Values:
        """Values of feature columns that count.

        Raises
        ------
        FileFormatError
            As `table`, or the table does not say which channels its nodes have.
        """
        part = self._part(recording_id)
        node_of = part.nodes
        nodes = {name: node_of.get(split_column(name)[0]) for name in columns}
        statuses = {node: f"{node}/status" for node in nodes.values() if node is not None}
        table = part.table(["stage", *columns, *statuses.values()])
        counts = {node: pc.is_in(table.column(name), value_set=_COUNTING).to_numpy() for node, name in statuses.items()}
        values = np.empty((len(columns), len(table)))
        for k, (name, node) in enumerate(nodes.items()):
            values[k] = table.column(name).to_numpy()
            if node is not None:
                values[k, ~counts[node]] = np.nan
            elif not np.isnan(values[k]).all():
                raise FileFormatError(f"{name} has values, but no node has its channel", where=part.name)
        return Values(np.array(table.column("stage").fill_null("").to_pylist(), dtype=np.str_), values)

    def _part(self, recording_id: str) -> _Part:
        filesystem, root = self.files.arrow()
        name = part_name(recording_id)
        fragment = ds.ParquetFileFormat().make_fragment(f"{root}/{name}", filesystem)
        return _Part(fragment, self.schema, f"{self.files.location}/{name}")


@dataclass(frozen=True)
class _Part:
    """One file; its footer is read once."""

    fragment: Any
    schema: pa.Schema
    name: str

    @cached_property
    def own_schema(self) -> pa.Schema:
        with _told(self.name):
            return self.fragment.physical_schema

    @cached_property
    def nodes(self) -> dict[str, str]:
        """Node of each channel that the recording has."""
        schema = self.own_schema
        try:
            nodes = description(schema)["nodes"].items()
            return {channel["name"]: node for node, each in nodes for channel in each["channels"]}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FileFormatError("does not say which channels its nodes have", where=self.name) from error

    def table(self, columns: Sequence[str]) -> pa.Table:
        for name in columns:
            if name not in self.own_schema.names:
                what = "has other columns than the study, those of an earlier plan"
                raise FileFormatError(what, where=self.name, expected=name, fix=_RUN_AGAIN)
        wanted = pa.schema([self.schema.field(name) for name in columns])
        with _told(self.name):
            return self.fragment.to_table(schema=wanted, columns=list(columns), use_threads=False)


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Turn what Arrow raises into an error that says where, and what to do."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileFormatError("the table of a recording is missing", where=name, fix=_RUN_AGAIN) from error
    except (OSError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
        what = "the table of a recording cannot be read"
        raise FileFormatError(what, where=name, found=str(error).splitlines()[0], fix=_RUN_AGAIN) from error
