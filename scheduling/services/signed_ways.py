"""Ways to go on with a course, not yet done: signed text in the form, never rows."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core import signing
from django.utils.translation import gettext as _

from scheduling.core.planner import Place
from scheduling.core.words import CourseAct, Scope

from .faults import Refused
from .rest_plans import Asked, RestPlan

LIFE = timedelta(hours=1)
"""How long a way that was looked at may wait for its answer."""
SIGNER = signing.Signer(salt="scheduling.rest")


@dataclass(frozen=True, slots=True)
class SignedWay:
    """What was asked, one way to do it, and the course's revision when it was planned at ``made_at`` (UTC)."""

    asked: Asked
    way: RestPlan
    revision: int
    made_at: datetime

    def is_expired(self, now: datetime) -> bool:
        """Whether it waited too long to be done as it stands."""
        return now - self.made_at > LIFE

    def text(self) -> str:
        """The way as text that nobody can change without being noticed; words about it are not kept."""
        asked, way = self.asked, self.way
        values: dict[str, Any] = {
            "visit": asked.visit_id,
            "act": asked.act,
            "place": _listed(asked.place) if asked.place else None,
            "canceller": asked.canceller,
            "reason": asked.reason,
            "scope": way.scope,
            "moves": [[pk, *_listed(place)] for pk, place in way.moves],
            "added": [_listed(place) for place in way.added],
            "revision": self.revision,
            "made": self.made_at.isoformat(),
        }
        return SIGNER.sign_object(values, compress=True)

    @classmethod
    def of(cls, text: str) -> "SignedWay":
        """What ``text`` wrote. Raises Refused for any other text."""
        try:
            values = SIGNER.unsign_object(text)
        except (signing.BadSignature, ValueError) as error:
            words = _("This preview was damaged on its way here. Nothing was changed. Look at it again.")
            raise Refused("preview_unreadable", words) from error
        asked = Asked(
            visit_id=values["visit"],
            act=CourseAct(values["act"]),
            place=Place(*values["place"]) if values["place"] else None,
            canceller=values["canceller"],
            reason=values["reason"],
        )
        way = RestPlan(
            Scope(values["scope"]),
            moves=tuple((pk, Place(*place)) for pk, *place in values["moves"]),
            added=tuple(Place(*place) for place in values["added"]),
        )
        return cls(asked, way, values["revision"], datetime.fromisoformat(values["made"]))


def _listed(place: Place) -> list[int]:
    return [place.start, place.chair, place.nurse]
