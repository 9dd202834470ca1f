"""How a service says no: one exception, one table from the database's constraints to words."""

import re
from collections.abc import Sequence

from django.db import DatabaseError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Words = str | Promise


class Refused(Exception):
    """The request breaks a rule; nothing was changed. Pages show the words next to ``field``.

    ``code`` is stable and for programs; ``details`` are further sentences, such as all that collides.
    """

    def __init__(
        self, code: str, words: Words, *, field: str | None = None, details: Sequence[Words] = ()
    ) -> None:
        """Keep what to say and where."""
        super().__init__(code)
        self.code, self.words, self.field, self.details = code, words, field, tuple(details)

    def __str__(self) -> str:
        return " ".join(str(part) for part in (self.words, *self.details))


CONSTRAINT_WORDS: dict[str, Words] = {
    "claim_no_overlap": _("A place was taken by somebody else a moment ago. Look at fresh proposals."),
    "claim_one_owner": _("A claim belongs to one visit or one hold."),
    "claim_order": _("A claim ends after it starts."),
    "claim_whole_minutes": _("Claims are whole minutes and at most 24 hours long."),
    "appointment_one_a_day": _("This patient already has a visit on that day."),
    "appointment_number": _("A visit with this number was booked a moment ago."),
    "appointment_order": _("A visit ends after it starts."),
    "appointment_given_has_times": _("A visit that was given needs its start and its end."),
    "appointment_steps_in_order": _("Arrival, start, end of treatment and discharge follow one another."),
    "appointment_escort_recorded": _("Record who the patient leaves with, or why alone."),
    "order_not_overbooked": _("The order does not have that many infusions left."),
    "order_one_open": _("This patient already has an open order for this protocol and stage."),
    "order_signature": _("A signature is a prescriber and a time."),
    "order_signed_by": _("Only a prescriber's signature makes an order bookable."),
    "order_seen": _("A changed dose is seen by somebody at some time."),
    "seriestransfer_countersigned": _("A countersignature is a prescriber and a time."),
    "seriestransfer_elsewhere": _("Choose another location."),
    "appointment_stop_has_reason": _("Say why the visit was stopped."),
    "appointment_done_was_not_stopped": _("A visit that was stopped is not done as planned."),
    "appointment_not_given_never_started": _("A visit without the drug has no start of treatment."),
    "appointment_dose_given": _("A dose is an amount above zero and its unit."),
    "bloodpressure_values": _("Look at the numbers again: systolic is the higher one."),
    "bloodpressure_pulse": _("A pulse is 20 to 300 a minute."),
    "patient_pause_has_end": _("A pause has its last day."),
    "locationlabel_language": _("There is one label per language."),
    "protocol_blood_pressure": _("The lower limit of a blood pressure is below the upper one."),
    "protocol_observation": _("An observation lasts at most 720 minutes."),
    "alert_decided": _("A decision is somebody's."),
    "disruption_order": _("A disruption ends after it starts."),
    "disruption_about": _("A disruption is about one person, one chair or the location."),
    "disruptedvisit_once": _("This visit is already on the list."),
    "disruptedvisit_resolved": _("What became of a visit has its time."),
    "capacityraise_order": _("It ends after it starts."),
    "capacityraise_capacity": _("A nurse looks after 1 to 12 patients."),
    "capacityraise_reason": _("Give a reason."),
    "presence_one_place": _("This prescriber is already marked present."),
    "presence_order": _("Nobody leaves before arriving."),
    "order_sessions": _("The number of infusions is 1 to 100."),
    "order_validity": _("The order ends before it starts."),
    "order_dose": _("The dose is above zero."),
    "order_weight": _("A dose in mg/kg needs the patient's weight."),
    "patient_mrn": _("Another patient has this record number at this location."),
    "patient_mrn_present": _("A patient needs a record number."),
    "consent_one_in_force": _("This consent is already on record."),
    "consent_order": _("A consent ends after it was given."),
    "series_one_per_order": _("This order already has its course."),
    "bookingrequest_key": _("This booking was sent twice at the same moment. Look at the patient's visits."),
    "bookingrequest_key_present": _("A booking needs its request key."),
    "series_revision": _("The revision of a course starts at 1."),
    "accesslink_one": _("This patient already has such a link."),
    "seat_owner": _("A seat belongs to one chair, one patient or one nurse."),
    "seat_number": _("This nurse already has that seat."),
    "hold_order": _("A hold ends after it starts."),
    "repairrun_one_at_a_time": _("Somebody started a search for a repair at the same moment."),
    "repairrun_order": _("A search for a repair ends after it was asked for."),
    "hold_proposal_key": _("These proposals were opened twice at the same moment. Find times again."),
    "hold_proposed_for": _("Places are held for an order by the key of its proposals."),
    "location_hold_minutes": _("Proposals are held for 1 to 60 minutes."),
    "location_grid": _("The start grid is 5, 10, 15, 20, 30 or 60 minutes."),
    "location_horizon": _("The horizon is 7 to 730 days."),
    "opening_hours_order": _("Opening hours end after they start."),
    "opening_hours_weekday": _("Choose a weekday."),
    "opening_hours_once": _("These opening hours are already there."),
    "closure_order": _("A closure ends before it starts."),
    "chair_name": _("Another chair of this location has that name."),
    "staffmember_has_role": _("Choose at least one role."),
    "staffmember_capacity": _("Monitoring capacity is 1 to 12 patients."),
    "shift_order": _("A shift ends after it starts; split one that passes midnight."),
    "shift_weekday": _("Choose a weekday."),
    "shift_validity": _("The last day is before the first."),
    "shift_break": _("The break lies inside the shift and has a start and an end."),
    "shift_role": _("A shift is worked as nurse or as prescriber."),
    "shiftexception_order": _("It ends after it starts."),
    "shiftexception_kind": _("Choose extra shift or absence."),
    "protocol_version": _("This version of the protocol is already there."),
    "protocol_one_current": _("Somebody else saved a new version of this protocol a moment ago."),
    "protocol_count": _("The first stage has 1 to 30 infusions."),
    "protocol_per_week": _("Infusions a week are 1 to the most in any 7 days, which is at most 7."),
    "protocol_gaps": _("Gaps rise: shortest, ideal from, ideal to, longest; at least one day."),
    "protocol_floor": _("The shortest gap in hours is longer than the one in days."),
    "protocol_dose_range": _("Give both ends of the usual dose, the lower first."),
    "protocol_dose_list": _("A dose in mg needs its list of doses; one in mg/kg has none."),
    "phase_position": _("Two phases have the same position."),
    "phase_kind_once": _("A phase occurs once in a visit."),
    "phase_minutes": _("A phase is 5 to 720 minutes long."),
    "protocolinstruction_language": _("There is one text per language."),
    "medicationtrial_order": _("It ends before it starts."),
    "auditentry_actor": _("An act has one actor."),
    "location_escalation": _("The next contact is called after 1 to 240 minutes."),
    "location_offer": _("An offered place is kept for 30 to 1440 minutes."),
    "waitlistentry_one_a_visit": _("This visit is already on the waiting list."),
    "waitlistentry_one_an_order": _("A session of this order is already on the waiting list."),
    "waitlistentry_ended": _("Who no longer waits has a reason and its time."),
    "waitlistentry_order": _("Nobody stops waiting before beginning to."),
    "offer_one_an_entry": _("A place is being offered to this patient already."),
    "offer_one_a_place": _("This place is being offered to somebody else."),
    "offer_order": _("An offer ends after it was made."),
    "offer_answered": _("An answer has its time."),
    "message_key": _("This message was written a moment ago."),
    "message_key_present": _("A message needs its key."),
    "message_sent_at": _("A message that was sent has its time."),
    "message_lease": _("A lease is a token and an end."),
    "message_recipient": _("A message goes to the patient or to a member of staff."),
    "message_worker_sends_mail": _("A call or a print is done by a person."),
    "coursechange_revision": _("Somebody else changed this course a moment ago."),
    "coursechange_order": _("A change can be taken back after it was made."),
    "checkin_once": _("This check-in is already there."),
    "checkin_order": _("A check-in closes after it is due."),
    "checkin_answer": _("Answer the four safety questions."),
    "checkin_answered_by": _("An answer is the patient's, or taken down by a member of staff."),
    "sideeffectreport_once": _("Each effect is asked once."),
    "sideeffectreport_grade": _("Choose how strong it was."),
    "sideeffectreport_order": _("It stopped before it began."),
    "sideeffectreport_absent": _("What was not there has no times."),
    "alert_key": _("This was noticed a moment ago."),
    "alert_severity": _("The severity is 1 to 4."),
    "alert_acknowledged": _("Say what was done."),
    "alert_red_flag_needs_a_person": _("A red flag is acknowledged by a person."),
    "oncallshift_weekday": _("Choose a weekday."),
    "oncallshift_once": _("This contact is already on call from that time."),
    "followupplan_one_active": _("This patient already has a follow-up plan."),
    "followupplan_end": _("A plan that ended has its time."),
    "planstep_position": _("Two steps have the same position."),
    "planstep_frequency": _("Give infusions a week, or one every so many weeks, not both."),
    "planstep_weeks": _("A step lasts 1 to 104 weeks."),
    "taperstep_position": _("Two steps have the same position."),
    "taperstep_frequency": _("Give infusions a week, or one every so many weeks, not both."),
    "taperstep_weeks": _("A step lasts 1 to 104 weeks."),
    "planreview_once": _("This review date is already there."),
    "planreview_done": _("A review is done by somebody at some time."),
}
"""Every named constraint of the models; a test compares both lists."""

SQLITE_UNIQUE = re.compile(r"UNIQUE constraint failed: (?:index '(?P<index>\w+)'|(?P<columns>.+))")
SQLITE_COLUMNS = {
    "scheduling_appointment.series_id, scheduling_appointment.number": "appointment_number",
    "scheduling_appointment.patient_id, scheduling_appointment.local_date": "appointment_one_a_day",
    "scheduling_order.patient_id, scheduling_order.regimen, scheduling_order.stage": "order_one_open",
    "scheduling_patient.home_location_id, scheduling_patient.mrn": "patient_mrn",
    "scheduling_consent.patient_id, scheduling_consent.channel": "consent_one_in_force",
    "scheduling_accesslink.patient_id, scheduling_accesslink.purpose": "accesslink_one",
    "scheduling_protocol.code, scheduling_protocol.version": "protocol_version",
    "scheduling_protocol.code": "protocol_one_current",
    "scheduling_bookingrequest.key": "bookingrequest_key",
    "scheduling_series.order_id": "series_one_per_order",
    "scheduling_chair.location_id, scheduling_chair.name": "chair_name",
    "scheduling_message.key": "message_key",
    "scheduling_coursechange.series_id, scheduling_coursechange.revision": "coursechange_revision",
    "scheduling_checkin.appointment_id, scheduling_checkin.offset_hours": "checkin_once",
    "scheduling_alert.key": "alert_key",
    "scheduling_oncallshift.location_id, scheduling_oncallshift.staff_id, "
    "scheduling_oncallshift.weekday, scheduling_oncallshift.starts": "oncallshift_once",
    "scheduling_followupplan.patient_id": "followupplan_one_active",
    "scheduling_planstep.plan_id, scheduling_planstep.position": "planstep_position",
    "scheduling_taperstep.protocol_id, scheduling_taperstep.position": "taperstep_position",
    "scheduling_planreview.plan_id, scheduling_planreview.due_on": "planreview_once",
    "scheduling_sideeffectreport.check_in_id, scheduling_sideeffectreport.effect": "sideeffectreport_once",
    "scheduling_locationlabel.location_id, scheduling_locationlabel.language": "locationlabel_language",
    "scheduling_disruptedvisit.disruption_id, scheduling_disruptedvisit.appointment_id": "disruptedvisit_once",
    "scheduling_presence.staff_id": "presence_one_place",
    "scheduling_hold.proposal_key": "hold_proposal_key",
    "scheduling_repairrun.disruption_id": "repairrun_one_at_a_time",
    "scheduling_waitlistentry.appointment_id": "waitlistentry_one_a_visit",
    "scheduling_waitlistentry.order_id": "waitlistentry_one_an_order",
    "scheduling_offer.entry_id": "offer_one_an_entry",
    "scheduling_offer.chair_id, scheduling_offer.starts_at": "offer_one_a_place",
    "scheduling_seat.nurse_id, scheduling_seat.kind, scheduling_seat.number": "seat_number",
}
"""SQLite names the columns of a unique index, not the index."""


def constraint_name(error: DatabaseError) -> str | None:
    """The name of the constraint an exception is about, on either database; None if it names none we know."""
    cause = error.__cause__
    named = getattr(getattr(cause, "diag", None), "constraint_name", None)
    if named:
        return str(named)
    text = str(error)
    unique = SQLITE_UNIQUE.search(text)
    if unique:
        return unique["index"] or SQLITE_COLUMNS.get(unique["columns"])
    for name in re.findall(r"\w+", text):
        if name in CONSTRAINT_WORDS:
            return str(name)
    return None


def refusal(error: DatabaseError) -> Refused | None:
    """The exception a page can show, or None where the fault is not a broken rule."""
    name = constraint_name(error)
    return Refused(name, CONSTRAINT_WORDS[name]) if name in CONSTRAINT_WORDS else None
