"""Patients and what is on record for them."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.words import Channel, RequiredBefore
from scheduling.models import Appointment, Consent, MedicationTrial, Patient, Prerequisite, PrerequisiteRecord

from .addresses import follow_contact, send_test_link, stop_mail
from .audit import author, record
from .calendar_ways import follow_way
from .faults import Refused
from .seats import seat_patient

CONSENT_WORDING = "2026-11"
"""Version of the words in the consent form; raise it when they change."""


@transaction.atomic
def save_patient(*, by: Actor, now: datetime, patient: Patient) -> Patient:
    """Add a patient, or keep the changes made to one; a new one gets its seat."""
    by.require(Action.EDIT_PATIENTS)
    action = "edit_patient" if patient.pk else "add_patient"
    rows = Patient.objects.select_for_update(no_key=True, of=("self",)).select_related("home_location")
    before = rows.filter(pk=patient.pk).first()
    if before:
        # The form may be older than a pause or a death: how a patient is treated is no part of it.
        patient.standing, patient.standing_since = before.standing, before.standing_since
        patient.paused_until = before.paused_until
    patient.save()
    seat_patient(patient)
    if before:
        follow_way(patient=patient, before=before.way_of_calendar, now=now)
        follow_contact(by=by, now=now, patient=patient, before=before)
    record(by=by, now=now, action=action, subject=patient, patient_id=patient.pk)
    return patient


@transaction.atomic
def give_consent(*, by: Actor, now: datetime, patient: Patient, channel: Channel) -> Consent:
    """Record that the patient, once warned, agreed to be reached by ``channel``; an unproven address is tested now.

    Raises Refused when there is no address for the channel.
    """
    by.require(Action.RECORD_CONSENT)
    address = patient.email if channel is Channel.EMAIL else patient.phone
    if not address:
        raise Refused("no_address", _("Add the e-mail address or phone number first."), field="channel")
    consent = Consent.objects.create(
        patient=patient,
        channel=channel,
        wording_version=CONSENT_WORDING,
        given_at=now,
        recorded_by_id=author(by),
    )
    if channel is Channel.EMAIL:
        send_test_link(by=by, now=now, patient=patient)
    record(by=by, now=now, action="give_consent", subject=consent, patient_id=patient.pk, channel=channel)
    return consent


@transaction.atomic
def revoke_consent(*, by: Actor, now: datetime, consent: Consent) -> None:
    """End a consent; the row stays. E-mails that wait become calls and prints. Ending one twice changes nothing."""
    by.require(Action.RECORD_CONSENT)
    ended = Consent.objects.filter(pk=consent.pk, revoked_at=None).update(revoked_at=now)
    if ended and consent.channel == Channel.EMAIL:
        stop_mail(consent.patient, now)
    record(by=by, now=now, action="revoke_consent", subject=consent, patient_id=consent.patient_id)


@transaction.atomic
def add_medication_trial(*, by: Actor, now: datetime, trial: MedicationTrial) -> MedicationTrial:
    """Record a medicine the patient tried before."""
    by.require(Action.EDIT_PATIENTS)
    trial.save()
    record(by=by, now=now, action="add_medication_trial", subject=trial, patient_id=trial.patient_id)
    return trial


@transaction.atomic
def remove_medication_trial(*, by: Actor, now: datetime, trial: MedicationTrial) -> None:
    """Take a wrongly recorded medicine off the list; the audit trail keeps that it stood there."""
    by.require(Action.EDIT_PATIENTS)
    record(by=by, now=now, action="remove_medication_trial", subject=trial, patient_id=trial.patient_id)
    trial.delete()


@transaction.atomic
def record_prerequisite(
    *,
    by: Actor,
    now: datetime,
    patient: Patient,
    prerequisite: Prerequisite,
    reference: str = "",
    appointment: Appointment | None = None,
) -> PrerequisiteRecord:
    """Record that a prerequisite is met and where its paper is.

    Raises Refused where one of every visit comes without its ``appointment``.
    """
    by.require(Action.RECORD_PREREQUISITE)
    is_each_time = prerequisite.required_before == RequiredBefore.EVERY
    if is_each_time and (appointment is None or appointment.patient_id != patient.pk):
        words = _("This is recorded for each visit, on the page of the visit.")
        raise Refused("needs_visit", words, field="prerequisite")
    entry = PrerequisiteRecord.objects.create(
        patient=patient,
        prerequisite=prerequisite,
        appointment=appointment if is_each_time else None,
        recorded_by_id=author(by),
        recorded_at=now,
        reference=reference,
    )
    record(
        by=by,
        now=now,
        action="record_prerequisite",
        subject=entry,
        patient_id=patient.pk,
        prerequisite=prerequisite.code,
    )
    return entry
