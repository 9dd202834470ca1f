"""The board as a drawing: every instant as a percentage of the width, ready for SVG attributes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from scheduling.core.dayscale import DayScale, Interval
from scheduling.services.board import BoardVisit, ChairRow, DayBoard, NurseRow, Stretch
from scheduling.services.board_holds import BoardHold, HeldSpan
from scheduling.services.opening import OpenDay

LANE = 72
"""Height of one lane of a chair, in pixels."""


@dataclass(frozen=True, slots=True)
class Box:
    """A piece of time: its beginning and width as SVG attributes; ``kind`` becomes a CSS class."""

    x: str
    width: str
    kind: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """A full hour: its place and what the clocks show."""

    x: str
    label: str
    is_even: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """One visit: its frame, its phases, what was recorded, and the part beyond the plan."""

    row: BoardVisit
    frame: Box
    phases: tuple[Box, ...]
    actual: tuple[Box, ...]
    beyond: Box | None
    top: int


@dataclass(frozen=True, slots=True)
class HeldBar:
    """One place that is kept."""

    hold: BoardHold
    span: HeldSpan
    frame: Box
    top: int


@dataclass(frozen=True, slots=True)
class ChairLine:
    """One chair's row of the drawing."""

    row: ChairRow
    height: int
    bars: tuple[Bar, ...]
    held: tuple[HeldBar, ...]


@dataclass(frozen=True, slots=True)
class NurseLine:
    """One nurse's row of the drawing; ``kind`` of a load is ``some``, ``full`` or ``over``."""

    row: NurseRow
    shifts: tuple[Box, ...]
    loads: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class DayChart:
    """The whole drawing; ``now`` is empty where the clock stands outside of it."""

    ticks: tuple[Tick, ...]
    now: str
    closed: tuple[Box, ...]
    chairs: tuple[ChairLine, ...]
    nurses: tuple[NurseLine, ...]


def day_chart(board: DayBoard) -> DayChart:
    """Draw a board. Positions are elapsed time, so a day of 23 or 25 hours is true to scale as well."""
    scale = board.scale
    return DayChart(
        ticks=tuple(
            Tick(_percent(scale.percent(local)), local.strftime("%H:%M"), local.hour % 2 == 0)
            for local in scale.hours()
        ),
        now=_percent(scale.percent(board.now)) if board.now in scale else "",
        closed=_closed(scale, board.open_day),
        chairs=tuple(_chair_line(scale, row) for row in board.chairs),
        nurses=tuple(_nurse_line(scale, row) for row in board.nurses),
    )


def _percent(number: float) -> str:
    return f"{number:.3f}%"


def _box(scale: DayScale, start: datetime, end: datetime, kind: str = "", label: str = "") -> Box:
    left, right = scale.percent(start), scale.percent(end)
    return Box(_percent(left), _percent(max(right - left, 0)), kind, label)


def _closed(scale: DayScale, open_day: OpenDay) -> tuple[Box, ...]:
    """Everything outside the opening hours."""
    edges = [scale.since, *(edge for interval in open_day.intervals for edge in interval), scale.until]
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return tuple(_box(scale, start, end) for start, end in pairs if start < end)


def _chair_line(scale: DayScale, row: ChairRow) -> ChairLine:
    bars = [_bar(scale, visit, number * LANE) for number, lane in enumerate(row.lanes) for visit in lane]
    held = [
        HeldBar(hold, span, _box(scale, span.starts_at, span.ends_at), lane * LANE)
        for lane, hold, span in row.holds
    ]
    return ChairLine(row, row.lane_count * LANE, tuple(bars), tuple(held))


def _bar(scale: DayScale, row: BoardVisit, top: int) -> Bar:
    visit = row.visit
    is_late = row.is_overdue and (visit.discharged_at or row.actual)
    return Bar(
        row=row,
        frame=_box(scale, visit.starts_at, row.chair_until),
        phases=_boxes(scale, row.phases),
        actual=_boxes(scale, row.actual),
        beyond=_box(scale, visit.ends_at, row.leaves_at) if is_late else None,
        top=top,
    )


def _boxes(scale: DayScale, stretches: Iterable[Stretch]) -> tuple[Box, ...]:
    return tuple(_box(scale, one.starts_at, one.ends_at, one.kind) for one in stretches)


def _nurse_line(scale: DayScale, row: NurseRow) -> NurseLine:
    loads = [
        _box(
            scale,
            load.starts_at,
            load.ends_at,
            "over" if load.number > load.places else "full" if load.number == load.places else "some",
            str(load.number),
        )
        for load in row.loads
    ]
    return NurseLine(row, tuple(_span(scale, shift) for shift in row.shifts), tuple(loads))


def _span(scale: DayScale, interval: Interval) -> Box:
    start, end = interval
    return _box(scale, start, end)
