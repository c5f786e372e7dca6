"""Contexts that take their time to enter and leave, for an event loop that goes on meanwhile."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


@asynccontextmanager
async def in_threads(context: AbstractContextManager[T]) -> AsyncIterator[T]:
    """Enter and leave a context in other threads; once it is entered it is left, whoever is cancelled and when."""
    entering = asyncio.ensure_future(asyncio.to_thread(context.__enter__))
    try:
        value = await asyncio.shield(entering)
    except asyncio.CancelledError:
        await asyncio.wait([entering])
        if not entering.cancelled() and entering.exception() is None:
            await _to_its_end(context.__exit__, None, None, None)
        raise
    try:
        yield value
    except BaseException:
        if not await _to_its_end(context.__exit__, *sys.exc_info()):
            raise
    else:
        await _to_its_end(context.__exit__, None, None, None)


async def _to_its_end(function: Callable[..., Any], *arguments: Any) -> Any:
    """Wait for a function in another thread, even if cancelled meanwhile."""
    running = asyncio.ensure_future(asyncio.to_thread(function, *arguments))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
