"""Convolution of blocks with a symmetric response, by Fourier transforms that run in eight lanes at a time.

A lane holds two neighbouring blocks of one row of samples, as the real and the imaginary part of one complex block:
the spectrum of a symmetric response is real, so that the two do not mix. Forward transforms leave frequencies in the
order in which they fall, backward ones start from it, and the spectrum of the response is kept in it: nothing is ever
put into order. All lanes take the same steps, so that a value has the same bits whatever else is in the other lanes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sleepdask.filters.transform import Transform
from sleepdask.jit import INTEGER, NOTHING, REAL, helper, kernel, readable, single, writable

_LANES = 8
_CACHED = 256  # points that stay in a core's nearest cache with all lanes


def convolve(
    samples: NDArray[Any], first: int, run: tuple[int, int], out: NDArray[Any], begin: int, transform: Transform
) -> None:
    """Fill `out` with samples convolved with a response.

    Parameters
    ----------
    samples
        Dims (channel, time), float32 or float64, C-contiguous: those that `begin` and the size of `out` need.
    first
        Sample number of the first of them.
    run
        Number of the first sample of the run, and of the first one after it: it is reflected there, sign changed.
    out
        Dims (channel, time), of the same dtype: values from sample number `begin` on, all within the run.
    begin
        As above.
    transform
        Of the response, one half of which is shorter than the run.
    """
    real, imaginary = np.empty((2, transform.size, _LANES))
    flags = np.zeros(transform.size, np.int64)
    bounds = np.array([first, run[0], run[1], begin, transform.half], np.int64)
    _convolve(samples, bounds, transform.spectrum, transform.twiddles, real, imaginary, flags, out)


@helper
def _forward(real: Any, imaginary: Any, twiddles: Any, start: int, stop: int, points: int) -> None:
    """One step of a transform of radix 4, from natural order towards that in which frequencies fall."""
    quarter, step = points // 4, twiddles.shape[1] // points
    for base in range(start, stop, points):
        for j in range(quarter):
            c1, s1 = twiddles[0, j * step], twiddles[1, j * step]
            c2, s2 = twiddles[0, 2 * j * step], twiddles[1, 2 * j * step]
            c3, s3 = twiddles[0, 3 * j * step], twiddles[1, 3 * j * step]
            r0, i0 = real[base + j], imaginary[base + j]
            r1, i1 = real[base + j + quarter], imaginary[base + j + quarter]
            r2, i2 = real[base + j + 2 * quarter], imaginary[base + j + 2 * quarter]
            r3, i3 = real[base + j + 3 * quarter], imaginary[base + j + 3 * quarter]
            for k in range(_LANES):
                ar, ai, br, bi = r0[k] + r2[k], i0[k] + i2[k], r0[k] - r2[k], i0[k] - i2[k]
                cr, ci, dr, di = r1[k] + r3[k], i1[k] + i3[k], i1[k] - i3[k], r3[k] - r1[k]
                xr, xi, yr, yi, zr, zi = br + dr, bi + di, ar - cr, ai - ci, br - dr, bi - di
                r0[k], i0[k] = ar + cr, ai + ci
                r1[k], i1[k] = xr * c1 - xi * s1, xr * s1 + xi * c1
                r2[k], i2[k] = yr * c2 - yi * s2, yr * s2 + yi * c2
                r3[k], i3[k] = zr * c3 - zi * s3, zr * s3 + zi * c3


@helper
def _backward(real: Any, imaginary: Any, twiddles: Any, start: int, stop: int, points: int) -> None:
    """Undo `_forward`, four times as large."""
    quarter, step = points // 4, twiddles.shape[1] // points
    for base in range(start, stop, points):
        for j in range(quarter):
            c1, s1 = twiddles[0, j * step], twiddles[1, j * step]
            c2, s2 = twiddles[0, 2 * j * step], twiddles[1, 2 * j * step]
            c3, s3 = twiddles[0, 3 * j * step], twiddles[1, 3 * j * step]
            r0, i0 = real[base + j], imaginary[base + j]
            r1, i1 = real[base + j + quarter], imaginary[base + j + quarter]
            r2, i2 = real[base + j + 2 * quarter], imaginary[base + j + 2 * quarter]
            r3, i3 = real[base + j + 3 * quarter], imaginary[base + j + 3 * quarter]
            for k in range(_LANES):
                xr, xi = r1[k] * c1 + i1[k] * s1, i1[k] * c1 - r1[k] * s1
                yr, yi = r2[k] * c2 + i2[k] * s2, i2[k] * c2 - r2[k] * s2
                zr, zi = r3[k] * c3 + i3[k] * s3, i3[k] * c3 - r3[k] * s3
                ar, ai, br, bi = r0[k] + yr, i0[k] + yi, r0[k] - yr, i0[k] - yi
                cr, ci, dr, di = xr + zr, xi + zi, zi - xi, xr - zr
                r0[k], i0[k] = ar + cr, ai + ci
                r1[k], i1[k] = br + dr, bi + di
                r2[k], i2[k] = ar - cr, ai - ci
                r3[k], i3[k] = br - dr, bi - di


@helper
def _weigh(real: Any, imaginary: Any, spectrum: Any, start: int, stop: int) -> None:
    """Multiply by the spectrum of the response."""
    for j in range(start, stop):
        weight = spectrum[j]
        r, i = real[j], imaginary[j]
        for k in range(_LANES):
            r[k] *= weight
            i[k] *= weight


@helper
def _weigh_pairs(real: Any, imaginary: Any, spectrum: Any, start: int, stop: int) -> None:
    """Multiply between the two steps of radix 2 that are left where the size is no power of 4."""
    for j in range(start, stop, 2):
        even, odd = spectrum[j], spectrum[j + 1]
        for part in (real, imaginary):
            a, b = part[j], part[j + 1]
            for k in range(_LANES):
                x, y = (a[k] + b[k]) * even, (a[k] - b[k]) * odd
                a[k], b[k] = x + y, x - y


@single(NOTHING(writable(REAL, 2), writable(REAL, 2), readable(REAL, 1), readable(REAL, 2)))
def _filter_lanes(real: Any, imaginary: Any, spectrum: Any, twiddles: Any) -> None:
    """Convolve all lanes, in place; what fits into the nearest cache goes to the end and back at once."""
    size = real.shape[0]
    points = size
    while points > _CACHED:
        _forward(real, imaginary, twiddles, 0, size, points)
        points //= 4
    for start in range(0, size, points):
        inner = points
        while inner >= 4:
            _forward(real, imaginary, twiddles, start, start + points, inner)
            inner //= 4
        if inner == 2:
            _weigh_pairs(real, imaginary, spectrum, start, start + points)
        else:
            _weigh(real, imaginary, spectrum, start, start + points)
        inner = inner * 4
        while inner <= points:
            _backward(real, imaginary, twiddles, start, start + points, inner)
            inner *= 4
    points *= 4
    while points <= size:
        _backward(real, imaginary, twiddles, 0, size, points)
        points *= 4


@helper
def _put(row: Any, first: int, low: int, high: int, begin: int, half: int, part: Any, lane: int) -> bool:
    """Put a block into a lane, reflected at the ends of the run, and 0 where a sample is missing; tell if one is."""
    missing = False
    for j in range(part.shape[0]):
        at = begin - half + j
        if low <= at < high:
            value = float(row[at - first])
        elif at < low:
            value = 2.0 * row[low - first] - row[2 * low - at - first]
        elif at < high + half:
            value = 2.0 * row[high - 1 - first] - row[2 * (high - 1) - at - first]
        else:
            value = 0.0  # so far behind the run that no value needs it
        if not np.isfinite(value):
            missing = True
            value = 0.0
        part[j, lane] = value
    return missing


@helper
def _take(part: Any, lane: int, half: int, begin: int, start: int, out: Any) -> None:
    """Take from a lane, whose first value has number `begin`, what belongs to `out`, which begins with `start`."""
    stop = start + out.size
    for j in range(max(begin, start), min(begin + part.shape[0] - 2 * half, stop)):
        out[j - start] = part[j - begin + half, lane]


@helper
def _blank(row: Any, first: int, low: int, high: int, begin: int, half: int, flags: Any, start: int, out: Any) -> None:
    """Make every value NaN that is made of a missing sample: one of the `half` on either side of it, or itself."""
    size = flags.size
    for j in range(size):
        at = begin - half + j
        if at < low:
            at = 2 * low - at
        elif at >= high:
            at = 2 * (high - 1) - at
        flags[j] = 0 if low <= at < high and at >= first and np.isfinite(row[at - first]) else 1
    ends = (0 if np.isfinite(row[low - first]) else 1) if begin - half < low else 0
    count = 0
    for j in range(2 * half):
        count += flags[j]
    for j in range(begin, begin + size - 2 * half):
        count += flags[j - begin + 2 * half]
        past = j + half >= high and not np.isfinite(row[high - 1 - first])
        before = ends == 1 and j - half < low
        if start <= j < min(high, start + out.size) and (count > 0 or past or before):
            out[j - start] = np.nan
        count -= flags[j - begin]


@kernel(
    lambda real: NOTHING(
        readable(real, 2),
        readable(INTEGER, 1),
        readable(REAL, 1),
        readable(REAL, 2),
        writable(REAL, 2),
        writable(REAL, 2),
        writable(INTEGER, 1),
        writable(real, 2),
    )
)
def _convolve(
    samples: Any, bounds: Any, spectrum: Any, twiddles: Any, real: Any, imaginary: Any, flags: Any, out: Any
) -> None:
    first, low, high, begin, half = bounds
    size = spectrum.size
    block = size - 2 * half
    stop = begin + out.shape[1]
    pair = (begin - low) // (2 * block)
    pairs = (stop - low + 2 * block - 1) // (2 * block) - pair
    items = samples.shape[0] * pairs
    missing = np.zeros((2, _LANES), np.bool_)
    for group in range(0, items, _LANES):
        for lane in range(_LANES):
            item = group + lane
            if item >= items:
                real[:, lane] = 0.0
                imaginary[:, lane] = 0.0
                continue
            row = samples[item // pairs]
            place = low + (pair + item % pairs) * 2 * block
            missing[0, lane] = _put(row, first, low, high, place, half, real, lane)
            missing[1, lane] = _put(row, first, low, high, place + block, half, imaginary, lane)
        _filter_lanes(real, imaginary, spectrum, twiddles)
        for lane in range(min(_LANES, items - group)):
            item = group + lane
            row, to = samples[item // pairs], out[item // pairs]
            place = low + (pair + item % pairs) * 2 * block
            _take(real, lane, half, place, begin, to)
            _take(imaginary, lane, half, place + block, begin, to)
            if missing[0, lane]:
                _blank(row, first, low, high, place, half, flags, begin, to)
            if missing[1, lane]:
                _blank(row, first, low, high, place + block, half, flags, begin, to)
