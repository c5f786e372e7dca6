"""Compiled loops of alignment: sample times, which sample belongs to each time, and the values that come of it."""

from __future__ import annotations

from typing import Any

from sleepdask.jit import INTEGER, NOTHING, REAL, kernel, readable, single, writable


@single(NOTHING(writable(INTEGER, 1), INTEGER, INTEGER, INTEGER, INTEGER))
def fill_times(out: Any, start: int, phase: int, num: int, den: int) -> None:
    """Times of samples on end; sample j lies ``floor((phase + j * num) / den)`` after `start`. No division a sample."""
    whole, part = num // den, num % den
    time, rest = start, phase
    for j in range(out.size):
        out[j] = time
        time += whole
        rest += part
        if rest >= den:
            rest -= den
            time += 1


@single(NOTHING(readable(INTEGER, 1), readable(INTEGER, 1), writable(INTEGER, 1)))
def last_until(stamps: Any, times: Any, at: Any) -> None:
    """Number of the last sample at or before each time, -1 if there is none; both are in order."""
    j = -1
    for i in range(times.size):
        while j + 1 < stamps.size and stamps[j + 1] <= times[i]:
            j += 1
        at[i] = j


@single(NOTHING(readable(INTEGER, 1), readable(INTEGER, 1), writable(INTEGER, 1), INTEGER))
def keep_nearest(stamps: Any, times: Any, at: Any, tolerance: int) -> None:
    """Turn the last sample until each time into the nearest one, the earlier of two; -1 beyond the tolerance."""
    for i in range(times.size):
        j = at[i]
        after = j + 1 < stamps.size
        if j < 0 or (after and stamps[j + 1] - times[i] < times[i] - stamps[j]):
            j = j + 1 if after else -1
        if j >= 0 and abs(stamps[j] - times[i]) > tolerance:
            j = -1
        at[i] = j


@single(NOTHING(readable(INTEGER, 1), readable(INTEGER, 1), writable(INTEGER, 1), INTEGER))
def keep_within(stamps: Any, times: Any, at: Any, limit: int) -> None:
    """Let no sample hold for longer than the limit."""
    for i in range(times.size):
        if at[i] >= 0 and times[i] - stamps[at[i]] > limit:
            at[i] = -1


@single(NOTHING(readable(INTEGER, 1), readable(INTEGER, 1), writable(INTEGER, 1), INTEGER, INTEGER))
def keep_held(stamps: Any, times: Any, at: Any, period: int, gap: int) -> None:
    """Let a sample hold until the next one; for one period where that is further away than the gap."""
    for i in range(times.size):
        j = at[i]
        if j >= 0 and times[i] - stamps[j] >= period and (j + 1 >= stamps.size or stamps[j + 1] - stamps[j] > gap):
            at[i] = -1


@single(NOTHING(readable(INTEGER, 1), readable(INTEGER, 1), writable(INTEGER, 1), writable(REAL, 1), INTEGER))
def weigh_next(stamps: Any, times: Any, at: Any, weights: Any, limit: int) -> None:
    """Share of the way from a sample to the next one; -1 where that is further away than the limit, or none is."""
    for i in range(times.size):
        j = at[i]
        weights[i] = 0.0
        if j < 0 or times[i] == stamps[j]:
            continue
        if j + 1 < stamps.size and stamps[j + 1] - stamps[j] <= limit:
            weights[i] = (times[i] - stamps[j]) / (stamps[j + 1] - stamps[j])
        else:
            at[i] = -1


@kernel(lambda real: NOTHING(readable(real, 2), readable(INTEGER, 1), INTEGER, writable(real, 2), INTEGER))
def take(samples: Any, at: Any, first: int, out: Any, begin: int) -> None:
    """Put samples, numbered from `first` on, into `out` from `begin` on, NaN for -1; dims (channel, time)."""
    on_end = at.size > 0 and at[0] >= 0
    for i in range(1, at.size):
        on_end = on_end and at[i] == at[i - 1] + 1
    for channel in range(samples.shape[0]):
        to = out[channel, begin : begin + at.size]
        if on_end:
            to[:] = samples[channel, first + at[0] : first + at[0] + at.size]
            continue
        row = samples[channel, first:]
        for i in range(at.size):
            to[i] = row[at[i]] if at[i] >= 0 else row.dtype.type(float("nan"))


@kernel(
    lambda real: NOTHING(
        readable(real, 2), readable(INTEGER, 1), readable(REAL, 1), INTEGER, writable(real, 2), INTEGER
    )
)
def interpolate(samples: Any, at: Any, weights: Any, first: int, out: Any, begin: int) -> None:
    """Values on the straight line from each sample to the next, in float64; numbered and put as by `take`."""
    for channel in range(samples.shape[0]):
        row, to = samples[channel, first:], out[channel, begin : begin + at.size]
        for i in range(at.size):
            if at[i] < 0:
                to[i] = float("nan")
            elif weights[i] == 0.0:
                to[i] = row[at[i]]
            else:
                left, right = float(row[at[i]]), float(row[at[i] + 1])
                to[i] = left + (right - left) * weights[i]


@kernel(
    lambda real: NOTHING(
        readable(real, 2),
        readable(INTEGER, 1),
        readable(INTEGER, 1),
        readable(REAL, 2),
        writable(REAL, 2),
        writable(REAL, 2),
    )
)
def add_weighted(samples: Any, firsts: Any, rows: Any, taps: Any, total: Any, weight: Any) -> None:
    """Add the samples from each first on, times one row of taps, and the taps of those that are not missing."""
    size = samples.shape[1]
    for channel in range(samples.shape[0]):
        row, sums, shares = samples[channel], total[channel], weight[channel]
        for i in range(firsts.size):
            first, tap = firsts[i], taps[rows[i]]
            value, share = sums[i], shares[i]
            for k in range(max(0, -first), min(tap.size, size - first)):
                sample = float(row[first + k])
                if sample == sample and tap[k] != 0.0:
                    value += tap[k] * sample
                    share += tap[k]
            sums[i], shares[i] = value, share


@kernel(
    lambda real: NOTHING(
        readable(real, 2),
        readable(INTEGER, 1),
        readable(INTEGER, 1),
        readable(INTEGER, 1),
        INTEGER,
        INTEGER,
        INTEGER,
        writable(real, 2),
    )
)
def average_near(samples: Any, stamps: Any, lows: Any, at: Any, width: int, period: int, gap: int, out: Any) -> None:
    """Mean over ``[low, low + width)``, each sample by how long it is the nearest; NaN if less than half is known.

    Beside a gap a sample is known for half a period.
    """
    for channel in range(samples.shape[0]):
        row, to = samples[channel], out[channel]
        for i in range(lows.size):
            high = lows[i] + width
            total, known = 0.0, 0
            for j in range(max(at[i], 0), stamps.size):
                since, until = stamps[j] - period // 2, stamps[j] + period - period // 2
                if j > 0 and stamps[j] - stamps[j - 1] <= gap:
                    since = stamps[j - 1] + (stamps[j] - stamps[j - 1]) // 2
                if since >= high:
                    break
                if j + 1 < stamps.size and stamps[j + 1] - stamps[j] <= gap:
                    until = stamps[j] + (stamps[j + 1] - stamps[j]) // 2
                span = min(until, high) - max(since, lows[i])
                sample = float(row[j])
                if span > 0 and sample == sample:
                    total += sample * span
                    known += span
            to[i] = total / known if 2 * known >= width else float("nan")
