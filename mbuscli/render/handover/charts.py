"""Small charts as inline SVG: labelled where the eye is, so that nobody needs a legend."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from mbuscli.render.handover.markup import Html, discreet, join, tag
from mbuscli.services.history import Series

_WIDTH = 360
_HEIGHT = 150
_BASE = 118  # where bars stand
_TOP = 20
_MARGIN = 14
_ROW = 22
_LABEL_WIDTH = 128
_LONGEST_LABEL = 21
_SPARK = (84, 20)


class Bar(NamedTuple):
    """`tone`: weak, good or "" chooses the colour, which the position says as well."""

    label: str
    amount: int
    tone: str = ""


class Share(NamedTuple):
    """`done` of `total`."""

    label: str
    done: int
    total: int


def column_chart(
    number: int, title: str, told: str, axis: str, bars: Sequence[Bar], *, end: str = ""
) -> Html:
    """Upright bars with their counts on top; `told`: the same in words, `axis`: what stands along it.

    With `end` the labels stand between the bars, where one range ends and the next begins.
    """
    step = (_WIDTH - 2 * _MARGIN) / len(bars)
    most = max(bar.amount for bar in bars) or 1
    every = max(1, -(-len(bars) * 34 // _WIDTH))  # labels that do not run into each other
    parts: list[Html] = [_line(0, _BASE, _WIDTH, _BASE)]
    for place, bar in enumerate(bars):
        height = (_BASE - _TOP) * bar.amount / most
        left = _MARGIN + step * place
        middle = left + step / 2
        width = min(step * 0.72, 44)
        if bar.amount:
            parts.append(
                tag(
                    "rect",
                    class_=f"bar {bar.tone}".rstrip(),
                    x=_number(middle - width / 2),
                    y=_number(_BASE - height),
                    width=_number(width),
                    height=_number(height),
                    rx="1.5",
                )
            )
            if every == 1 or bar.amount == most:
                parts.append(_label(middle, _BASE - height - 5, str(bar.amount), "count"))
        if place % every == 0:
            parts.append(_label(left if end else middle, _BASE + 14, bar.label, "tick"))
    if end:
        parts.append(_label(_WIDTH - _MARGIN, _BASE + 14, end, "tick"))
    parts.append(_label(_WIDTH / 2, _HEIGHT - 4, axis, "axis"))
    return _figure(number, title, told, _HEIGHT, parts)


def share_chart(number: int, title: str, told: str, shares: Sequence[Share], *, parts_of: bool) -> Html:
    """Lying bars, one a line; with `parts_of` each has a whole to be seen, and `7 of 9` stands behind it."""
    most = max(share.total for share in shares) or 1
    room = _WIDTH - _LABEL_WIDTH - 62
    drawn: list[Html] = []
    for place, share in enumerate(shares):
        y = place * _ROW
        label = discreet(share.label)
        if len(label) > _LONGEST_LABEL:
            label = label[: _LONGEST_LABEL - 1] + "…"
        drawn.append(
            tag("text", label, class_="tick", x=str(_LABEL_WIDTH - 8), y=str(y + 15), text_anchor="end")
        )
        whole = max(room * share.total / most, 2)
        if parts_of:
            drawn.append(_bar("rest", y, whole))
        if share.done:
            drawn.append(_bar("bar", y, max(whole * share.done / share.total, 2)))
        words = f"{share.done} of {share.total}" if parts_of else str(share.total)
        behind = _number(_LABEL_WIDTH + whole + 6)
        drawn.append(tag("text", words, class_="count", x=behind, y=str(y + 15)))
    return _figure(number, title, told, len(shares) * _ROW + 2, drawn)


def sparkline(series: Series, told: str) -> Html:
    """A line of the size of a word; `told` says the same."""
    width, height = _SPARK
    low, high = min(series.values), max(series.values)
    points = []
    for share, value in zip(_times(series.moments), series.values, strict=True):
        x = 2 + (width - 6) * share
        y = height / 2 if high == low else height - 3 - (height - 6) * float((value - low) / (high - low))
        points.append((x, y))
    line = " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
    x, y = points[-1]
    return tag(
        "svg",
        tag("title", told),
        tag("polyline", class_="line", points=line),
        tag("circle", class_="dot", cx=_number(x), cy=_number(y), r="2.2"),
        class_="spark",
        viewBox=f"0 0 {width} {height}",
        width=str(width),
        height=str(height),
        role="img",
    )


def _times(moments: Sequence[str]) -> list[float]:
    """Where on the line, from 0 to 1: by time, or evenly where the moments are no times."""
    try:
        stamps = [datetime.fromisoformat(moment).timestamp() for moment in moments]
    except (ValueError, OverflowError, OSError):
        stamps = []
    if len(stamps) < 2 or stamps[-1] <= stamps[0] or sorted(stamps) != stamps:
        stamps = [float(place) for place in range(len(moments))]
    return [(stamp - stamps[0]) / (stamps[-1] - stamps[0] or 1.0) for stamp in stamps]


def _figure(number: int, title: str, told: str, height: int, parts: Sequence[Html]) -> Html:
    names = f"chart{number}-title", f"chart{number}-told"
    drawing = tag(
        "svg",
        tag("title", title, id=names[0]),
        tag("desc", told, id=names[1]),
        join(*parts),
        viewBox=f"0 0 {_WIDTH} {height}",
        role="img",
        aria_labelledby=" ".join(names),
    )
    return tag("figure", tag("figcaption", title), drawing)


def _bar(kind: str, y: int, width: float) -> Html:
    return tag(
        "rect", class_=kind, x=str(_LABEL_WIDTH), y=str(y + 4), width=_number(width), height="14", rx="1.5"
    )


def _label(x: float, y: float, words: str, kind: str) -> Html:
    return tag("text", words, class_=kind, x=_number(x), y=_number(y), text_anchor="middle")


def _line(x1: float, y1: float, x2: float, y2: float) -> Html:
    return tag("line", class_="ground", x1=_number(x1), y1=_number(y1), x2=_number(x2), y2=_number(y2))


def _number(value: float) -> str:
    """A coordinate; the same on every computer."""
    return format(Decimal(f"{value:.1f}").normalize(), "f")
