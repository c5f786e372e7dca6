"""Compiled kernels are cached on disk, also when the package's folder is read-only."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sleepdask import jit


def test_import__no_compiler() -> None:
    code = (
        "import sys, sleepdask.features.statistics, sleepdask.features.spectral, "
        "sleepdask.features.time_domain, sleepdask.features.welch\n"
        "assert not {'numba', 'scipy', 'sleepdask.features.kernels'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "error", [RuntimeError("cannot cache function: no locator available"), OSError(28, "No space left on device")]
)
def test_kernel__compiles_where_no_cache_can_be_kept(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    real = jit._numba.njit

    def njit(*args: object, cache: bool = False, **options: object) -> object:
        if cache:
            raise error
        return real(*args, **options)

    monkeypatch.setattr(jit._numba, "njit", njit)

    @jit.single(jit.INTEGER(jit.INTEGER))
    def double(x: int) -> int:
        return 2 * x

    assert double(4) == 8
