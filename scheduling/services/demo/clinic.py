"""The two made-up sites: hours, chairs, people and their shifts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User

from scheduling.access import SYSTEM, Actor
from scheduling.core.words import ActorKind, Role
from scheduling.models import (
    Chair,
    Closure,
    Location,
    OnCallShift,
    OpeningHours,
    Protocol,
    Shift,
    ShiftException,
    StaffMember,
)
from scheduling.services.frame import public_holidays
from scheduling.services.seats import seat_chair, set_capacity

from .regimens import add_protocols

LOGINS = ("frontdesk", "nurse", "prescriber", "manager")
PASSWORD = "demo-clinic"  # noqa: S105 - printed at every start; only a demo accepts it
OPENS, CLOSES = time(7), time(19)
CHAIRS = 4
SITES: tuple[dict[str, Any], ...] = (
    {
        "name": "Hudson Street",
        "address": "418 Hudson Street\nNew York, NY 10014",
        "zone": "America/New_York",
        "calendar_label": "Hudson Street Clinic",
        "phone": "+12125550100",
        "after_hours_phone": "+12125550199",
        "holiday_subdivision": "NY",
    },
    {
        "name": "Pacific Avenue",
        "address": "2207 Pacific Avenue\nLos Angeles, CA 90291",
        "zone": "America/Los_Angeles",
        "calendar_label": "Pacific Avenue Clinic",
        "phone": "+13105550100",
        "after_hours_phone": "+13105550199",
        "holiday_subdivision": "CA",
    },
)
NURSES: tuple[tuple[tuple[str, str, int], ...], ...] = (
    (("nurse", "Naomi Brandt", 3), ("imoreau", "Ines Moreau", 2), ("tadeyemi", "Tunde Adeyemi", 3)),
    (("lkowalski", "Lena Kowalski", 3), ("mrosales", "Marco Rosales", 2), ("spark", "Sunny Park", 3)),
)
NURSE_DAYS = ((0, 2, 3, 5), (0, 1, 3, 4), (1, 2, 4, 6))
"""Weekdays of each site's three nurses, 12 hours each: two on weekdays, one at the weekend."""
PRESCRIBERS: tuple[tuple[str, str, int, tuple[int, ...]], ...] = (
    ("prescriber", "Dr. Amara Whitfield", 0, (0, 1, 2, 3, 4)),
    ("jokafor", "Dr. Julian Okafor", 0, (1, 3)),
    ("rsandoval", "Dr. Rosa Sandoval", 1, (0, 1, 2, 3, 4)),
)


@dataclass(frozen=True, slots=True)
class DemoClinic:
    """The sites and who acts there; ``actors`` by staff id."""

    sites: tuple[Location, ...]
    actors: Mapping[int, Actor]
    front_desk: Actor
    prescribers: tuple[Actor, ...]
    protocols: Mapping[str, Protocol]


def build_clinic(day: date, now: datetime) -> DemoClinic:
    """Set both sites up as they stand on the local date ``day``; ``now`` is when that was done, long before."""
    sites = tuple(_site(fields, day) for fields in SITES)
    password = make_password(PASSWORD)
    desk = _person("frontdesk", "Frankie Osei", password, is_front_desk=True)
    manager = _person("manager", "Marguerite Lindqvist", password, is_manager=True)
    nurses = [_nurse(site, index, password, now) for site in range(len(sites)) for index in range(3)]
    prescribers = [_prescriber(*row, sites, password) for row in PRESCRIBERS]
    for nurse, days, site in zip(nurses, NURSE_DAYS * 2, (0, 0, 0, 1, 1, 1), strict=True):
        _shifts(nurse, sites[site], Role.NURSE, days, CLOSES)
    _exceptions(sites[0], nurses[1], day)
    for site, location in enumerate(sites):
        _on_call(location, nurses[3 * site], prescribers[2 * site])
    staff = (desk, manager, *nurses, *prescribers)
    actors = {person.pk: Actor(ActorKind.STAFF, person.pk, roles=person.roles) for person in staff}
    return DemoClinic(
        sites=sites,
        actors=actors,
        front_desk=actors[desk.pk],
        prescribers=tuple(actors[person.pk] for person in prescribers),
        protocols=add_protocols(actors[manager.pk], now),
    )


def _site(fields: Mapping[str, Any], day: date) -> Location:
    """A location open every day; it works through the holidays where the demo's own day is one."""
    location = Location(**fields, holiday_country="US")
    if public_holidays(location, day, day):
        location.holiday_country = location.holiday_subdivision = ""
    location.save()
    OpeningHours.objects.bulk_create(
        OpeningHours(location=location, weekday=weekday, opens=OPENS, closes=CLOSES) for weekday in range(7)
    )
    for number in range(1, CHAIRS + 1):
        seat_chair(Chair.objects.create(location=location, name=f"Chair {number}"))
    return location


def _person(username: str, name: str, password: str, **fields: Any) -> StaffMember:
    """Only the four log-ins that are printed have a password."""
    user = User.objects.create(
        username=username,
        email=f"{username}@example.org",
        password=password if username in LOGINS else make_password(None),
    )
    return StaffMember.objects.create(user=user, name=name, **fields)


def _nurse(site: int, index: int, password: str, now: datetime) -> StaffMember:
    username, name, capacity = NURSES[site][index]
    nurse = _person(username, name, password, is_nurse=True, monitoring_capacity=capacity)
    set_capacity(by=SYSTEM, now=now, nurse=nurse, capacity=capacity)
    return nurse


def _prescriber(
    username: str, name: str, site: int, days: tuple[int, ...], sites: tuple[Location, ...], password: str
) -> StaffMember:
    prescriber = _person(username, name, password, is_prescriber=True)
    _shifts(prescriber, sites[site], Role.PRESCRIBER, days, time(17))
    return prescriber


def _shifts(staff: StaffMember, location: Location, role: Role, days: tuple[int, ...], until: time) -> None:
    Shift.objects.bulk_create(
        Shift(
            staff=staff,
            location=location,
            role=role,
            weekday=weekday,
            starts=OPENS,
            ends=until,
            valid_from=date(2024, 1, 1),
        )
        for weekday in days
    )


def _on_call(location: Location, nurse: StaffMember, prescriber: StaffMember) -> None:
    """Every night from closing to opening: a nurse first, then a prescriber; Sunday nights are left open."""
    OnCallShift.objects.bulk_create(
        OnCallShift(
            location=location, staff=staff, position=position, weekday=weekday, starts=CLOSES, ends=OPENS
        )
        for weekday in range(6)
        for position, staff in enumerate((nurse, prescriber), start=1)
    )


def _exceptions(location: Location, nurse: StaffMember, day: date) -> None:
    """A day of training three weeks ahead, and a nurse who is away for two days next week."""
    training = day + timedelta(days=23)
    Closure.objects.create(location=location, first_day=training, last_day=training, reason="Staff training")
    ShiftException.objects.bulk_create(
        ShiftException(
            staff=nurse,
            location=location,
            kind=ShiftException.Kind.ABSENCE,
            day=day + timedelta(days=ahead),
            starts=OPENS,
            ends=CLOSES,
            reason="Vacation",
        )
        for ahead in (8, 9)
    )
