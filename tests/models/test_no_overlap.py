"""The guard itself: no two claims on a seat overlap, whoever inserts them."""

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import AddConstraint, RemoveConstraint

from scheduling.core.words import Role
from scheduling.models import Claim, Hold, Seat
from scheduling.models.constraints import NoOverlap, SqlCheck
from scheduling.services.faults import CONSTRAINT_WORDS, constraint_name, refusal
from tests.factories import NOW, make_chair, make_location, make_staff

pytestmark = pytest.mark.django_db

NINE = datetime(2026, 1, 6, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def seat() -> Seat:
    return make_chair(make_location()).seat


@pytest.fixture
def hold() -> Hold:
    return Hold.objects.create(made_by=make_staff(Role.FRONT_DESK), made_at=NOW, expires_at=NOW + HOUR)


def claim(seat: Seat, hold: Hold, start: datetime, end: datetime) -> Claim:
    return Claim(seat=seat, hold=hold, starts_at=start, ends_at=end)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (NINE, NINE + HOUR),
        (NINE - HOUR, NINE + timedelta(minutes=5)),
        (NINE + timedelta(minutes=55), NINE + 2 * HOUR),
        (NINE + timedelta(minutes=10), NINE + timedelta(minutes=20)),
        (NINE - HOUR, NINE + 2 * HOUR),
    ],
)
def test_an_overlapping_claim_is_refused_by_name(
    seat: Seat, hold: Hold, start: datetime, end: datetime
) -> None:
    claim(seat, hold, NINE, NINE + HOUR).save()
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        claim(seat, hold, start, end).save()
    assert constraint_name(caught.value) == "claim_no_overlap"
    refused = refusal(caught.value)
    assert refused is not None
    assert refused.words == CONSTRAINT_WORDS["claim_no_overlap"]


def test_back_to_back_claims_and_other_seats_are_free(seat: Seat, hold: Hold) -> None:
    other = make_chair(seat.chair.location).seat if seat.chair else seat
    Claim.objects.bulk_create(
        [
            claim(seat, hold, NINE, NINE + HOUR),
            claim(seat, hold, NINE + HOUR, NINE + 2 * HOUR),
            claim(seat, hold, NINE - HOUR, NINE),
            claim(other, hold, NINE, NINE + HOUR),
        ]
    )
    assert Claim.objects.count() == 4


def test_two_overlapping_rows_of_one_insert_are_refused(seat: Seat, hold: Hold) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Claim.objects.bulk_create(
            [claim(seat, hold, NINE, NINE + HOUR), claim(seat, hold, NINE, NINE + HOUR)]
        )
    assert not Claim.objects.exists()


def test_an_update_into_another_claim_is_refused(seat: Seat, hold: Hold) -> None:
    claim(seat, hold, NINE, NINE + HOUR).save()
    later = claim(seat, hold, NINE + 2 * HOUR, NINE + 3 * HOUR)
    later.save()
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        Claim.objects.filter(pk=later.pk).update(starts_at=NINE + timedelta(minutes=30))
    assert constraint_name(caught.value) == "claim_no_overlap"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (NINE + timedelta(seconds=1), NINE + HOUR),
        (NINE, NINE + HOUR + timedelta(seconds=30)),
        (NINE, NINE + timedelta(hours=24, minutes=5)),
    ],
)
def test_a_claim_is_whole_minutes_and_at_most_a_day(
    seat: Seat, hold: Hold, start: datetime, end: datetime
) -> None:
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        claim(seat, hold, start, end).save()
    assert constraint_name(caught.value) == "claim_whole_minutes"


def test_validation_says_it_before_the_database_does(seat: Seat, hold: Hold) -> None:
    claim(seat, hold, NINE, NINE + HOUR).save()
    with pytest.raises(ValidationError) as caught:
        claim(seat, hold, NINE, NINE + HOUR).full_clean()
    assert caught.value.message_dict == {"__all__": ["This time is already taken."]}


def test_a_saved_claim_does_not_collide_with_itself(seat: Seat, hold: Hold) -> None:
    row = claim(seat, hold, NINE, NINE + HOUR)
    row.save()
    row.full_clean()
    row.save()
    assert Claim.objects.get() == row


def test_steps_are_counted_in_sql_and_see_what_reaches_into_the_window(seat: Seat, hold: Hold) -> None:
    epoch_step = int(NINE.timestamp()) // 300
    claim(seat, hold, NINE - HOUR, NINE + HOUR).save()
    claim(seat, hold, NINE + HOUR, NINE + 2 * HOUR).save()
    claim(seat, hold, NINE - 2 * HOUR, NINE - HOUR).save()
    claim(seat, hold, NINE + 5 * HOUR, NINE + 6 * HOUR).save()
    other = make_chair(make_location()).seat
    claim(other, hold, NINE, NINE + HOUR).save()
    assert sorted(Claim.objects.steps([seat.pk], NINE, NINE + 5 * HOUR)) == [
        (seat.pk, epoch_step - 12, epoch_step + 12),
        (seat.pk, epoch_step + 12, epoch_step + 24),
    ]


def test_every_constraint_has_words_and_every_word_a_constraint() -> None:
    from django.apps import apps

    names = {
        constraint.name
        for model in apps.get_app_config("scheduling").get_models()
        for constraint in model._meta.constraints
    }
    assert names == set(CONSTRAINT_WORDS)


def test_constraints_compare_and_deconstruct_so_that_migrations_do_not_drift() -> None:
    guard = NoOverlap(key="seat", start="starts_at", end="ends_at", name="claim_no_overlap")
    assert guard in Claim._meta.constraints
    assert guard != NoOverlap(key="hold", start="starts_at", end="ends_at", name="claim_no_overlap")
    path, args, kwargs = guard.deconstruct()
    assert (path, args) == ("scheduling.models.constraints.NoOverlap", ())
    assert NoOverlap(**kwargs) == guard
    assert SqlCheck(sqlite="1", postgresql="true", name="x") != guard


@pytest.mark.django_db(transaction=True)
class TestSchemaChanges:
    """What schema editors do to the guard; they need real transactions."""

    def test_the_guard_survives_a_rebuild_of_the_table(self, seat: Seat, hold: Hold) -> None:
        claim(seat, hold, NINE, NINE + HOUR).save()
        field: models.CharField[str, str] = models.CharField(max_length=5, default="x")
        field.set_attributes_from_name("extra")
        try:
            with connection.schema_editor() as editor:
                editor.add_field(Claim, field)
            with pytest.raises(IntegrityError) as caught, transaction.atomic():
                insert_bare(seat, hold, NINE, NINE + HOUR, extra="'y'")
            assert constraint_name(caught.value) == "claim_no_overlap"
        finally:
            with connection.schema_editor() as editor:
                editor.remove_field(Claim, field)
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            claim(seat, hold, NINE, NINE + HOUR).save()
        assert constraint_name(caught.value) == "claim_no_overlap"

    def test_a_guard_added_over_overlapping_rows_is_refused(self, seat: Seat, hold: Hold) -> None:
        guarded = MigrationLoader(connection).project_state()
        remove = RemoveConstraint("claim", "claim_no_overlap")
        bare = guarded.clone()
        remove.state_forwards("scheduling", bare)
        add = AddConstraint("claim", Claim._meta.constraints[-1])
        with connection.schema_editor() as editor:
            remove.database_forwards("scheduling", editor, guarded, bare)
        claim(seat, hold, NINE, NINE + HOUR).save()
        twin = claim(seat, hold, NINE, NINE + HOUR)
        twin.save()
        with pytest.raises(IntegrityError), connection.schema_editor() as editor:
            add.database_forwards("scheduling", editor, bare, guarded)
        twin.delete()
        with connection.schema_editor() as editor:
            add.database_forwards("scheduling", editor, bare, guarded)
        with pytest.raises(IntegrityError), transaction.atomic():
            claim(seat, hold, NINE, NINE + HOUR).save()

    def test_a_bare_sqlite3_session_is_bound_too(self, seat: Seat, hold: Hold) -> None:
        if connection.vendor != "sqlite":
            return  # PostgreSQL's constraints bind every session by nature
        path = connection.settings_dict["NAME"]
        bare = sqlite3.connect(path)
        try:
            insert = (
                "INSERT INTO scheduling_claim (seat_id, hold_id, starts_at, ends_at) "
                f"VALUES ({seat.pk}, {hold.pk}, ?, ?)"
            )
            bare.execute(insert, ("2026-01-06 09:00:00", "2026-01-06 10:00:00"))
            for start, end, name in [
                ("2026-01-06 09:30:00", "2026-01-06 10:30:00", "claim_no_overlap"),
                ("2026-01-06T11:00:00", "2026-01-06T12:00:00", "claim_whole_minutes"),
                ("2026-01-06 11:00:00+00:00", "2026-01-06 12:00:00", "claim_whole_minutes"),
                ("soon", "later", "claim_order"),
                ("aaa", "bbb", "claim_whole_minutes"),
            ]:
                with pytest.raises(sqlite3.IntegrityError, match=name):
                    bare.execute(insert, (start, end))
        finally:
            bare.close()


def insert_bare(seat: Seat, hold: Hold, start: datetime, end: datetime, extra: str) -> None:
    """An INSERT that also fills a column the model does not have."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO scheduling_claim (seat_id, hold_id, starts_at, ends_at, extra) "
            f"VALUES (%s, %s, %s, %s, {extra})",
            [
                seat.pk,
                hold.pk,
                *(
                    moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S+00")
                    if connection.vendor == "postgresql"
                    else moment.strftime("%Y-%m-%d %H:%M:%S")
                    for moment in (start, end)
                ),
            ],
        )
