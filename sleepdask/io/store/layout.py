"""How samples are laid out in a store: pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from sleepdask.chunks import MAX_BYTES, MIN_EPOCHS

_EPOCH_SECONDS = 30
_CHUNK_BYTES = 256 << 10  # of one channel: below, the cost of each read shows; above, five minutes cost too much


@dataclass(frozen=True)
class Layout:
    """Samples along time in a chunk, which is read as a whole, and in a shard, which is one file.

    Examples
    --------
    >>> Layout.of(Fraction(256), samples=8 * 3600 * 256, channels=6, itemsize=4)  # 10 and 90 epochs
    Layout(chunk=76800, shard=691200)
    """

    chunk: int
    shard: int

    @classmethod
    def of(cls, rate: Fraction, samples: int, channels: int, itemsize: int) -> Layout:
        """Layout of a node.

        A chunk is one channel times whole epochs of 30 s: ten (five minutes) or what makes 256 KiB, but no more than
        make 16 MiB over all channels; a shard is all channels times as many chunks as fit into 16 MiB. Where an
        epoch is no whole number of samples, the number of epochs is a multiple of what makes it one, if that fits;
        else the part of a sample is cut off, and later chunks begin before their epochs.
        """
        per_epoch = rate * _EPOCH_SECONDS
        wanted = max(MIN_EPOCHS, -(-_CHUNK_BYTES // (per_epoch * itemsize)))
        cap = max(1, int(MAX_BYTES // (per_epoch * itemsize * max(channels, 1))))
        epochs = min(wanted, cap)
        whole = per_epoch.denominator
        if whole <= cap:
            epochs = min(-(-epochs // whole), cap // whole) * whole
        chunk = max(1, min(int(epochs * per_epoch), samples))
        fitting = max(1, MAX_BYTES // (chunk * itemsize * max(channels, 1)))
        return cls(chunk, chunk * min(fitting, -(-max(samples, 1) // chunk)))
