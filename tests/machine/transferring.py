"""A course goes on at the other site, and a prescriber there signs."""

from datetime import timedelta

from hypothesis import strategies as st

from scheduling.models import SeriesTransfer
from scheduling.services.countersigning import countersign
from scheduling.services.transfers import transfer_series

from .world import Draw, World, one_of


def transfer(world: World, draw: Draw) -> None:
    """From today or from a later day on."""
    series = one_of(draw, world.courses())
    if series:
        there = world.sites[1] if series.location_id == world.sites[0].pk else world.sites[0]
        earliest = world.today(series.location) + timedelta(days=draw(st.integers(0, 6)))
        by = draw(st.sampled_from([world.clerk, *world.doctors]))
        world.do(transfer_series, by=by, series=series, location=there, earliest=earliest)


def sign_a_second_time(world: World, draw: Draw) -> None:
    """By a prescriber of either site."""
    row = one_of(draw, list(SeriesTransfer.objects.filter(countersigned_by=None).order_by("pk")))
    if row:
        world.do(countersign, by=draw(st.sampled_from(world.doctors)), transfer=row)
