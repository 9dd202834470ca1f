"""What a start costs in every lane of a pass: the distance to each reference time, the main nurse, the chair."""

from collections.abc import Sequence

from .choices import Choices
from .cost import Packing
from .lanes import Lanes
from .sweep import Priced


class TimePrices:
    """One lane per reference minute: the levels above time, and time."""

    def __init__(self, choices: Choices, packing: Packing, references: Sequence[int]) -> None:
        self.lanes = Lanes(len(references), packing.bits)
        self._choices = choices
        self._references = references
        self._unit = packing.units["time"]
        self._wish = self.lanes.ones * packing.units["wishes"] if "wishes" in packing.above_time else 0
        self._distances: dict[int, int] = {}

    def price(self, day: int) -> Priced:
        """The starts of a day with their costs."""
        of_day = self._choices.starts(day)
        costs = [
            self._distance(minute) + missed * self._wish
            for minute, missed in zip(of_day.minutes, of_day.misses, strict=True)
        ]
        return Priced(of_day.steps, costs)

    def _distance(self, minute: int) -> int:
        known = self._distances.get(minute)
        if known is None:
            away = [abs(minute - reference) * self._unit for reference in self._references]
            known = self._distances[minute] = self.lanes.vector(away)
        return known


class FullPrices:
    """One lane per reference minute and main nurse: every level."""

    def __init__(
        self, choices: Choices, packing: Packing, references: Sequence[int], nurses: Sequence[int], slack: int
    ) -> None:
        """``slack``: minutes by which no start of a best plan lies further from its reference."""
        self.lanes = Lanes(len(references) * len(nurses), packing.bits)
        self._choices = choices
        self._references = references
        self._nurses = nurses
        self._slack = slack
        self._units = packing.units
        # Lanes of one reference stand together; a vector of nurses is repeated for every reference.
        self._group = Lanes(len(nurses), packing.bits)
        self._repeat = sum(1 << index * len(nurses) * self.lanes.width for index in range(len(references)))
        self._distances: dict[int, int | None] = {}
        self._missing: dict[tuple[int, ...], int] = {}

    def price(self, day: int) -> Priced:
        """The starts of a day near enough to a reference, with their costs."""
        of_day = self._choices.starts(day)
        wish, broken, ones = self._units["wishes"], self._units["broken"], self.lanes.ones
        steps, costs = [], []
        for step, minute, missed in zip(of_day.steps, of_day.minutes, of_day.misses, strict=True):
            distance = self._distance(minute)
            if distance is not None:
                everywhere = missed * wish + self._choices.broken(step)[0] * broken
                steps.append(step)
                costs.append(distance + self._nurse(step) + everywhere * ones)
        return Priced(steps, costs)

    def _distance(self, minute: int) -> int | None:
        """The distance to each reference, in its group of lanes; None when no reference is near enough."""
        if minute not in self._distances:
            away = [abs(minute - reference) for reference in self._references]
            near = min(away) <= self._slack
            groups = sum(
                minutes << index * len(self._nurses) * self.lanes.width for index, minutes in enumerate(away)
            )
            self._distances[minute] = groups * self._units["time"] * self._group.ones if near else None
        return self._distances[minute]

    def _nurse(self, step: int) -> int:
        """One session missed in the lane of each main nurse who cannot take the start."""
        able = tuple(self._choices.nurses_at(step))
        if able not in self._missing:
            missed = [0 if nurse in able else self._units["nurse"] for nurse in self._nurses]
            self._missing[able] = self._group.vector(missed) * self._repeat
        return self._missing[able]
