"""Signals of a collection on one clock, and one table of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pandas as pd
import xarray as xr

from sleepdask.align import alignment_clock
from sleepdask.collection import replay
from sleepdask.collection.derived import Derived
from sleepdask.collection.frames import combined_signals, signal_table
from sleepdask.collection.metadata import Step, TimeSeriesMetadata, check_field
from sleepdask.collection.operations import operation_of
from sleepdask.collection.selecting import keys_meant
from sleepdask.collection.state import State
from sleepdask.errors import BackendError, ParameterError
from sleepdask.parallel.config import BackendName
from sleepdask.parallel.executor import ParallelExecutor
from sleepdask.parallel.outcome import Outcome, attempt
from sleepdask.parallel.settings import get_parallel_config
from sleepdask.runners import compute
from sleepdask.signals.clock import Clock
from sleepdask.signals.clock_json import clock_document
from sleepdask.signals.index import clock_of
from sleepdask.signals.recording import recording_tree
from sleepdask.times import Duration, duration_ns

_BELOW_ONE = (Fraction(1, 10), Fraction(1, 5), Fraction(1, 4), Fraction(1, 2))
_WHOLE = (1, 2, 5, 10, 20, 25, 50, 64, 100, 125, 128, 200, 250, 256, 500, 512, 1000, 1024)
STANDARD_RATES = (*_BELOW_ONE, *map(Fraction, _WHOLE))
_USUAL_RATE = Fraction(100)
_ALSO = {"pad": "ffill", "backfill": "bfill"}  # other names of the methods
_FEWEST = 3  # signals from which on work is shared among workers


class Aligned(Derived):
    """Contents with a clock that all signals can be put onto."""

    @property
    def alignment_clock(self) -> Clock | None:
        """Clock that signals are put onto; None before `generate_alignment_grid`."""
        return self.state.clock

    def get_nearest_standard_rate(self, rate: float | Fraction) -> float:
        """Largest usual sampling rate in Hz that is no higher than a rate; the lowest there is, if all are.

        Examples
        --------
        >>> Aligned().get_nearest_standard_rate(130.2)
        128.0
        """
        return float(_usual_rate(rate))

    def get_target_sample_rate(self, user_specified: float | Fraction | None = None) -> float:
        """Rate in Hz for a common clock: what is asked for, else that of the fastest regular signal, exactly.

        Where all signals come at any times, it is the usual rate below that of the fastest; 100 Hz without a signal.
        """
        return float(_rate(self.state, user_specified))

    def get_reference_time(self, sample_rate: float | Fraction | None = None) -> pd.Timestamp | pd.Timedelta:
        """First instant of the common clock at a rate (default `get_target_sample_rate`)."""
        state = self.state
        clock = _common(state, sample_rate)
        if not clock.dated:
            return pd.Timedelta(clock.start, unit="ns")
        moment = pd.Timestamp(clock.start, unit="ns")
        if state.zone is None:
            return moment
        return moment.tz_localize("UTC").tz_convert(state.zone.name)

    def generate_alignment_grid(self, target_sample_rate: float | Fraction | None = None) -> Clock:
        """Lay out the common clock: exact, and long enough for the last sample of all signals.

        Parameters
        ----------
        target_sample_rate
            Hz; a `Fraction` is exact. Default `get_target_sample_rate`.

        Returns
        -------
        clock
            Which `alignment_clock` has from now on.
        """
        with self._lock:
            clock = _common(self._state, target_sample_rate)
            self._state = replace(self._state, clock=clock)
        return clock

    def apply_grid_alignment(
        self,
        method: str = "nearest",
        signals_to_align: Sequence[str] | None = None,
        *,
        tolerance: Duration | None = None,
        limit: Duration | None = None,
    ) -> list[str]:
        """Put signals onto the common clock, in their place; lazy, shared among threads from three signals on.

        Parameters
        ----------
        method, tolerance, limit
            As `sleepdask.align.align_signals` takes them.
        signals_to_align
            Keys or base names; default all that have samples and are not temporary.

        Returns
        -------
        keys
            That are aligned now, all at once. A signal that cannot be is as it was: a warning and `findings` tell of
            it, and of the others nothing is lost.

        Raises
        ------
        ParameterError
            No signal can be aligned.
        """
        with self._lock:
            state = self._state
            clock = _common(state, None) if state.clock is None else state.clock
            keys = list(_wanted(state))
            if signals_to_align is not None:
                keys = keys_meant(state, list(signals_to_align), signals_only=True)
            step = _step(clock, method, tolerance, limit)
            done, failed = self._each(lambda key: replay.applied(step, replay.held(state, key)), keys, "not aligned")
            known = {
                key: replace(state.signals[key], operations=(*state.signals[key].operations, step)) for key in done
            }
            self._state = replace(state.with_signals(done, known, tuple(failed.values())), clock=clock)
        return list(done)

    def combine_aligned_signals(self) -> pd.DataFrame:
        """Put all signals on the common clock side by side, computed in one pass.

        Returns
        -------
        table
            Columns are called ``key``, or ``key_column`` where a signal has several; with an `index_config` they have
            its fields as levels, and `column`. Rows that are NaN in all are left out, and so are temporary signals.
            What is not on the clock, or cannot be computed, is left out with a warning.

        Raises
        ------
        ParameterError
            Nothing is aligned yet.
        """
        state = self.state
        nodes = _wanted(state)
        aligned = {key: node for key, node in nodes.items() if clock_of(node) == state.clock}
        if not aligned:
            raise ParameterError("no signal is on the common clock", fix="call apply_grid_alignment() first")
        left = [key for key in nodes if key not in aligned]
        for key in left:
            warnings.warn(f"{key}: left out, as it is not on the common clock", stacklevel=2)
        return self._combined(state, aligned, left, {})

    def align_and_combine_signals(
        self, method: str = "nearest", *, tolerance: Duration | None = None, limit: Duration | None = None
    ) -> pd.DataFrame:
        """Table as `combine_aligned_signals` gives it, while the signals stay as they are."""
        state = self.state
        clock = _common(state, None) if state.clock is None else state.clock
        self._change(lambda now: replace(now, clock=clock))
        step, nodes = _step(clock, method, tolerance, limit), _wanted(state)
        done, failed = self._each(lambda key: replay.applied(step, nodes[key]), list(nodes), "not aligned")
        self._tell(failed)
        return self._combined(replace(state, clock=clock), done, list(failed), {"method": method})

    def get_stored_combined_dataframe(self) -> pd.DataFrame | None:
        """Last table of signals side by side; None if there is none."""
        table = self.state.combined
        return None if table is None else table.copy()

    def get_stored_combination_params(self) -> dict[str, Any] | None:
        """How that table was made; None if there is none."""
        told = self.state.combined_with
        return None if told is None else dict(told)

    def _methods(self) -> dict[str, Callable[..., Any]]:
        own = (
            self.generate_alignment_grid,
            self.apply_grid_alignment,
            self.align_and_combine_signals,
            self.combine_aligned_signals,
        )
        return super()._methods() | {method.__name__: method for method in own}

    def _combined(
        self, state: State, nodes: Mapping[str, xr.Dataset], left: list[str], how: Mapping[str, Any]
    ) -> pd.DataFrame:
        computed, failed = self._computed(nodes)
        self._tell(failed)
        levels = state.metadata.index_config
        for name in levels:
            check_field(name, TimeSeriesMetadata)
        tables = {key: signal_table(node, state.zone) for key, node in computed.items()}
        table = combined_signals(tables, state.signals, levels)
        assert state.clock is not None
        told = {
            **how,
            "clock": clock_document(state.clock),
            "signals": list(computed),
            "left_out": [*left, *failed],
            "index_config": list(levels),
        }
        self._change(lambda now: replace(now, combined=table, combined_with=told))
        return table.copy()

    def _computed(self, nodes: Mapping[str, xr.Dataset]) -> tuple[dict[str, xr.Dataset], dict[str, str]]:
        """Nodes in memory, in one pass; if that fails, one by one, to tell which of them it is."""
        backend: BackendName | None = "sync" if len(nodes) < _FEWEST else None
        try:
            done = compute(*nodes.values(), backend=backend)
        except BackendError:
            raise
        except Exception:
            return self._each(lambda key: compute(nodes[key], backend=backend), list(nodes), "not computed", few=True)
        return dict(zip(nodes, done if len(nodes) > 1 else [done], strict=True)), {}

    def _each(
        self, function: Callable[[str], xr.Dataset], keys: Sequence[str], what: str, *, few: bool = False
    ) -> tuple[dict[str, xr.Dataset], dict[str, str]]:
        """Result of a function for each key, and what is to be told of those for which it failed.

        Raises
        ------
        Exception
            It failed for all: the error of the first.
        """
        outcomes: list[Outcome[xr.Dataset]]
        if few or len(keys) < _FEWEST:
            outcomes = [attempt(function, k, key) for k, key in enumerate(keys)]
        else:
            executor = ParallelExecutor(replace(get_parallel_config(), on_error="return", enable_progress=False))
            outcomes = executor.map_threaded(function, keys)
        done = {key: each.value for key, each in zip(keys, outcomes, strict=True) if each.value is not None}
        if outcomes and not done:
            outcomes[0].unwrap()
        failed = {
            key: f"{key}: {what}: {each.message}" for key, each in zip(keys, outcomes, strict=True) if not each.ok
        }
        for text in failed.values():
            warnings.warn(text, stacklevel=4)
        return done, failed

    def _tell(self, failed: Mapping[str, str]) -> None:
        if failed:
            self._change(lambda state: state.with_signals({}, {}, tuple(failed.values())))


def _wanted(state: State) -> dict[str, xr.Dataset]:
    """Signals that have samples and are not temporary."""
    return {key: node for key, node in replay.sampled(state).items() if not state.signals[key].temporary}


def _common(state: State, rate: float | Fraction | None) -> Clock:
    nodes = _wanted(state)
    if not nodes:
        raise ParameterError("a common clock needs a signal", where="collection", fix="add one first")
    return alignment_clock(recording_tree(nodes, state.recording_attrs), _rate(state, rate))


def _rate(state: State, asked: float | Fraction | None) -> Fraction:
    if asked is not None:
        return _checked(asked)
    clocks = [clock_of(node) for node in _wanted(state).values()]
    if fixed := [clock.rate for clock in clocks if isinstance(clock, Clock)]:
        return max(fixed)
    return _usual_rate(max((clock.rate for clock in clocks), default=_USUAL_RATE))


def _usual_rate(rate: float | Fraction) -> Fraction:
    exact = _checked(rate)
    return max((each for each in STANDARD_RATES if each <= exact), default=STANDARD_RATES[0])


def _checked(rate: float | Fraction) -> Fraction:
    if not 0 < rate < float("inf"):
        raise ParameterError("rate must be above 0", found=f"{rate} Hz")
    return rate if isinstance(rate, Fraction) else Fraction(str(rate))


def _step(clock: Clock, method: str, tolerance: Duration | None, limit: Duration | None) -> Step:
    given: dict[str, Any] = {"clock": clock_document(clock), "method": _ALSO.get(method, method)}
    given |= {"tolerance": _seconds(tolerance, "tolerance"), "limit": _seconds(limit, "limit")}
    return operation_of("align_to_clock").step(given)


def _seconds(value: Duration | None, name: str) -> float | None:
    return None if value is None else duration_ns(value, name) / 1e9
