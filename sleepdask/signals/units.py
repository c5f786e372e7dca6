"""Units of what is computed from a channel, out of the channel's own."""

from __future__ import annotations

import re

PLACEHOLDER = "unit"  # stands for the unit of each channel where the channels of a node differ
_PLAIN = re.compile(r"[^\W\d_]+|[%\N{DEGREE SIGN}]\w*")


def with_unit(template: str, unit: str) -> str:
    """Put a channel's unit where the template says ``{unit}``, in brackets if it is to be raised.

    Examples
    --------
    >>> with_unit("{unit}^2", "uV"), with_unit("{unit}^2", "L/s"), with_unit("{unit}", ""), with_unit("1", "uV")
    ('uV^2', '(L/s)^2', 'unit', '1')
    """
    shown = unit or PLACEHOLDER
    if "{unit}^" in template and not _PLAIN.fullmatch(shown):
        shown = f"({shown})"
    return template.replace("{unit}", shown)


def of_channel(units: str, unit: str) -> str:
    """Units of one column of a node whose channels may differ in unit.

    Examples
    --------
    >>> of_channel("unit^2", "mV"), of_channel("uV^2", "uV"), of_channel("Hz", "mV")
    ('mV^2', 'uV^2', 'Hz')
    """
    return with_unit(re.sub(rf"^{PLACEHOLDER}(?=$|\^|/)", "{unit}", units), unit)
