"""Ranges over HTTP: the answer is looked at before its body is read, so that no server can send a whole night.

Source: Fielding et al. 2022, HTTP Semantics, RFC 9110, section 14, doi:10.17487/RFC9110.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import aiohttp
from fsspec.asyn import sync

from sleepdask.errors import RemoteFileError

_CONNECT_SECONDS, _SILENT_SECONDS = 30, 60
_TIMES, _PAUSE_SECONDS = 3, 0.2
_BUSY = (429, 500, 502, 503, 504)
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_LOST = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, asyncio.IncompleteReadError, TimeoutError)


class Answer(NamedTuple):
    """Bytes of a range, size of the whole file, and what its server tells versions apart by."""

    data: bytes
    size: int
    version: str


class _BusyError(Exception):
    """The server may answer later."""


def get_ranges(system: Any, url: str, spans: Sequence[tuple[int, int]], *, where: str, concurrent: int) -> list[Answer]:
    """Ask for each of the spans (half-open), several at a time; what was lost on the way is asked for again.

    Parameters
    ----------
    system
        File system of fsspec for HTTP: it holds the connections, the event loop and the options.
    url, spans
        What to ask for.
    where
        The URL as errors may show it.
    concurrent
        Requests at a time.

    Raises
    ------
    RemoteFileError
        If there is no such file, the server cannot be reached, breaks off, or does not answer with the range.
    """

    async def all_of_them() -> list[Answer]:
        free = asyncio.Semaphore(concurrent)

        async def one(span: tuple[int, int]) -> Answer:
            async with free:
                return await _persistently(system, url, span, where)

        tasks = [asyncio.ensure_future(one(span)) for span in spans]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    answers: list[Answer] = sync(system.loop, all_of_them)
    return answers


async def _persistently(system: Any, url: str, span: tuple[int, int], where: str) -> Answer:
    for attempt in range(1, _TIMES + 1):
        try:
            return await _get(system, url, span, where)
        except (*_LOST, _BusyError) as error:
            if attempt == _TIMES:
                raise RemoteFileError(
                    f"the server could not be read, in {_TIMES} attempts",
                    where=where,
                    found=str(error) if isinstance(error, _BusyError) else type(error).__name__,
                    fix="check the address and the network, and try again",
                ) from None
            await asyncio.sleep(_PAUSE_SECONDS * 2**attempt)
        except aiohttp.ClientError as error:  # its text may hold the whole URL
            raise RemoteFileError(
                "the address cannot be read", where=where, found=type(error).__name__, fix="check it"
            ) from None
    raise AssertionError


async def _get(system: Any, url: str, span: tuple[int, int], where: str) -> Answer:
    begin, end = span
    options = dict(system.kwargs)
    if "timeout" not in system.client_kwargs:
        limits = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENT_SECONDS)
        options.setdefault("timeout", limits)
    options["headers"] = {
        **options.get("headers", {}),
        "Range": f"bytes={begin}-{end - 1}",
        "Accept-Encoding": "identity",  # a range is one of bytes of the file, not of an archive of it
    }
    session = await system.set_session()
    async with session.get(system.encode_url(url), **options) as response:
        version = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
        stated = response.headers.get("Content-Range", "")
        if response.status == 416 and (whole := re.fullmatch(r"bytes \*/(\d+)", stated)):
            return Answer(b"", int(whole[1]), version)
        if response.status != 206:
            response.close()  # the body stays where it is
            raise _refusal(response.status, where)
        found = _CONTENT_RANGE.fullmatch(stated)
        first, last, size = map(int, found.groups()) if found else (-1, -1, -1)
        if first != begin or last != min(end, size) - 1 or response.headers.get("Content-Encoding", "") not in _PLAIN:
            response.close()
            raise RemoteFileError(
                "the server answers with another part of the file than was asked for",
                where=where,
                expected=f"bytes {begin}-{end - 1}",
                found=repr(stated[:80]) if stated else "no Content-Range",
                fix=_COPY,
            )
        return Answer(await response.content.readexactly(last + 1 - first), size, version)


_PLAIN = ("", "identity")
_COPY = "copy the file to this machine, or serve it from a server that knows ranges"


def _refusal(status: int, where: str) -> Exception:
    if status in _BUSY:
        return _BusyError(f"HTTP status {status}")
    if status == 200:
        return RemoteFileError(
            "the server ignores requests for a part of a file (Range), and would send the whole",
            where=where,
            expected="HTTP status 206",
            found=200,
            fix=_COPY,
        )
    if status in (404, 410):
        return RemoteFileError("no such file", where=where, found=f"HTTP status {status}", fix="check the address")
    if status in (401, 403, 407):
        return RemoteFileError(
            "the server lets nobody without the right credentials read it",
            where=where,
            found=f"HTTP status {status}",
            fix="give them as storage_options=, or sign the address anew",
        )
    return RemoteFileError(
        "the server does not give the file", where=where, expected="HTTP status 206", found=status, fix=_COPY
    )
