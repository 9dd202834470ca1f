"""Who may do what: the only rule about it. Views, API and admin read this table."""

from dataclasses import dataclass
from enum import StrEnum

from scheduling.core.words import ActorKind, Role


class Action(StrEnum):
    """Everything a member of staff may be allowed to do."""

    SEE_BOARD = "see_board"
    SEE_PATIENTS = "see_patients"
    EDIT_PATIENTS = "edit_patients"
    RECORD_CONSENT = "record_consent"
    RECORD_PREREQUISITE = "record_prerequisite"
    DRAFT_ORDER = "draft_order"
    SIGN_ORDER = "sign_order"
    WITHDRAW_ORDER = "withdraw_order"
    BOOK = "book"
    MOVE = "move"
    CANCEL = "cancel"
    OVERRIDE_RULES = "override_rules"
    RECORD_ARRIVAL = "record_arrival"
    RECORD_VISIT = "record_visit"
    CORRECT_TIMES = "correct_times"
    ISSUE_LINK = "issue_link"
    SEE_MESSAGES = "see_messages"
    HANDLE_MESSAGES = "handle_messages"
    SEE_ATTENTION = "see_attention"
    ACKNOWLEDGE = "acknowledge"
    ANSWER_CHECK_IN = "answer_check_in"
    SET_PLAN = "set_plan"
    MARK_PRESENT = "mark_present"
    CHANGE_STANDING = "change_standing"
    TRANSFER = "transfer"
    DECIDE = "decide"
    DISRUPT = "disrupt"
    COVER = "cover"
    RELEASE_HOLD = "release_hold"
    CONFIGURE = "configure"


DESK, NURSE, PRESCRIBER, MANAGER = Role.FRONT_DESK, Role.NURSE, Role.PRESCRIBER, Role.MANAGER
EVERYBODY = frozenset(Role)

MAY: dict[Action, frozenset[Role]] = {
    Action.SEE_BOARD: EVERYBODY,
    Action.SEE_PATIENTS: EVERYBODY,
    Action.EDIT_PATIENTS: frozenset({DESK, NURSE, PRESCRIBER}),
    Action.RECORD_CONSENT: frozenset({DESK, NURSE, PRESCRIBER}),
    Action.RECORD_PREREQUISITE: frozenset({DESK, NURSE, PRESCRIBER}),
    Action.DRAFT_ORDER: frozenset({DESK, NURSE, PRESCRIBER}),
    Action.SIGN_ORDER: frozenset({PRESCRIBER}),
    Action.WITHDRAW_ORDER: frozenset({PRESCRIBER}),
    Action.BOOK: frozenset({DESK, NURSE, PRESCRIBER}),
    Action.MOVE: frozenset({DESK, NURSE, PRESCRIBER}),
    Action.CANCEL: frozenset({DESK, NURSE, PRESCRIBER}),
    Action.OVERRIDE_RULES: frozenset({PRESCRIBER}),
    Action.RECORD_ARRIVAL: frozenset({DESK, NURSE, PRESCRIBER}),
    Action.RECORD_VISIT: frozenset({NURSE, PRESCRIBER}),
    Action.CORRECT_TIMES: frozenset({NURSE, PRESCRIBER}),
    Action.ISSUE_LINK: frozenset({DESK, NURSE, PRESCRIBER}),
    Action.SEE_MESSAGES: EVERYBODY,
    Action.HANDLE_MESSAGES: frozenset({DESK, NURSE, PRESCRIBER}),
    Action.SEE_ATTENTION: EVERYBODY,
    Action.ACKNOWLEDGE: frozenset({DESK, NURSE, PRESCRIBER}),
    Action.ANSWER_CHECK_IN: frozenset({NURSE, PRESCRIBER}),
    Action.SET_PLAN: frozenset({PRESCRIBER}),
    Action.MARK_PRESENT: frozenset({DESK, NURSE, PRESCRIBER}),
    Action.CHANGE_STANDING: frozenset({DESK, NURSE, PRESCRIBER}),
    Action.TRANSFER: frozenset({DESK, NURSE, PRESCRIBER}),
    Action.DECIDE: frozenset({PRESCRIBER}),
    Action.DISRUPT: EVERYBODY,
    Action.COVER: EVERYBODY,
    # Everybody may let go what they hold themselves; this is about what others hold.
    Action.RELEASE_HOLD: frozenset({MANAGER}),
    Action.CONFIGURE: frozenset({MANAGER}),
}


class NotAllowed(Exception):
    """The actor's roles do not include one that may do this. Pages answer 403."""

    def __init__(self, action: Action) -> None:
        """Keep the refused action."""
        super().__init__(action.value)
        self.action = action


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: handed to every service as ``by`` and written to the audit trail."""

    kind: ActorKind
    staff_id: int | None = None
    link_id: int | None = None
    roles: frozenset[Role] = frozenset()
    address: str | None = None

    def may(self, action: Action) -> bool:
        """Whether a role of this actor, or the program itself, may do ``action``."""
        return self.kind is ActorKind.SYSTEM or bool(self.roles & MAY[action])

    def require(self, action: Action) -> None:
        """Raise NotAllowed unless ``may(action)``."""
        if not self.may(action):
            raise NotAllowed(action)


SYSTEM = Actor(ActorKind.SYSTEM)
