"""Saving several visits of one patient one after the other, though two never stand on one day (a constraint)."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from scheduling.models import Appointment


class DayChange(NamedTuple):
    """One visit, the local day it leaves and the one it comes to; None where it stands on none, as when cancelled."""

    visit: Appointment
    leaves: date | None
    comes: date | None


def in_free_order(changes: Iterable[DayChange]) -> list[Appointment]:
    """The visits in an order in which none lands on a day that another one is about to leave.

    There is one whenever the visits keep their order in time; visits that swap their days come last, as given.
    """
    waiting, ordered = list(changes), list[Appointment]()
    while waiting:
        left = {change.leaves: change.visit for change in waiting if change.leaves}
        free = [one for one in waiting if one.comes is None or left.get(one.comes, one.visit) is one.visit]
        free = free or waiting[:]
        ordered += [change.visit for change in free]
        waiting = [change for change in waiting if change not in free]
    return ordered
