"""Small pictures as SVG for pages: positions across are shares of the width, so that they fit a phone and paper."""

from __future__ import annotations

from xml.etree import ElementTree as ET

# Colours are classes of the page's style sheet, which has them for light and dark; texts stay texts at their own size.


class Drawing:
    """A picture as wide as its place on the page.

    Parameters
    ----------
    height
        In pixels; so is every position down.
    label
        What it shows, for those who do not see it; if empty, the text beside it says the same, and it is passed over.
    kind
        Class of the whole picture.

    Examples
    --------
    >>> drawing = Drawing(10, "half", "bar")
    >>> drawing.box(0, 50, 0, 10, "ok", "1 < 2")
    >>> print(drawing)
    <svg class="bar" height="10" width="100%" role="img" aria-label="half"><rect x="0%" y="0" width="50%" height="10"
    class="ok"><title>1 &lt; 2</title></rect></svg>
    """

    def __init__(self, height: float, label: str = "", kind: str = "") -> None:
        seen = {"role": "img", "aria-label": label} if label else {"aria-hidden": "true"}
        self._root = ET.Element("svg", {"class": kind, "height": _short(height), "width": "100%"} | seen)

    def box(self, left: float, right: float, top: float, height: float, kind: str, title: str = "") -> None:
        """Draw a filled box; `left` and `right` are percent of the width. The title is shown where one points at it."""
        place = {"x": _percent(left), "y": _short(top), "width": _percent(right - left), "height": _short(height)}
        self._add("rect", place, kind, title)

    def line(self, left: float, right: float, top: float, bottom: float, kind: str) -> None:
        """Draw a line; `left` and `right` are percent of the width."""
        ends = {"x1": _percent(left), "x2": _percent(right), "y1": _short(top), "y2": _short(bottom)}
        self._add("line", ends, kind)

    def text(self, across: float, baseline: float, text: str, kind: str) -> None:
        """Write a text with its middle over a position, or its end at the right edge, so that it stays inside."""
        anchor = "end" if across > 96 else "middle"
        element = self._add("text", {"x": _percent(across), "y": _short(baseline), "text-anchor": anchor}, kind)
        element.text = text

    def __str__(self) -> str:
        return ET.tostring(self._root, encoding="unicode", short_empty_elements=False)

    def _add(self, tag: str, attributes: dict[str, str], kind: str, title: str = "") -> ET.Element:
        element = ET.SubElement(self._root, tag, attributes | {"class": kind})
        if title:
            ET.SubElement(element, "title").text = title
        return element


def _percent(value: float) -> str:
    return f"{_short(value)}%"


def _short(value: float) -> str:
    return f"{round(value, 2):g}"
