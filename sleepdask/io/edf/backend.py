"""EDF files as an xarray engine: ``xr.open_dataset("night.edf", engine="edf", rate=100)``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import xarray as xr
from xarray.backends import BackendEntrypoint

from sleepdask.errors import ParameterError
from sleepdask.findings import Findings
from sleepdask.io.edf.opening import EdfFile
from sleepdask.io.remote.file import RemoteFile, locate, named

SUFFIXES = (".edf", ".bdf")


class EdfBackendEntrypoint(BackendEntrypoint):
    """European Data Format: one node per sampling rate, lazy."""

    description = "Open European Data Format recordings (.edf, .bdf), one dataset per sampling rate"
    supports_groups = True

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Tell from the name, as EDF files have no magic number of their own."""
        if not isinstance(filename_or_obj, str | os.PathLike):
            return False
        try:
            return named(locate(filename_or_obj)).suffix.lower() in SUFFIXES
        except ParameterError:
            return False  # file systems within each other

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        rate: float | None = None,
        dtype: str = "float32",
        policy: str = "warn",
        timezone: str | None = None,
        keep_identity: bool = False,
        storage_options: Mapping[str, Any] | None = None,
    ) -> xr.Dataset:
        """Open the signals of one sampling rate; `rate` in Hz may be left out where there is only one."""
        path = locate(filename_or_obj, storage_options)
        findings = Findings(str(path), policy)
        file = EdfFile.open(path, findings, dtype=dtype, timezone=timezone, keep_identity=keep_identity)
        nodes = [node for node in file.nodes.values() if rate is None or abs(float(node[0]) - rate) < 1e-6 * rate]
        if len(nodes) != 1:
            rates = ", ".join(f"{float(hz):g}" for hz, _ in file.nodes.values())
            raise ParameterError(
                "the file has no signal of this rate" if rate is not None else "the file has several sampling rates",
                where=path,
                expected=f"rate= one of {rates or 'none: there are no signals'} (Hz)",
                found=rate,
                fix="or open all with open_recording",
            )
        ((_, signals),) = nodes
        dataset = file.dataset(signals)
        dataset.attrs = ({} if file.zone is None else {"time_zone": file.zone.name}) | file.identity
        if isinstance(path, RemoteFile):
            dataset.encoding["source"] = str(path)  # else the URL as it was given, with all that is secret in it
        return dataset.drop_vars(drop_variables) if drop_variables else dataset

    def open_groups_as_dict(self, filename_or_obj: Any, **options: Any) -> dict[str, xr.Dataset]:
        """Open every node, the root under ``"/"``; options as for `open_datatree`."""
        tree = self.open_datatree(filename_or_obj, **options)
        return {node.path: node.to_dataset(inherit=False) for node in tree.subtree}

    def open_datatree(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        dtype: str = "float32",
        policy: str = "warn",
        timezone: str | None = None,
        keep_identity: bool = False,
        storage_options: Mapping[str, Any] | None = None,
    ) -> xr.DataTree:
        """Open the whole recording: reads the header and, in EDF+ files, the annotations; no sample."""
        path = locate(filename_or_obj, storage_options)
        findings = Findings(str(path), policy)
        file = EdfFile.open(path, findings, dtype=dtype, timezone=timezone, keep_identity=keep_identity)
        tree = file.recording()
        if isinstance(path, RemoteFile):
            tree.encoding["source"] = str(path)
        if not drop_variables:
            return tree
        dropped: xr.DataTree = tree.map_over_datasets(lambda node: node.drop_vars(drop_variables, errors="ignore"))
        return dropped
