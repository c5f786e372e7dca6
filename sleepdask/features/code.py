"""Classes that are none of the package: a hash of what they do, and themselves as bytes that any worker takes."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import RLock
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

_PACKAGE = __name__.partition(".")[0]
_here: WeakValueDictionary[str, type] = WeakValueDictionary()
_lock = RLock()  # what travels by value is one setting of the process


def is_ours(kind: type) -> bool:
    """Whether a class comes with the package."""
    return kind.__module__.partition(".")[0] == _PACKAGE


def class_digest(kind: type) -> str:
    """Hash of all methods of a class and of its bases that are none of the package, and of what they use.

    It is the same in every process of one version of Python. Functions count with those of their own module that they
    call and the plain values that they read; names of other modules only by name.
    """
    seen: dict[int, str] = {}
    parts = []
    for base in kind.__mro__:
        if base is not object and not is_ours(base):
            parts += [(name, _member(value, seen)) for name, value in sorted(vars(base).items()) if _counts(name)]
    return _hashed(parts)


def packed(kind: type) -> tuple[str, bytes]:
    """Class with its module's own functions, so that it can be made again where that module is not; and its name."""
    import cloudpickle

    with _lock:
        name = f"{kind.__module__}.{kind.__qualname__} {id(kind)} {class_digest(kind)}"
        _here[name] = kind
        with _by_value(sys.modules.get(kind.__module__)):
            return name, cloudpickle.dumps(kind)


def unpacked(name: str, data: bytes) -> Any:
    """Class that `packed` gave: made once in a process, and never anew where it comes from."""
    import cloudpickle

    with _lock:
        if name not in _here:
            _here[name] = cloudpickle.loads(data)
        return _here[name]


@contextmanager
def _by_value(module: ModuleType | None) -> Iterator[None]:
    import cloudpickle

    known = module is None or module.__name__ in cloudpickle.list_registry_pickle_by_value()
    if module is None or known or module.__name__ == "__main__":
        yield
        return
    cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        cloudpickle.unregister_pickle_by_value(module)


def _counts(name: str) -> bool:
    """Whether a member of a class is written by whoever wrote the class, or is a parameter of what it does."""
    return not (name.startswith("__") and name.endswith("__")) or name in ("__post_init__", "__call__")


def _member(value: Any, seen: dict[int, str]) -> Any:
    if isinstance(value, property):
        return [_member(part, seen) for part in (value.fget, value.fset, value.fdel)]
    if isinstance(value, staticmethod | classmethod):
        return _member(value.__func__, seen)
    return _value(value, seen, "")


def _value(value: Any, seen: dict[int, str], home: str) -> Any:
    """What a value amounts to; `home` is the module whose functions count with their code."""
    wrapped = getattr(value, "__wrapped__", None) or getattr(value, "py_func", None)  # such as by functools, numba
    if isinstance(wrapped, FunctionType):
        return type(value).__qualname__, _value(wrapped, seen, home)
    if isinstance(value, FunctionType):
        if home and value.__module__ != home:
            return f"{value.__module__}.{value.__qualname__}"
        return _function(value, seen)
    if isinstance(value, ModuleType):
        return value.__name__
    if isinstance(value, type | BuiltinFunctionType) or callable(value):
        return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', type(value).__qualname__)}"
    return _plain(value, seen, home)


def _plain(value: Any, seen: dict[int, str], home: str) -> Any:
    """Value of a kind whose text or bytes tell all of it; of another kind, the name of that."""
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | np.generic):
        return repr(value)
    if isinstance(value, np.ndarray) and value.dtype != object:
        return str(value.dtype), value.shape, hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
    if isinstance(value, Mapping):
        return sorted((repr(key), _value(each, seen, home)) for key, each in value.items())
    if isinstance(value, tuple | list):
        return [_value(each, seen, home) for each in value]
    if isinstance(value, set | frozenset):
        return sorted(repr(_value(each, seen, home)) for each in value)
    return type(value).__qualname__


def _function(function: FunctionType, seen: dict[int, str]) -> str:
    if id(function) in seen:
        return seen[id(function)]
    seen[id(function)] = function.__qualname__  # one that calls itself
    home = function.__module__
    closure = [cell.cell_contents for cell in function.__closure__ or ()]
    names = sorted(_names(function.__code__) & set(function.__globals__))
    parts = [
        _code(function.__code__),
        [_value(value, seen, home) for value in (*(function.__defaults__ or ()), *closure)],
        [(name, _value(value, seen, home)) for name, value in sorted((function.__kwdefaults__ or {}).items())],
        [(name, _value(function.__globals__[name], seen, home)) for name in names],
    ]
    seen[id(function)] = _hashed(parts)
    return seen[id(function)]


def _names(code: CodeType) -> set[str]:
    """Global names that a function and those within it use."""
    return set(code.co_names).union(*(_names(const) for const in code.co_consts if isinstance(const, CodeType)))


def _code(code: CodeType) -> Any:
    constants = [_code(const) if isinstance(const, CodeType) else _constant(const) for const in code.co_consts]
    return code.co_code.hex(), constants, code.co_names, code.co_varnames


def _constant(value: Any) -> str:
    """Text of a constant; those of a set in order, as it has none of its own."""
    return f"{{{', '.join(sorted(map(repr, value)))}}}" if isinstance(value, frozenset) else repr(value)


def _hashed(parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
