"""How many epochs a task takes: pure arithmetic."""

from __future__ import annotations

from sleepdask.parallel.batching import items_per_chunk

MIN_EPOCHS = 10
MIN_BYTES = 4 << 20  # below, Dask's cost per task shows
MAX_BYTES = 16 << 20  # above, decoded samples leave the cache and their pages are faulted in anew
TOTAL_BYTES = 256 << 20  # for all threads of a process together


def epochs_per_chunk(n_epochs: int, workers: int, bytes_per_epoch: int, least: int | None = None) -> int:
    """Largest number of epochs in a chunk.

    ``max(least or 10, n // (workers * 2))``, so that each worker gets two chunks; at least what makes
    `MIN_BYTES` of decoded samples, at most what fits into `MAX_BYTES` and, over all workers, into
    `TOTAL_BYTES`. The byte cap wins over everything, and a chunk is never less than one epoch.

    Examples
    --------
    >>> epochs_per_chunk(960, workers=2, bytes_per_epoch=50_000)
    240
    >>> epochs_per_chunk(960, workers=2, bytes_per_epoch=8 * 7680 * 4)  # 8 channels, 256 Hz: capped
    68
    """
    cap = min(MAX_BYTES, TOTAL_BYTES // max(workers, 1))
    floor = min(MIN_BYTES, cap)
    wanted = max(
        items_per_chunk(n_epochs, max(workers, 1), MIN_EPOCHS if least is None else least),
        -(-floor // max(bytes_per_epoch, 1)),
    )
    return max(1, min(n_epochs, wanted, cap // max(bytes_per_epoch, 1)))


def chunk_edges(n_epochs: int, workers: int, bytes_per_epoch: int, least: int | None = None) -> tuple[int, ...]:
    """First epoch of each chunk, and the count: as few as the rule allows in full rounds of workers, and even.

    Examples
    --------
    >>> chunk_edges(2650, workers=2, bytes_per_epoch=3 * 3000 * 4)
    (0, 441, 883, 1325, 1766, 2208, 2650)
    """
    workers = max(workers, 1)
    per_chunk = epochs_per_chunk(n_epochs, workers, bytes_per_epoch, least)
    n_chunks = -(-n_epochs // per_chunk)
    if n_chunks > workers:  # a round that leaves a worker idle takes as long as a full one
        n_chunks = min(n_epochs, -(-n_chunks // workers) * workers)
    return tuple(k * n_epochs // n_chunks for k in range(n_chunks + 1))
