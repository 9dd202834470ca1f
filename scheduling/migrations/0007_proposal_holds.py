"""Proposals on screen hold their places: whose they are, and for how long at each location."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("scheduling", "0006_disruptedvisit_was_at"),
    ]

    operations = [
        migrations.AddField(
            model_name="hold",
            name="proposal_key",
            field=models.CharField(blank=True, max_length=64, verbose_name="proposal key"),
        ),
        migrations.AddField(
            model_name="hold",
            name="proposed_for",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="proposal_holds",
                to="scheduling.order",
            ),
        ),
        migrations.AddField(
            model_name="location",
            name="hold_minutes",
            field=models.PositiveSmallIntegerField(
                default=10,
                help_text="Nobody else can take the places of a proposal while somebody looks at it.",
                verbose_name="proposals are held for (minutes)",
            ),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.UniqueConstraint(
                condition=models.Q(("proposal_key", ""), _negated=True),
                fields=("proposal_key",),
                name="hold_proposal_key",
            ),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("proposed_for__isnull", True),
                    models.Q(("proposal_key", ""), _negated=True),
                    _connector="OR",
                ),
                name="hold_proposed_for",
            ),
        ),
        migrations.AddConstraint(
            model_name="location",
            constraint=models.CheckConstraint(
                condition=models.Q(("hold_minutes__gte", 1), ("hold_minutes__lte", 60)),
                name="location_hold_minutes",
                violation_error_message="Proposals are held for 1 to 60 minutes.",
            ),
        ),
    ]
