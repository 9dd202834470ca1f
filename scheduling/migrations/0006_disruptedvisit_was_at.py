"""Keep the start at which a visit lost its place; for earlier rows the visit's own is the best that is known."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import OuterRef, Subquery


def fill(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Take over the start of each visit."""
    visits = apps.get_model("scheduling", "Appointment").objects.filter(pk=OuterRef("appointment"))
    apps.get_model("scheduling", "DisruptedVisit").objects.update(
        was_at=Subquery(visits.values("starts_at")[:1])
    )


class Migration(migrations.Migration):
    """One column of disrupted visits."""

    dependencies = (("scheduling", "0005_standing_and_order_of_visits"),)
    operations = (
        migrations.AddField("disruptedvisit", "was_at", models.DateTimeField(null=True)),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AlterField(
            "disruptedvisit", "was_at", models.DateTimeField(verbose_name="was booked for")
        ),
        migrations.AlterModelOptions(
            "disruptedvisit",
            {
                "ordering": ("was_at", "pk"),
                "verbose_name": "disrupted visit",
                "verbose_name_plural": "disrupted visits",
            },
        ),
    )
