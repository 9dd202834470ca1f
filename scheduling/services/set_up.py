"""What a manager has still to write: labels and instructions in the languages of the patients. Nothing here writes."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.functional import Promise

from scheduling.models import Location, Protocol

LANGUAGES: dict[str, str | Promise] = dict(settings.LANGUAGES)


@dataclass(frozen=True, slots=True)
class Missing:
    """The languages in which ``thing`` has no text; patients read the location's own label or English instead."""

    thing: Location | Protocol
    languages: tuple[str | Promise, ...]


@dataclass(frozen=True, slots=True)
class SetUp:
    """All that is missing in the locations in use and in the protocols that can be ordered."""

    labels: tuple[Missing, ...]
    instructions: tuple[Missing, ...]

    @property
    def count(self) -> int:
        """How many texts are missing."""
        return sum(len(one.languages) for one in (*self.labels, *self.instructions))


def missing_texts() -> SetUp:
    """What is missing now; the same number of queries however much there is.

    The location's own label stands for the language of the installation; instructions need one per language.
    """
    places = Location.objects.filter(is_active=True).prefetch_related("labels")
    labels = [
        _missing(place, {settings.LANGUAGE_CODE.partition("-")[0], *place.labels_by_language})
        for place in places
    ]
    protocols = Protocol.objects.filter(is_active=True, is_current=True).prefetch_related("instructions")
    instructions = [
        _missing(protocol, {text.language for text in protocol.instructions.all()}) for protocol in protocols
    ]
    return SetUp(
        tuple(one for one in labels if one.languages), tuple(one for one in instructions if one.languages)
    )


def _missing(thing: Location | Protocol, present: set[str]) -> Missing:
    return Missing(thing, tuple(name for code, name in LANGUAGES.items() if code not in present))
