from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import transaction

from scheduling.core.reasons import Hint, HintKind, NoPlan, Reason, Rule
from scheduling.core.timeline import to_step
from scheduling.core.words import Role
from scheduling.models import (
    Appointment,
    AuditEntry,
    Chair,
    Closure,
    Location,
    Shift,
    ShiftException,
    StaffMember,
)
from scheduling.services.faults import Refused
from scheduling.services.reason_words import Cause, in_words, no_plan_words
from tests.factories import NOW, add_shifts, make_chair, make_location, make_nurse, make_staff
from tests.services.clinics import COURSE, Clinic

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


def refused(clinic: Clinic, *starts: datetime, **given: object) -> tuple[str, list[str]]:
    """The code and the details of a refused booking; nothing is booked."""
    with pytest.raises(Refused) as caught, transaction.atomic():
        clinic.book(clinic.order(), starts, **given)
    assert not Appointment.objects.exists()
    return caught.value.code, list(map(str, caught.value.details))


def local(day: int, hour: int, minute: int = 0, month: int = 1) -> datetime:
    """A New York wall time of early 2026 as UTC."""
    return datetime(2026, month, day, hour + 5, minute, tzinfo=UTC)


# --- each rule ---


def test_a_visit_cannot_start_in_the_past(clinic: Clinic) -> None:
    assert refused(clinic, NOW) == ("in_the_past", [])
    assert refused(clinic, NOW - timedelta(days=1)) == ("in_the_past", [])


def test_a_visit_keeps_the_lead_time(clinic: Clinic) -> None:
    assert refused(clinic, NOW + timedelta(minutes=55)) == (
        "rules_broken",
        ["Mon 5 Jan 08:55–10:55: it is earlier than the clinic's lead time or the order allows."],
    )
    clinic.book(clinic.order(), [NOW + timedelta(minutes=60)])


def test_a_visit_lies_within_the_horizon(clinic: Clinic) -> None:
    last = NOW + timedelta(days=120, hours=1)
    beyond = last + timedelta(days=1) - timedelta(hours=1)
    assert refused(clinic, beyond) == (
        "rules_broken",
        ["Wed 6 May 09:00–11:00: bookings are possible until Tue 5 May."],
    )
    clinic.book(clinic.order(), [last])


def test_a_far_date_is_refused_in_words(clinic: Clinic) -> None:
    code, details = refused(clinic, datetime(2036, 1, 7, 15, tzinfo=UTC))
    assert code == "rules_broken"
    assert "bookings are possible until Tue 5 May" in details[0]


@pytest.mark.parametrize(("hour", "minute"), [(7, 0), (16, 5)])
def test_the_whole_stay_lies_within_the_opening_hours(clinic: Clinic, hour: int, minute: int) -> None:
    code, details = refused(clinic, local(7, hour, minute))
    assert code == "rules_broken"
    assert any(detail.endswith(": the clinic is not open long enough.") for detail in details)


def test_the_turnover_may_run_past_closing(clinic: Clinic) -> None:
    clinic.book(clinic.order(), [local(7, 16)])


def test_a_closure_shuts_whole_days(clinic: Clinic) -> None:
    Closure.objects.create(
        location=clinic.location, first_day=date(2026, 1, 6), last_day=date(2026, 1, 6), reason="Works"
    )
    assert refused(clinic, COURSE[0]) == (
        "rules_broken",
        ["Tue 6 Jan 09:00–11:00: the clinic is closed that day."],
    )


def test_a_public_holiday_of_the_chosen_calendar_is_a_closure(clinic: Clinic) -> None:
    Location.objects.update(holiday_country="US")
    clinic.location.refresh_from_db()
    code, details = refused(clinic, local(19, 9))
    assert (code, details) == (
        "rules_broken",
        ["Mon 19 Jan 09:00–11:00: the clinic is closed that day."],
    )


def test_nobody_on_shift_is_said(clinic: Clinic) -> None:
    Shift.objects.filter(weekday=1).delete()
    assert refused(clinic, COURSE[0]) == (
        "rules_broken",
        ["Tue 6 Jan 09:15–11:00: no nurse is on shift."],
    )


def test_a_break_interrupts_a_shift(clinic: Clinic) -> None:
    Shift.objects.update(break_starts=time(12), break_ends=time(12, 30))
    code, details = refused(clinic, local(7, 11))
    assert (code, details) == ("rules_broken", ["Wed 7 Jan 11:15–13:00: no nurse is on shift."])
    clinic.book(clinic.order(), [local(7, 10)])


def test_an_absence_takes_away_and_an_extra_shift_adds(clinic: Clinic) -> None:
    away = {"staff": clinic.nurse, "location": clinic.location, "day": date(2026, 1, 6)}
    ShiftException.objects.create(kind="absence", starts=time(8), ends=time(18), **away)
    code, details = refused(clinic, COURSE[0])
    assert (code, details) == ("rules_broken", ["Tue 6 Jan 09:15–11:00: no nurse is on shift."])
    other = make_staff(Role.NURSE)
    Shift.objects.filter(staff=clinic.nurse, weekday=2).delete()
    assert refused(clinic, local(7, 9))[0] == "rules_broken"
    extra = {"staff": clinic.nurse, "location": clinic.location, "day": date(2026, 1, 7)}
    ShiftException.objects.create(kind="extra", starts=time(8), ends=time(12), **extra)
    assert other.pk
    clinic.book(clinic.order(), [local(7, 9)])


def test_a_prescriber_is_on_site_where_the_protocol_wants_one(clinic: Clinic) -> None:
    clinic.protocol.prescriber_on_site = True
    clinic.protocol.save()
    code, details = refused(clinic, COURSE[0])
    assert (code, details) == (
        "rules_broken",
        ["Tue 6 Jan 09:30–10:55: no prescriber is on site."],
    )
    add_shifts(make_staff(Role.PRESCRIBER), clinic.location, Role.PRESCRIBER)
    clinic.book(clinic.order(), COURSE[:1])


def test_a_chair_out_of_use_is_refused(clinic: Clinic) -> None:
    Chair.objects.update(is_active=False)
    assert refused(clinic, COURSE[0]) == ("chair_inactive", [])


def test_a_chair_of_another_location_is_refused(clinic: Clinic) -> None:
    chair = make_chair(make_location("Harbour"))
    assert refused(clinic, COURSE[0], chair=chair) == ("chair_inactive", [])


def test_a_nurse_who_left_is_refused(clinic: Clinic) -> None:
    StaffMember.objects.filter(pk=clinic.nurse.pk).update(is_active=False)
    assert refused(clinic, COURSE[0]) == ("nurse_inactive", [])


def test_a_nurse_who_works_elsewhere_is_refused(clinic: Clinic) -> None:
    nurse = make_nurse(make_location("Harbour"))
    code, details = refused(clinic, COURSE[0], nurse=nurse)
    assert (code, details) == ("rules_broken", ["Tue 6 Jan 09:15–11:00: no nurse is on shift."])


def test_a_location_out_of_use_takes_nobody(clinic: Clinic) -> None:
    clinic.location.is_active = False
    clinic.location.save()
    assert refused(clinic, COURSE[0])[0] == "location_closed"


def test_a_start_between_two_steps_is_refused(clinic: Clinic) -> None:
    assert refused(clinic, COURSE[0] + timedelta(minutes=2)) == ("off_grid", [])


def test_visits_of_one_booking_keep_their_distance(clinic: Clinic) -> None:
    assert refused(clinic, COURSE[0], COURSE[0] + timedelta(days=1)) == (
        "rules_broken",
        [
            "Wed 7 Jan 09:00–11:00: only 1 day lies between it and another visit; at least 2 are needed.",
            "Wed 7 Jan 09:00–11:00: only 24 hours lie between it and another visit; at least 40 are needed.",
        ],
    )


def test_two_visits_on_one_day_are_refused(clinic: Clinic) -> None:
    code, details = refused(clinic, local(7, 8), local(7, 13))
    assert code == "rules_broken"
    assert "Wed 7 Jan 13:00–15:00: there is another visit on that day." in details


def test_at_most_three_visits_lie_within_seven_days(clinic: Clinic) -> None:
    starts = [local(day, 9) for day in (6, 8, 10, 12)]
    code, details = refused(clinic, *starts)
    assert (code, details) == (
        "rules_broken",
        ["Mon 12 Jan 09:00–11:00: it would be 4 visits within 7 days; at most 3 are allowed."],
    )


def test_every_broken_rule_is_named_at_once(clinic: Clinic) -> None:
    Shift.objects.filter(weekday=1).delete()
    code, details = refused(clinic, local(6, 7), local(9, 17))
    assert code == "rules_broken"
    assert details == [
        "Tue 6 Jan 07:00–09:00: the clinic is not open long enough.",
        "Tue 6 Jan 07:15–09:00: no nurse is on shift.",
        "Fri 9 Jan 17:00–19:00: the clinic is not open long enough.",
        "Fri 9 Jan 17:15–19:00: no nurse is on shift.",
    ]


# --- overriding ---

TOO_NEAR = (COURSE[0], COURSE[0] + timedelta(days=1))


def test_a_prescriber_overrides_a_gap_with_a_reason(clinic: Clinic) -> None:
    series = clinic.book(clinic.order(), TOO_NEAR, by=clinic.prescriber, override_reason="Travels afterwards")
    kept = series.appointments.order_by("number").values_list("override_reason", flat=True)
    assert list(kept) == ["", "Travels afterwards"]
    entry = AuditEntry.objects.get(action="book_series")
    assert entry.facts["overridden"] == ["floor_hours", "min_gap"]


def test_a_prescriber_needs_a_reason(clinic: Clinic) -> None:
    code, _details = refused(clinic, *TOO_NEAR, by=clinic.prescriber, override_reason="  ")
    assert code == "rules_broken"


def test_a_clerk_overrides_nothing(clinic: Clinic) -> None:
    code, _details = refused(clinic, *TOO_NEAR, override_reason="Please")
    assert code == "rules_broken"


def test_a_prescriber_overrides_the_lead_time(clinic: Clinic) -> None:
    start = NOW + timedelta(minutes=10)
    clinic.book(clinic.order(), [start], by=clinic.prescriber, override_reason="Urgent")


@pytest.mark.parametrize("start", [local(7, 7), local(7, 17), local(7, 6)])
def test_nobody_overrides_the_opening_hours(clinic: Clinic, start: datetime) -> None:
    code, _details = refused(clinic, start, by=clinic.prescriber, override_reason="Urgent")
    assert code == "rules_broken"


def test_nobody_overrides_a_taken_seat(clinic: Clinic) -> None:
    clinic.book(clinic.order(), COURSE[:1])
    with pytest.raises(Refused) as caught, transaction.atomic():
        clinic.book(clinic.order(), COURSE[:1], by=clinic.prescriber, override_reason="Urgent")
    assert caught.value.code == "places_taken"


def test_a_reason_without_a_broken_rule_is_not_kept(clinic: Clinic) -> None:
    series = clinic.book(clinic.order(), COURSE, by=clinic.prescriber, override_reason="Just in case")
    assert set(series.appointments.values_list("override_reason", flat=True)) == {""}
    assert AuditEntry.objects.get(action="book_series").facts["overridden"] == []


# --- reasons in words ---

NINE = to_step(COURSE[0])


@pytest.mark.parametrize("rule", list(Rule))
def test_every_rule_has_words_with_and_without_figures(clinic: Clinic, rule: Rule) -> None:
    bare = in_words(Reason(rule), clinic.location)
    full = in_words(
        Reason(
            rule,
            day=date(2026, 1, 6),
            interval=(NINE, NINE + 24),
            found=1,
            limit=2,
            limit_date=date(2026, 1, 5),
        ),
        clinic.location,
    )
    assert bare[0].isupper()
    assert bare.endswith(".")
    assert full.startswith("Tue 6 Jan 09:00–11:00: ")
    assert "None" not in bare + full
    assert "%" not in bare + full


def test_causes_that_hold_together_are_one_sentence(clinic: Clinic) -> None:
    reason = Reason(Rule.CHAIR, day=date(2026, 1, 6), also=(Rule.WISH_TIMES,))
    assert in_words(reason, clinic.location) == (
        "Tue 6 Jan: no chair is free; and the patient cannot come at this time."
    )


def test_reasons_with_one_cause_share_a_line_and_days_in_a_row_become_a_range(clinic: Clinic) -> None:
    days = [date(2026, 1, day) for day in (6, 7, 8, 12)]
    none = NoPlan(
        session=2,
        window=(days[0], days[-1]),
        reasons=(
            Reason(Rule.CHAIR, day=date(2026, 1, 9), interval=(NINE, NINE + 24)),
            *(Reason(Rule.NURSE_SHIFT, day=day) for day in days),
            Reason(Rule.ORDER_END, limit_date=date(2026, 1, 12)),
        ),
        hints=(Hint(HintKind.LATER_ORDER_END, date(2026, 1, 16)),),
    )
    words = no_plan_words(none, clinic.location)
    assert words.headline == "Visit 3 finds no place between Tue 6 Jan and Mon 12 Jan."
    assert words.causes == (
        Cause("No nurse is on shift", ("Tue 6 Jan – Thu 8 Jan", "Mon 12 Jan")),
        Cause("No chair is free", ("Fri 9 Jan 09:00–11:00",)),
        Cause("The order ends on Mon 12 Jan"),
    )
    assert words.hints == ("It would fit if the order were valid until Fri 16 Jan.",)


def test_many_days_are_counted_not_listed(clinic: Clinic) -> None:
    days = [date(2026, 1, 5) + timedelta(days=2 * n) for n in range(12)]
    none = NoPlan(0, None, tuple(Reason(Rule.CLOSURE, day=day) for day in days))
    words = no_plan_words(none, clinic.location)
    assert words.headline == "No day is left for visit 1."
    (cause,) = words.causes
    assert (len(cause.days), cause.more) == (8, 4)
