"""The one compiler setting of all kernels: one compilation for each kind of samples, cached where it can be."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from threading import Lock
from typing import Any, TypeVar, cast

# Looked up by name because numba ships no type information.
_numba: Any = import_module("numba")

Function = TypeVar("Function", bound=Callable[..., Any])
Signature = Callable[[Any], Any]

INTEGER = _numba.types.int64
REAL = _numba.types.float64
CODE = _numba.types.uint16
SHORT = _numba.types.int16
BYTE = _numba.types.uint8
KEY = _numba.types.uint64
PLACE = _numba.types.int32
NOTHING = _numba.types.void

_compiling = Lock()


def readable(scalar: Any, ndim: int) -> Any:
    """Return the type of a C-ordered array that is only read; it takes read-only and writable arrays."""
    return _numba.types.Array(scalar, ndim, "C", readonly=True)


def writable(scalar: Any, ndim: int) -> Any:
    """Return the type of a C-ordered array that is written to."""
    return _numba.types.Array(scalar, ndim, "C")


def kernel(signature: Signature) -> Callable[[Function], Function]:
    """Compile a function, whose first argument is an array of samples, for float32 or float64 when first called.

    The signature is explicit, so that neither a read-only array nor a narrower integer in some worker
    compiles it again, and the GIL is released. No ``fastmath``: it would let every type of processor add
    in an order of its own. The cache lies beside the module, or in the user's cache directory when the
    package is read-only; where neither can be written, as in some containers, the function is compiled
    anew in each process. The cache of a kernel does not notice a change of a `helper` in another file:
    remove ``__pycache__`` after editing one.
    """

    def wrap(function: Function) -> Function:
        compiled: dict[Any, Callable[..., Any]] = {}

        @wraps(function)
        def call(samples: Any, *rest: Any) -> Any:
            kind = samples.dtype
            if kind not in compiled:
                with _compiling:
                    if kind not in compiled:
                        compiled[kind] = _compile(function, signature(getattr(_numba.types, kind.name)))
            return compiled[kind](samples, *rest)

        return cast(Function, call)

    return wrap


def single(signature: Any) -> Callable[[Function], Function]:
    """Compile a function of one signature, as `kernel` does, when its module is imported."""

    def wrap(function: Function) -> Function:
        return _compile(function, signature)

    return wrap


def helper(function: Function) -> Function:
    """Compile a function that kernels call: it is part of theirs and has no signature of its own."""
    return cast(Function, _numba.njit(nogil=True, error_model="numpy")(function))


def _compile(function: Function, signature: Any) -> Function:
    try:
        compiled = _numba.njit(signature, nogil=True, error_model="numpy", cache=True)(function)
    except (RuntimeError, OSError):  # no place for a cache, or none left in it
        compiled = _numba.njit(signature, nogil=True, error_model="numpy")(function)
    return cast(Function, compiled)
