from datetime import timedelta

import pytest

from scheduling.access import SYSTEM, Actor, NotAllowed
from scheduling.core.words import ActorKind, CalendarWay, LinkPurpose, MessageKind, MessageState, Role, Status
from scheduling.models import Appointment, AuditEntry, Message, Patient, Series
from scheduling.services.calendar_ways import choose_calendar_way
from scheduling.services.faults import Refused
from scheduling.services.links import link_for, revoke_link
from scheduling.services.patients import save_patient
from tests.factories import NOW, actor, agree_to_email, book_one_course, make_patient, make_staff

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
INVITATIONS, FEED, FILES = CalendarWay.INVITATIONS, CalendarWay.FEED, CalendarWay.FILES


@pytest.fixture
def series() -> Series:
    """Three visits, booked while the patient had not yet agreed to e-mail."""
    series = book_one_course(3)
    agree_to_email(series.patient)
    return series


def fresh(series: Series) -> Patient:
    return Patient.objects.select_related("home_location").get(pk=series.patient_id)


def choose(series: Series, way: CalendarWay, by: Actor = SYSTEM, minutes: int = 60) -> Patient:
    now = NOW + timedelta(minutes=minutes)
    return choose_calendar_way(by=by, now=now, patient=fresh(series), way=way)


def invitations(series: Series) -> list[tuple[int, str]]:
    """Number of the visit and state of each invitation."""
    rows = Message.objects.filter(kind=MessageKind.INVITATION, series=series).order_by("appointment__number")
    return list(rows.values_list("appointment__number", "state"))


def test_a_chosen_way_is_kept_and_audited_and_sends_nothing(series: Series) -> None:
    before = Message.objects.count()
    choose(series, FEED)
    choose(series, FILES)
    assert fresh(series).calendar_way == "files"
    entries = AuditEntry.objects.filter(action="choose_calendar_way").order_by("pk")
    assert [entry.facts for entry in entries] == [
        {"way": "feed", "before": "invitations"},
        {"way": "files", "before": "feed"},
    ]
    assert Message.objects.count() == before


def test_the_same_way_again_changes_nothing(series: Series) -> None:
    choose(series, INVITATIONS)
    assert fresh(series).calendar_way == ""
    assert not AuditEntry.objects.filter(action="choose_calendar_way").exists()
    assert invitations(series) == []


def test_choosing_invitations_invites_to_the_visits_still_to_come(series: Series) -> None:
    Patient.objects.update(calendar_way="files")
    visits = list(series.appointments.order_by("number"))
    Appointment.objects.filter(pk=visits[1].pk).update(status=Status.CANCELLED_BY_CLINIC)
    now = visits[0].ends_at + timedelta(hours=1)
    choose_calendar_way(by=SYSTEM, now=now, patient=fresh(series), way=INVITATIONS)
    assert invitations(series) == [(3, "waiting")]
    assert Message.objects.get(kind=MessageKind.INVITATION).due_at == now


def test_another_way_stops_invitations_that_have_not_left_but_keeps_the_calendar_true(
    series: Series,
) -> None:
    Patient.objects.update(calendar_way="files")
    choose(series, INVITATIONS)
    first = Message.objects.get(kind=MessageKind.INVITATION, appointment__number=1)
    Message.objects.filter(pk=first.pk).update(state=MessageState.SENT, sent_at=NOW)
    update = Message.objects.get(pk=first.pk)
    update.pk, update.key, update.uid = None, "update", "update"
    update.state, update.sent_at = MessageState.WAITING, None
    update.save()
    choose(series, FEED)
    assert invitations(series) == [(1, "sent"), (1, "waiting"), (2, "dropped"), (3, "dropped")]
    dropped = Message.objects.filter(state=MessageState.DROPPED, kind=MessageKind.INVITATION)
    assert set(dropped.values_list("reason", flat=True)) == {"The patient chose another calendar way."}


def test_changing_to_and_fro_invites_once(series: Series) -> None:
    Patient.objects.update(calendar_way="files")
    choose(series, INVITATIONS)
    choose(series, FILES, minutes=61)
    assert {state for _number, state in invitations(series)} == {"dropped"}
    choose(series, INVITATIONS, minutes=62)
    assert invitations(series) == [(1, "waiting"), (2, "waiting"), (3, "waiting")]
    found = Message.objects.filter(kind=MessageKind.INVITATION).values_list("due_at", "reason")
    assert set(found) == {(NOW + timedelta(minutes=62), "")}


def test_an_invitation_dropped_before_the_visit_moved_is_not_the_one_to_send(series: Series) -> None:
    Patient.objects.update(calendar_way="files")
    choose(series, INVITATIONS)
    choose(series, FILES, minutes=61)
    Appointment.objects.filter(series=series, number=1).update(sequence=5)
    choose(series, INVITATIONS, minutes=62)
    assert invitations(series) == [(1, "dropped"), (1, "waiting"), (2, "waiting"), (3, "waiting")]
    assert Message.objects.get(appointment__number=1, state="waiting", kind="invitation").revision == 5


def test_without_consent_to_email_there_are_no_invitations_to_choose() -> None:
    series = book_one_course(1)
    Patient.objects.update(calendar_way="files")
    with pytest.raises(Refused) as refused:
        choose(series, INVITATIONS)
    assert (refused.value.code, refused.value.field) == ("no_email_consent", "way")
    assert fresh(series).calendar_way == "files"


def test_the_patient_chooses_by_their_own_link_alone(series: Series) -> None:
    stranger = make_patient(series.location)
    mine, theirs = (
        link_for(by=SYSTEM, now=NOW, patient=patient, purpose=LinkPurpose.VISITS)
        for patient in (series.patient, stranger)
    )
    with pytest.raises(NotAllowed):
        choose(series, FILES, Actor(ActorKind.LINK, link_id=theirs.pk))
    choose(series, FILES, Actor(ActorKind.LINK, link_id=mine.pk))
    assert AuditEntry.objects.get(action="choose_calendar_way").link_id == mine.pk
    revoke_link(by=SYSTEM, now=NOW, link=mine)
    with pytest.raises(NotAllowed):
        choose(series, FEED, Actor(ActorKind.LINK, link_id=mine.pk))


def test_a_manager_does_not_choose_for_a_patient(series: Series) -> None:
    with pytest.raises(NotAllowed):
        choose(series, FEED, actor(make_staff(Role.MANAGER)))


def test_a_way_changed_among_the_patients_data_has_the_same_effect(series: Series, clerk: Actor) -> None:
    for way, expected in (("files", set()), ("", {"waiting"}), ("feed", {"dropped"})):
        patient = fresh(series)
        patient.calendar_way = way
        save_patient(by=clerk, now=LATER, patient=patient)
        assert {state for _number, state in invitations(series)} == expected
    assert AuditEntry.objects.filter(action="edit_patient").count() == 3


def test_saving_a_patient_with_the_same_way_touches_no_message(series: Series, clerk: Actor) -> None:
    before = list(Message.objects.order_by("pk").values())
    patient = fresh(series)
    patient.calendar_way = "invitations"
    save_patient(by=clerk, now=LATER, patient=patient)
    assert list(Message.objects.order_by("pk").values()) == before
