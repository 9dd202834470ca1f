"""What patients do by their link, and how they are reached."""

from hypothesis import strategies as st

from scheduling.core.words import Channel
from scheduling.models import Consent
from scheduling.services.my_requests import ask_other_time, cancel_my_visit
from scheduling.services.patients import give_consent, revoke_consent, save_patient

from .world import Draw, World, one_of


def ask_for_another_time(world: World, draw: Draw) -> None:
    """Which releases nothing."""
    visit = one_of(draw, world.booked())
    if visit:
        by = world.link_of(visit.patient)
        world.do(ask_other_time, by=by, appointment=visit, wish="Mornings, please")


def cancel_by_link(world: World, draw: Draw) -> None:
    """A patient's own cancellation."""
    visit = one_of(draw, world.booked())
    if visit:
        world.do(cancel_my_visit, by=world.link_of(visit.patient), appointment=visit)


def agree_or_withdraw(world: World, draw: Draw) -> None:
    """Consent to e-mail."""
    patient = one_of(draw, world.active())
    if patient is None:
        return
    consent = Consent.objects.filter(patient=patient, revoked_at=None).first()
    if consent:
        world.do(revoke_consent, by=world.clerk, consent=consent)
    else:
        world.do(give_consent, by=world.clerk, patient=patient, channel=Channel.EMAIL)


def get_another_address(world: World, draw: Draw) -> None:
    """A new mailbox, or none."""
    patient = one_of(draw, world.active())
    if patient:
        patient.email = draw(st.sampled_from(["", "new@example.org", "newer@example.org"]))
        world.do(save_patient, by=world.clerk, patient=patient)
