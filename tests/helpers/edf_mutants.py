"""Files that are nearly right: a field, an annotation list, or some bytes of a good one are something else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from edf_recipes import Recipe, Signal, annotation_signal

# Values as writers write them, and as they should not: what passes one check must meet the next one.
_NUMBERS = [
    "0", "1", "-1", "2", "3", "-3", "9", "10", "100", "-100", "512", "768", "1024", "4096", "32767", "-32768", "65535",
    "8388607", "-8388608", "99999999", "-9999999", "1.0", "1.5", "0.5", ".5", "5.", "1,5", "1E2", "1e-3", "1E308",
    "-1E308", "1E-308", "1E999", "nan", "inf", "-0", "+7", "", "?", "0x10", "1_0", "1 0", "٣", "1.5.1", "--1", "e5",
]  # fmt: skip
_DATES = [
    "24.04.89", "31.12.84", "01.01.85", "29.02.00", "29.02.01", "31.02.89", "00.00.00", "XX.XX.XX", "24.04.yy",
    "24-04-89", "04/05/89", "13/05/89", "24:04:89", "4.4.89", " 4. 4.89", "", "99.99.99", "24.04.19", "-1.04.89",
]  # fmt: skip
_TIMES = ["23.05.00", "00.00.00", "23:59:59", "24.00.00", "23.60.00", "23.05.60", "--.--.--", "", "23.05. 0", "1.2.3"]
_RECORDINGS = [
    "", "X X X X", "Startdate X X X X", "Startdate 24-APR-1989 a b c", "Startdate 24-APR-2103 a b c",
    "Startdate 31-DEC-9999", "Startdate 30-FEB-2001 X X X", "Startdate 25-APR-1989 X X X",
    "Startdate 24-APR-0000 X", "startdate 24-apr-1989 x",
]  # fmt: skip
_KINDS = ["", "EDF+C", "EDF+D", "EDF+", "EDF+X", "BDF+C", "BDF+D", "24BIT", "EDF", "edf+c", "EDF+C EDF+D"]
_TEXTS = [
    "", "C3", "C4", "EDF Annotations", "BDF Annotations", "Crc16", "EEG Fpz-Cz", "C3 #2", "uV", "µV", "mV", "%",
    "\0",
]  # fmt: skip

# Name, position, width and values of the fields of the main part of the header.
_MAIN: list[tuple[int, int, list[str]]] = [
    (0, 8, ["0", "1", "", "\0", "0\0", " 0"]),
    (88, 80, _RECORDINGS),
    (168, 8, _DATES),
    (176, 8, _TIMES),
    (184, 8, _NUMBERS),
    (192, 44, _KINDS),
    (236, 8, _NUMBERS),
    (244, 8, _NUMBERS),
    (252, 4, _NUMBERS),
]
# Width and values of those of each signal, in file order.
_SIGNAL: list[tuple[int, list[str]]] = [
    (16, _TEXTS), (80, _TEXTS), (8, _TEXTS), (8, _NUMBERS), (8, _NUMBERS), (8, _NUMBERS), (8, _NUMBERS), (80, _TEXTS),
    (8, _NUMBERS), (32, _TEXTS),
]  # fmt: skip
_OTHERS = [b"0", b"9", b".", b",", b"-", b"E", b" ", b"\0", b"\xb5", b""]
_PIECES = [
    b"+0", b"+1", b"+2", b"-1", b"+0.5", b"+1.5", b"+7", b"+300", b"+999999999", b"+9999999999", b"+1e3", b"+1,5",
    b"+", b"0", b"\x15", b"\x15" b"30", b"\x15-1", b"\x15" b"0.1", b"\x14", b"\x14\x14", b"\x14\x14\0", b"\0",
    b"\0\0\0", b"\x14x\x14\0", b"\x14Sleep stage W\x14\0", b"\x14Sleep stage 2\x14Lights off\x14\0",
    "\x14仰卧\x14\0".encode(), b"\x14R\xe9veil\x14\0", b"+0\x14\x14\0", b"+1\x14\x14\0", b"+2\x14\x14\0",
    b"+0.25\x14\x14\0", b"\xff", b"+1.\x14\x14\0", b"+00001\x14\x14\0",
]  # fmt: skip


def seeds() -> list[bytes]:
    """Good files of every kind."""
    notes = annotation_signal(b"+0\x14\x14\0+0.5\x1530\x14Sleep stage W\x14\0", b"+1\x14\x14\0", b"+2\x14\x14\0")
    gap = annotation_signal(b"+0\x14\x14\0", b"+1\x14\x14\0", b"+7\x14\x14\0+7.5\x14Lights off\x14\0")
    more = annotation_signal(b"+0.5\x14a\x14\0", b"", b"+2.5\x14b\x14\0")
    many = annotation_signal(*(f"+{k}\x14\x14\0".encode() for k in range(120)), samples=6)
    wide = {"version": b"\xffBIOSEMI", "sample_bytes": 3}
    alone = b"+0\x14\x14\0" + b"".join(b"+%d\x1530\x14Sleep stage %d\x14\0" % (30 * k, k % 5) for k in range(8))
    recipes = [
        Recipe([Signal(), Signal("SpO2", 1, "%", "0", "100")]),
        Recipe([Signal(), notes], reserved="EDF+C"),
        Recipe([Signal(), Signal("EMG", 8), gap], reserved="EDF+D"),
        Recipe([Signal(), notes, more], reserved="EDF+C"),
        Recipe([Signal(), many], n_records=120, reserved="EDF+C"),
        Recipe([annotation_signal(alone, samples=len(alone))], n_records=1, duration="0", reserved="EDF+C"),
        Recipe([Signal()], **wide, reserved="24BIT"),
        Recipe([Signal(), notes], **wide, reserved="BDF+C"),
    ]
    return [recipe.content() for recipe in recipes]


def mutant(raw: bytes, chance: Random) -> bytes:
    """Change a good file in one place as a rule, in a few now and then."""
    changed = bytearray(raw)
    for _ in range(chance.choice([1, 1, 1, 1, 2, 2, 3, 6])):
        chance.choice(_CHANGES)(changed, chance)
    return bytes(changed)


def _value(values: Sequence[str], width: int, chance: Random) -> bytes:
    """Take one of the values, now and then with one character changed."""
    value = chance.choice(values).encode()
    if chance.random() < 0.2:
        place = chance.randrange(len(value) + 1)
        value = value[:place] + chance.choice(_OTHERS) + value[place + 1 :]
    return value.ljust(width)[:width]


def _main_field(changed: bytearray, chance: Random) -> None:
    at, width, values = chance.choice(_MAIN)
    changed[at : at + width] = _value(values, width, chance)


def _signal_field(changed: bytearray, chance: Random) -> None:
    number = _signals(changed)
    column = chance.randrange(len(_SIGNAL))
    width, values = _SIGNAL[column]
    at = 256 + number * sum(width for width, _ in _SIGNAL[:column]) + width * chance.randrange(number)
    changed[at : at + width] = _value(values, width, chance)


def _lists(changed: bytearray, chance: Random) -> None:
    """Write an annotation list over another one, or over samples."""
    begin = 256 * (1 + _signals(changed))
    found = [at for at in range(begin, len(changed)) if changed[at : at + 1] == b"+"] or [begin]
    at = min(chance.choice(found), len(changed))
    made = b"".join(chance.choice(_PIECES) for _ in range(chance.randrange(1, 6)))[: len(changed) - at]
    changed[at : at + len(made)] = made


def _bytes(changed: bytearray, chance: Random) -> None:
    at = chance.randrange(len(changed) or 1)
    made = chance.randbytes(chance.randrange(1, 12))[: len(changed) - at]
    changed[at : at + len(made)] = made


def _length(changed: bytearray, chance: Random) -> None:
    if chance.random() < 0.5:
        del changed[chance.randrange(len(changed) or 1) :]
    else:
        changed.extend(bytes(chance.choice([1, 2, 8, 501])))


def _signals(changed: bytearray) -> int:
    """Number of signals that it had, before that field was changed."""
    digits = bytes(changed[252:256]).strip()
    return int(digits) if digits in (b"1", b"2", b"3") else 1


_CHANGES: list[Callable[[bytearray, Random], None]] = [
    _main_field, _main_field, _main_field, _signal_field, _signal_field, _signal_field, _lists, _lists, _bytes, _length,
]  # fmt: skip
