"""Locking a course and its visits in the one order: order, series, appointment (then seats, then messages)."""

from scheduling.models import Appointment, Order, Series


def raise_revision(series: Series) -> None:
    """Count one change of the course; the caller holds its lock."""
    series.revision += 1
    series.save(update_fields=["revision"])


def locked_series(pk: int) -> Series:
    """One course with its order and itself locked in that order, with what services read of it."""
    order_id = Series.objects.values_list("order_id", flat=True).get(pk=pk)
    Order.objects.select_for_update(no_key=True).get(pk=order_id)
    return (
        Series.objects.select_for_update(no_key=True, of=("self",))
        .select_related("order__protocol", "location", "patient__home_location")
        .get(pk=pk)
    )


def locked_visit(pk: int) -> Appointment:
    """One visit with its order, series and itself locked in that order; READ COMMITTED sees what is true now."""
    series = locked_series(Appointment.objects.values_list("series_id", flat=True).get(pk=pk))
    visit = (
        Appointment.objects.select_for_update(no_key=True, of=("self",))
        .select_related("location", "patient__home_location", "protocol", "chair", "nurse")
        .get(pk=pk)
    )
    visit.series = series
    return visit
