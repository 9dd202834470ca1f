"""What a start costs in every lane of a pass: the distance to each reference time, the main nurse, the chair."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from .choices import Choices
from .cost import Packing
from .lanes import Lanes
from .sweep import Priced


class TimePrices:
    """One lane per reference minute: the levels above time, and time."""

    def __init__(self, choices: Choices, packing: Packing, references: Sequence[int]) -> None:
        """``references``: wall minutes, in the order of the lanes."""
        self.lanes = Lanes(len(references), packing.bits)
        self._choices = choices
        self._references = references
        self._unit = packing.units["time"]
        self._wish = packing.units["wishes"] if "wishes" in packing.above_time else 0
        self._move = packing.units["moved"]
        self._distances: dict[int, int] = {}

    def price(self, day: int) -> Priced:
        """The starts of a day with their costs."""
        of_day = self._choices.starts(day)
        ones = self.lanes.ones
        costs = [
            self._distance(minute) + weight * ones
            for minute, weight in zip(of_day.minutes, of_day.weights(self._wish, self._move), strict=True)
        ]
        return Priced(of_day.steps, self.lanes.least(costs), costs.__getitem__)

    def _distance(self, minute: int) -> int:
        known = self._distances.get(minute)
        if known is None:
            away = [abs(minute - reference) * self._unit for reference in self._references]
            known = self._distances[minute] = self.lanes.vector(away)
        return known


class FullPrices:
    """Every level, in one lane per reference minute and main nurse; the lanes of a reference stand together."""

    def __init__(
        self, choices: Choices, packing: Packing, references: Sequence[int], nurses: Sequence[int], slack: int
    ) -> None:
        """``references``: rising wall minutes. ``slack``: the whole distance, in minutes, of a best plan's starts."""
        depth = choices.problem.sessions
        self.lanes = Lanes(len(references) * len(nurses), packing.bits, depth)
        self._group = Lanes(len(nurses), packing.bits, depth)
        self._choices = choices
        self._references = references
        self._slack = slack
        self._units = packing.units
        self._nurse_units = {
            nurse: packing.units["nurse"] << lane * self._group.width for lane, nurse in enumerate(nurses)
        }
        self._missing: dict[tuple[int, ...], int] = {}

    def price(self, day: int) -> Priced:
        """The starts of a day near enough to a reference, with their costs."""
        of_day = self._choices.starts(day)
        near = [index for index, minute in enumerate(of_day.minutes) if self._is_near(minute)]
        steps = [of_day.steps[index] for index in near]
        minutes = [of_day.minutes[index] for index in near]
        weights = of_day.weights(self._units["wishes"], self._units["moved"])
        groups = [self._anywhere(of_day.steps[index], weights[index]) for index in near]

        def cost(index: int) -> int:
            return self._joined([groups[index] + self._away(minutes[index], r) for r in self._references])

        return Priced(steps, self._least(minutes, groups), cost)

    def _is_near(self, minute: int) -> bool:
        return bisect_left(self._references, minute - self._slack) < bisect_right(
            self._references, minute + self._slack
        )

    def _least(self, minutes: Sequence[int], groups: Sequence[int]) -> int:
        """The least cost in every lane; a reference without a start near enough is out of reach that day."""
        least, far = self._group.least, self._group.unreachable
        reached = []
        for reference in self._references:
            first = bisect_left(minutes, reference - self._slack)
            last = bisect_right(minutes, reference + self._slack)
            costs = [groups[index] + self._away(minutes[index], reference) for index in range(first, last)]
            reached.append(least(costs) if costs else far)
        return self._joined(reached)

    def _away(self, minute: int, reference: int) -> int:
        """The distance to a reference, for all its nurses."""
        return abs(minute - reference) * self._units["time"] * self._group.ones

    def _joined(self, groups: Sequence[int]) -> int:
        """The vector of all lanes from one vector of nurses per reference."""
        span = self._group.width * self._group.count
        return sum([group << index * span for index, group in enumerate(groups)])

    def _anywhere(self, step: int, weight: int) -> int:
        """What a start costs whatever the reference, per main nurse: its weight, chair time and her own absence."""
        offer = self._choices.seats.offer(step)
        costs = weight + offer.broken * self._units["broken"]
        absent = self._missing.get(offer.nurses)
        if absent is None:
            units = self._nurse_units
            absent = sum(units.values()) - sum([units[nurse] for nurse in offer.nurses if nurse in units])
            self._missing[offer.nurses] = absent
        return absent + costs * self._group.ones
