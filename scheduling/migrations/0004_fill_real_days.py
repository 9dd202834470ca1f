"""Each visit gets the order of its course; patients who were switched off count as stopped."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import OuterRef, Subquery


def fill(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Both columns are new: nothing is overwritten."""
    appointment = apps.get_model("scheduling", "Appointment")
    series = apps.get_model("scheduling", "Series")
    orders = series.objects.filter(pk=OuterRef("series")).values("order")[:1]
    appointment.objects.filter(order=None).update(order=Subquery(orders))
    apps.get_model("scheduling", "Patient").objects.filter(is_active=False).update(standing="stopped")


def empty(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The way back: whoever is not active was switched off."""
    patient = apps.get_model("scheduling", "Patient")
    patient.objects.exclude(standing="active").update(is_active=False)


class Migration(migrations.Migration):
    dependencies = [("scheduling", "0003_real_days")]

    operations = [migrations.RunPython(fill, empty)]
