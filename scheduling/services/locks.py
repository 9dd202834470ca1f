"""Locking a course and its visits in the one order: order, series, appointment (then seats, then messages)."""

from django.db.models import Q, QuerySet

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


def locked_visits(wanted: QuerySet[Appointment]) -> list[Appointment]:
    """Several visits with their orders and courses, locked in the one order; those still wanted once locked."""
    series_ids = list(wanted.values_list("series_id", flat=True))
    orders = Order.objects.select_for_update(no_key=True).filter(series__in=series_ids)
    list(orders.order_by("pk"))
    rows = Series.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=series_ids)
    courses = rows.select_related("order__protocol", "location", "patient__home_location")
    by_id = {series.pk: series for series in courses.order_by("pk")}
    visits = list(
        wanted.filter(series__in=series_ids)
        .select_for_update(no_key=True, of=("self",))
        .select_related("location", "patient__home_location", "protocol", "series__order")
        .order_by("pk")
    )
    for visit in visits:
        visit.series = by_id[visit.series_id]
    return visits


def locked_visit(pk: int) -> Appointment:
    """One visit with its orders, series and itself locked in that order; READ COMMITTED sees what is true now.

    A past visit keeps an order that was replaced since: both are locked, by primary key.
    """
    series_id = Appointment.objects.values_list("series_id", flat=True).get(pk=pk)
    orders = Order.objects.filter(Q(series=series_id) | Q(appointments=pk)).values("pk")
    list(Order.objects.select_for_update(no_key=True).filter(pk__in=orders).order_by("pk"))
    series = locked_series(series_id)
    visit = (
        Appointment.objects.select_for_update(no_key=True, of=("self",))
        .select_related("location", "patient__home_location", "protocol", "chair", "nurse", "order")
        .get(pk=pk)
    )
    visit.series = series
    if visit.order_id == series.order_id:
        visit.order = series.order
    return visit
