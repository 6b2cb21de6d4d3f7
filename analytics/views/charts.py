"""Geometry of the drawn figures; the same numbers always stand nearby as text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from analytics.selectors.conversation import Day
from analytics.selectors.reach import Hours

AXIS, ABOVE, BELOW = 118, 104, 46
STEP, WIDTH = 50, 26
STRIP = 260


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: a bar above the axis for us and one below for them, in the units of the drawing."""

    x: int
    middle: int
    us_y: float
    us_label_y: float
    us_height: float
    them_height: float
    count_label: str
    label: str
    label_x: int
    anchor: Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars of some days, and the sentence that says the same."""

    bars: list[Bar]
    from_us: int
    from_them: int
    sentence: str


def day_chart(days: Sequence[Day]) -> Chart:
    """A chart of two sides that share one scale."""
    from_us, from_them = sum(day.from_us for day in days), sum(day.from_them for day in days)
    scale = min(
        ABOVE / max(1, *(day.from_us for day in days)),
        BELOW / max(1, *(day.from_them for day in days)),
    )
    bars = [_bar(number, day, scale, len(days)) for number, day in enumerate(days)]
    return Chart(bars, from_us, from_them, _sentence(days, from_us, from_them))


def _bar(number: int, day: Day, scale: float, total: int) -> Bar:
    x, last = 12 + STEP * number, number == total - 1
    height = _height(day.from_us, scale)
    anchor: Literal["start", "middle", "end"] = "end" if last else "middle" if number else "start"
    label_x = {"start": x, "middle": x + WIDTH // 2, "end": x + WIDTH}[anchor]
    marked = date_format(day.day, "j M") if number in (0, 4, 9) else ""
    label = _("Today") if last else marked
    top = round(AXIS - 2 - height, 1)
    # A number of four digits is as wide as the way to the next bar.
    fits = day.from_us < 1000 or number % 2 == 0
    count = str(day.from_us) if day.from_us and fits else ""
    return Bar(
        x, x + WIDTH // 2, top, round(top - 4, 1), height, _height(day.from_them, scale), count,
        label, label_x, anchor,
    )  # fmt: skip


def _height(count: int, scale: float) -> float:
    """Something is never drawn as nothing."""
    return round(max(2.0, count * scale), 1) if count else 0


def _sentence(days: Sequence[Day], from_us: int, from_them: int) -> str:
    busiest = max(days, key=lambda day: day.from_us + day.from_them)
    return _(
        "Messages and calls per day for %(days)d days. From us %(us)d, from them %(them)d. "
        "Busiest day %(day)s with %(day_us)d from us and %(day_them)d from them."
    ) % {
        "days": len(days),
        "us": from_us,
        "them": from_them,
        "day": date_format(busiest.day, "l j F"),
        "day_us": busiest.from_us,
        "day_them": busiest.from_them,
    }


@dataclass(frozen=True, slots=True)
class Cell:
    """One hour of the strip: how dark, and its label where it has one."""

    x: float
    middle: float
    width: float
    shade: int
    label: str


@dataclass(frozen=True, slots=True)
class Strip:
    """The hours of a day, and the sentence that says the same."""

    cells: list[Cell]
    sentence: str


def hour_strip(hours: Hours) -> Strip:
    """Cells from none to most."""
    shown = hours.shown()
    pace, most = STRIP / len(shown), max(hours.counts.values(), default=0)
    every = 2 if len(shown) <= 16 else 4
    cells = [
        Cell(
            round(place * pace, 1),
            round(place * pace + pace / 2 - 1, 1),
            round(pace - 2, 1),
            _shade(hours.counts.get(hour, 0), most),
            str(hour) if (hour - shown[0]) % every == 0 else "",
        )
        for place, hour in enumerate(shown)
    ]
    told = ", ".join(
        _("%(count)d at %(hour)d") % {"count": count, "hour": hour} for hour, count in sorted(hours.counts.items())
    )
    return Strip(cells, _("By hour: %s; none at other hours") % told if told else _("Nothing yet"))


def _shade(count: int, most: int) -> int:
    """0 for none, else 1 to 3 by thirds of the most."""
    return 0 if not count else max(1, -(-3 * count // most))
