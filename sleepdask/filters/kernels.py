"""Convolution of blocks with a symmetric response, by Fourier transforms that run in lanes side by side.

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

_FEW, _MANY = 8, 16  # lanes: each loop over them takes its time to begin, but unused ones are transformed too
_LARGE = 1 << 15  # points of which many lanes take 8 MiB
_NEAR, _NEAREST = 1 << 16, 1 << 12  # numbers that stay in the caches of a core, and in the nearest of them
_LINE = 64  # bytes of a line of the cache


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
    pairs = out.shape[1] // (2 * transform.block) + 1
    few = transform.size > _LARGE or len(samples) * pairs <= _FEW
    lanes = _lanes(transform.size, _FEW if few else _MANY)
    flags = np.zeros(transform.size, np.int64)
    bounds = np.array([first, run[0], run[1], begin, transform.half], np.int64)
    _convolve(samples, bounds, transform.spectrum, transform.twiddles, lanes, flags, out)


def _lanes(points: int, count: int) -> NDArray[np.float64]:
    """Array of lanes that begins with a line of the cache: vectors that lie in two lines take longer."""
    size = points * 2 * count
    space = np.empty(size + _LINE // 8)
    skip = -space.ctypes.data % _LINE // 8
    return space[skip : skip + size].reshape(points, 2 * count)


@helper
def _forward(lanes: Any, twiddles: Any, start: int, stop: int, points: int) -> None:
    """One step of a transform of radix 4, from natural order towards that in which frequencies fall.

    Each loop has two rows of lanes and asks an array how many there are: of more rows the compiler cannot tell that
    they do not overlap, and loops of a known length it unrolls; either way it then takes lanes one by one.
    """
    width = lanes.shape[1] // 2
    quarter, step = points // 4, twiddles.shape[1] // points
    for base in range(start, stop, points):
        for j in range(quarter):
            p0, p1 = lanes[base + j], lanes[base + j + quarter]
            p2, p3 = lanes[base + j + 2 * quarter], lanes[base + j + 3 * quarter]
            for k in range(lanes.shape[1]):
                x, y = p0[k], p2[k]
                p0[k], p2[k] = x + y, x - y
            for k in range(width):
                xr, xi, yr, yi = p1[k], p1[k + width], p3[k], p3[k + width]
                p1[k], p1[k + width] = xr + yr, xi + yi
                p3[k], p3[k + width] = xi - yi, yr - xr
            c2, s2 = twiddles[0, 2 * j * step], twiddles[1, 2 * j * step]
            c1, s1 = twiddles[0, j * step], twiddles[1, j * step]
            c3, s3 = twiddles[0, 3 * j * step], twiddles[1, 3 * j * step]
            for k in range(width):
                xr, xi, yr, yi = p0[k], p0[k + width], p1[k], p1[k + width]
                p0[k], p0[k + width] = xr + yr, xi + yi
                yr, yi = xr - yr, xi - yi
                p1[k], p1[k + width] = yr * c2 - yi * s2, yr * s2 + yi * c2
            for k in range(width):
                br, bi, dr, di = p2[k], p2[k + width], p3[k], p3[k + width]
                xr, xi, yr, yi = br + dr, bi + di, br - dr, bi - di
                p2[k], p2[k + width] = xr * c1 - xi * s1, xr * s1 + xi * c1
                p3[k], p3[k + width] = yr * c3 - yi * s3, yr * s3 + yi * c3


@helper
def _backward(lanes: Any, twiddles: Any, start: int, stop: int, points: int) -> None:
    """Undo `_forward`, four times as large."""
    width = lanes.shape[1] // 2
    quarter, step = points // 4, twiddles.shape[1] // points
    for base in range(start, stop, points):
        for j in range(quarter):
            c1, s1 = twiddles[0, j * step], twiddles[1, j * step]
            c2, s2 = twiddles[0, 2 * j * step], twiddles[1, 2 * j * step]
            c3, s3 = twiddles[0, 3 * j * step], twiddles[1, 3 * j * step]
            p0, p1 = lanes[base + j], lanes[base + j + quarter]
            p2, p3 = lanes[base + j + 2 * quarter], lanes[base + j + 3 * quarter]
            for k in range(width):
                xr, xi, yr, yi = p0[k], p0[k + width], p1[k], p1[k + width]
                yr, yi = yr * c2 + yi * s2, yi * c2 - yr * s2
                p0[k], p0[k + width] = xr + yr, xi + yi
                p1[k], p1[k + width] = xr - yr, xi - yi
            for k in range(width):
                xr, xi, yr, yi = p2[k], p2[k + width], p3[k], p3[k + width]
                xr, xi = xr * c1 + xi * s1, xi * c1 - xr * s1
                yr, yi = yr * c3 + yi * s3, yi * c3 - yr * s3
                p2[k], p2[k + width] = xr + yr, xi + yi
                p3[k], p3[k + width] = yi - xi, xr - yr
            for k in range(lanes.shape[1]):
                x, y = p0[k], p2[k]
                p0[k], p2[k] = x + y, x - y
            for k in range(lanes.shape[1]):
                x, y = p1[k], p3[k]
                p1[k], p3[k] = x + y, x - y


@helper
def _weigh(lanes: Any, spectrum: Any, start: int, stop: int) -> None:
    """Multiply by the spectrum of the response."""
    for j in range(start, stop):
        weight = spectrum[j]
        row = lanes[j]
        for k in range(lanes.shape[1]):
            row[k] *= weight


@helper
def _weigh_pairs(lanes: Any, spectrum: Any, start: int, stop: int) -> None:
    """Multiply between the two steps of radix 2 that are left where the size is no power of 4."""
    for j in range(start, stop, 2):
        even, odd = spectrum[j], spectrum[j + 1]
        a, b = lanes[j], lanes[j + 1]
        for k in range(lanes.shape[1]):
            x, y = (a[k] + b[k]) * even, (a[k] - b[k]) * odd
            a[k], b[k] = x + y, x - y


@helper
def _filter_part(lanes: Any, spectrum: Any, twiddles: Any, start: int, stop: int) -> None:
    """Go the rest of the way and back."""
    points = stop - start
    while points >= 4:
        _forward(lanes, twiddles, start, stop, points)
        points //= 4
    if points == 2:
        _weigh_pairs(lanes, spectrum, start, stop)
    else:
        _weigh(lanes, spectrum, start, stop)
    points *= 4
    while points <= stop - start:
        _backward(lanes, twiddles, start, stop, points)
        points *= 4


@single(NOTHING(writable(REAL, 2), readable(REAL, 1), readable(REAL, 2)))
def _filter_lanes(lanes: Any, spectrum: Any, twiddles: Any) -> None:
    """Convolve all lanes, in place; what fits into a cache goes to the end and back at once."""
    size, numbers = lanes.shape
    points = size
    while points * numbers > _NEAR:
        _forward(lanes, twiddles, 0, size, points)
        points //= 4
    for start in range(0, size, points):
        stop, part = start + points, points
        while part * numbers > _NEAREST:
            _forward(lanes, twiddles, start, stop, part)
            part //= 4
        for begin in range(start, stop, part):
            _filter_part(lanes, spectrum, twiddles, begin, begin + part)
        part *= 4
        while part <= points:
            _backward(lanes, twiddles, start, stop, part)
            part *= 4
    points *= 4
    while points <= size:
        _backward(lanes, twiddles, 0, size, points)
        points *= 4


@helper
def _put(row: Any, first: int, low: int, high: int, at: int, half: int, part: Any, lane: int) -> bool:
    """Put samples from number `at` on into a lane, reflected at the ends of the run, 0 if missing; tell if one is."""
    missing = False
    if low <= at and at + part.shape[0] <= high:
        piece = row[at - first : at - first + part.shape[0]]
        absent = 0
        for j in range(part.shape[0]):
            absent += 0 if abs(piece[j]) < np.inf else 1
        if absent == 0:
            for j in range(part.shape[0]):
                part[j, lane] = piece[j]
            return False
    for j in range(at, at + part.shape[0]):
        if j < low:
            value = 2.0 * row[low - first] - row[2 * low - j - first]
        elif j < high:
            value = float(row[j - first])
        elif j < high + half:
            value = 2.0 * row[high - 1 - first] - row[2 * (high - 1) - j - first]
        else:
            value = 0.0  # so far behind the run that no value needs it
        if not np.isfinite(value):
            missing = True
            value = 0.0
        part[j - at, lane] = value
    return missing


@helper
def _take(part: Any, lane: int, at: int, start: int, out: Any) -> None:
    """Take from a lane, whose first value has number `at`, what belongs to `out`, which begins with `start`."""
    low, high = max(at, start), min(at + part.shape[0], start + out.size)
    if low < high:
        piece = out[low - start : high - start]
        for j in range(high - low):
            piece[j] = part[low - at + j, lane]


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
        writable(INTEGER, 1),
        writable(real, 2),
    )
)
def _convolve(samples: Any, bounds: Any, spectrum: Any, twiddles: Any, lanes: Any, flags: Any, out: Any) -> None:
    count = lanes.shape[1] // 2
    first, low, high, begin, half = bounds
    size = spectrum.size
    block = size - 2 * half
    stop = begin + out.shape[1]
    pair = (begin - low) // (2 * block)
    pairs = (stop - low + 2 * block - 1) // (2 * block) - pair
    items = samples.shape[0] * pairs
    missing = np.zeros((2, count), np.bool_)
    for group in range(0, items, count):
        used = min(count, items - group)
        if used < count:
            lanes[:] = 0.0
        for lane in range(used):
            row = samples[(group + lane) // pairs]
            at = low + (pair + (group + lane) % pairs) * 2 * block - half
            missing[0, lane] = _put(row, first, low, high, at, half, lanes, lane)
            missing[1, lane] = _put(row, first, low, high, at + block, half, lanes, lane + count)
        _filter_lanes(lanes, spectrum, twiddles)
        for lane in range(used):
            row, to = samples[(group + lane) // pairs], out[(group + lane) // pairs]
            place = low + (pair + (group + lane) % pairs) * 2 * block
            _take(lanes[half : size - half], lane, place, begin, to)
            _take(lanes[half : size - half], lane + count, place + block, begin, to)
            if missing[0, lane]:
                _blank(row, first, low, high, place, half, flags, begin, to)
            if missing[1, lane]:
                _blank(row, first, low, high, place + block, half, flags, begin, to)
