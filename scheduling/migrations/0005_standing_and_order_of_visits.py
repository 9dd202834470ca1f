"""Every visit has its order, and a patient's standing takes the place of the old switch."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("scheduling", "0004_fill_real_days")]

    operations = [
        migrations.AlterField(
            model_name="appointment",
            name="order",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="appointments",
                to="scheduling.order",
            ),
        ),
        migrations.RemoveField(model_name="patient", name="is_active"),
    ]
