"""The closed lists of the domain, as stored values; models add the labels that people read."""

from enum import IntEnum, StrEnum


class Role(StrEnum):
    """What a staff member may act as; one person may have several."""

    FRONT_DESK = "front_desk"
    NURSE = "nurse"
    PRESCRIBER = "prescriber"
    MANAGER = "manager"


class Route(StrEnum):
    """How the medicine is given."""

    IV = "iv"
    INTRANASAL = "intranasal"


class DoseUnit(StrEnum):
    """The unit a prescriber wrote; the program never converts one into the other."""

    MG_PER_KG = "mg_per_kg"
    MG = "mg"


class Stage(StrEnum):
    """The first series of infusions, or the weekly treatment that may follow it."""

    INDUCTION = "induction"
    FOLLOW_UP = "follow_up"


class OrderState(StrEnum):
    """Life of an order: only a signed one lets anybody book."""

    DRAFT = "draft"
    SIGNED = "signed"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    USED_UP = "used_up"


OPEN_ORDER = (OrderState.DRAFT, OrderState.SIGNED)


class Status(StrEnum):
    """Where a visit stands; the last seven are outcomes."""

    BOOKED = "booked"
    ARRIVED = "arrived"
    IN_TREATMENT = "in_treatment"
    RECOVERING = "recovering"
    DONE = "done"
    STOPPED_EARLY = "stopped_early"
    NOT_GIVEN = "not_given"
    MISSED = "missed"
    CANCELLED_IN_TIME = "cancelled_in_time"
    CANCELLED_LATE = "cancelled_late"
    CANCELLED_BY_CLINIC = "cancelled_by_clinic"


UNDER_WAY = (Status.ARRIVED, Status.IN_TREATMENT, Status.RECOVERING)
OPEN = (Status.BOOKED, *UNDER_WAY)
USED = (Status.DONE, Status.STOPPED_EARLY)
"""Only these use up one infusion of the order (facts: place freed and visit counted by outcome)."""
CANCELLED = (Status.CANCELLED_IN_TIME, Status.CANCELLED_LATE, Status.CANCELLED_BY_CLINIC)
COUNTED = (*OPEN, *USED)
"""Visits that stand against the order's number and against "one visit a day"."""


class CourseAct(StrEnum):
    """What happens to one visit when the rest of its course may change with it."""

    MOVE = "move"
    CANCEL = "cancel"
    MAKE_UP = "make_up"
    """It took no infusion: missed, cancelled or not given before."""


class RepairState(StrEnum):
    """Where a search for a repair stands; a proposal is accepted or thrown away once."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    ACCEPTED = "accepted"
    DISCARDED = "discarded"


class Scope(StrEnum):
    """How far a change of one visit reaches into its course."""

    ONE = "one"
    LEAST = "least"
    ANEW = "anew"


class StopReason(StrEnum):
    """Why a visit was stopped, before the drug or during it."""

    BLOOD_PRESSURE = "blood_pressure"
    NOT_FASTED = "not_fasted"
    NO_ESCORT = "no_escort"
    UNWELL = "unwell"
    PATIENT_WISH = "patient_wish"
    EQUIPMENT = "equipment"
    OTHER = "other"


class VitalMoment(StrEnum):
    """When in a visit a blood pressure was taken."""

    BEFORE = "before"
    DURING = "during"
    LEAVING = "leaving"


class Standing(StrEnum):
    """Whether a patient is treated here; the last four are ends."""

    ACTIVE = "active"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    MOVED = "moved"
    DIED = "died"


ENDED = (Standing.FINISHED, Standing.STOPPED, Standing.MOVED, Standing.DIED)


class SeatKind(StrEnum):
    """What a seat belongs to; a nurse has one hands-on seat and several monitoring seats."""

    CHAIR = "chair"
    PATIENT = "patient"
    HANDS_ON = "hands_on"
    MONITORING = "monitoring"


class LinkPurpose(StrEnum):
    """What an access link opens."""

    VISITS = "visits"
    FEED = "feed"
    ADDRESS = "address"
    """Proves that a new e-mail address is the patient's; lets nobody in by itself."""
    OFFER = "offer"
    """Opens the places offered to the patient, and no other page."""


class RequiredBefore(StrEnum):
    """When a prerequisite has to be on record."""

    BOOKING = "booking"
    FIRST = "first"
    EVERY = "every"


class TrialOutcome(StrEnum):
    """How a medicine tried before went."""

    NO_EFFECT = "no_effect"
    PARTIAL = "partial"
    NOT_TOLERATED = "not_tolerated"
    HELPED = "helped"
    UNKNOWN = "unknown"


class Channel(StrEnum):
    """A way to reach a patient that needs their consent."""

    EMAIL = "email"
    SMS = "sms"


class CalendarWay(StrEnum):
    """How a patient's calendar learns of visits: one way each, or entries would stand there twice."""

    INVITATIONS = "invitations"
    FEED = "feed"
    FILES = "files"


class MessageKind(StrEnum):
    """What a message tells."""

    CONFIRMATION = "confirmation"
    CHANGE = "change"
    CANCELLATION = "cancellation"
    INVITATION = "invitation"
    REMINDER = "reminder"
    CHECK_IN = "check_in"
    CHECK_IN_AGAIN = "check_in_again"
    NEW_LINK = "new_link"
    ADDRESS = "address"
    CLOSING = "closing"
    RED_FLAG = "red_flag"
    OFFER = "offer"


COURSE_KINDS = (MessageKind.CONFIRMATION, MessageKind.CHANGE, MessageKind.CANCELLATION)
"""The one mail about a whole course: a later one replaces an earlier one that has not left."""


class MessageWay(StrEnum):
    """How a message reaches somebody. Calls and prints are tasks for the front desk."""

    EMAIL = "email"
    CALL = "call"
    PRINT = "print"


class MessageState(StrEnum):
    """Where a message stands: waiting or to do, then one end."""

    WAITING = "waiting"
    TO_DO = "to_do"
    SENT = "sent"
    DONE = "done"
    DROPPED = "dropped"
    FAILED = "failed"


PENDING = (MessageState.WAITING, MessageState.TO_DO)


class AttemptOutcome(StrEnum):
    """How one try to deliver a message ended."""

    SENT = "sent"
    DELAYED = "delayed"
    REFUSED = "refused"
    DONE = "done"


class CheckInState(StrEnum):
    """Where a check-in stands. ``SILENT`` was asked twice without an answer; a late one still counts."""

    PLANNED = "planned"
    ASKED = "asked"
    ANSWERED = "answered"
    SILENT = "silent"
    DROPPED = "dropped"


UNANSWERED = (CheckInState.PLANNED, CheckInState.ASKED, CheckInState.SILENT)


class AnswerWay(StrEnum):
    """Who filled a check-in in: the patient, or staff for the patient."""

    PATIENT = "patient"
    PHONE = "phone"
    IN_PERSON = "in_person"


class Effect(StrEnum):
    """The side effects asked after (facts: check-in items; own plain words, no licensed instrument)."""

    DROWSINESS = "drowsiness"
    BLURRED_VISION = "blurred_vision"
    DOUBLE_VISION = "double_vision"
    DIZZINESS = "dizziness"
    APPETITE_LOSS = "appetite_loss"
    NAUSEA = "nausea"
    HEADACHE = "headache"
    DETACHED = "detached"
    RAISED_HEARTBEAT = "raised_heartbeat"
    URINARY_TROUBLE = "urinary_trouble"


class SafetyQuestion(StrEnum):
    """Asked in every check-in, yes or no, and not removable; the names of fields of a check-in."""

    SELF_HARM = "self_harm"
    CHEST_PAIN = "chest_pain"
    BREATHING = "breathing"
    WORST_HEADACHE = "worst_headache"


class AlertKind(StrEnum):
    """What a named person must acknowledge."""

    RED_FLAG = "red_flag"
    NO_ANSWER_CALL = "no_answer_call"
    NO_ANSWER_ASK = "no_answer_ask"
    VISIT_OPEN = "visit_open"
    MESSAGE_FAILED = "message_failed"
    OVERDUE = "overdue"
    REVIEW_DUE = "review_due"
    RENEW_ORDER = "renew_order"
    PLAN_STUCK = "plan_stuck"
    OVERRUN = "overrun"
    CALL_MISSED = "call_missed"
    MISSES = "misses"
    MAKE_UP = "make_up"
    BOOK_MAKE_UP = "book_make_up"
    NO_PRESCRIBER = "no_prescriber"
    DOSE_DIFFERS = "dose_differs"
    COUNTERSIGN = "countersign"
    PAUSE_OVER = "pause_over"
    OTHER_TIME = "other_time"
    REPLAN = "replan"
    UNCOVERED = "uncovered"


class Decision(StrEnum):
    """What a prescriber answers to an alert that asks."""

    YES = "yes"
    NO = "no"
    CONTINUE = "continue"
    PAUSE = "pause"
    END = "end"


class Severity(IntEnum):
    """The order of the attention list: the lower, the sooner."""

    RED_FLAG = 1
    SAME_DAY_VISIT = 2
    PATIENT_WAITING = 3
    PAPERWORK = 4


class PlanState(StrEnum):
    """Life of a follow-up plan; one is active per patient."""

    ACTIVE = "active"
    ENDED = "ended"
    REPLACED = "replaced"


class DisruptionKind(StrEnum):
    """What is missing for a while."""

    NURSE = "nurse"
    PRESCRIBER = "prescriber"
    CHAIR = "chair"
    LOCATION = "location"


class Resolution(StrEnum):
    """What became of a visit that a disruption left uncovered."""

    OPEN = "open"
    COVERED = "covered"
    MOVED = "moved"
    CANCELLED = "cancelled"
    KEPT = "kept"


class CallState(StrEnum):
    """Where the call about another time stands; ``NONE``: nobody is to be called."""

    NONE = "none"
    TO_CALL = "to_call"
    AGREED = "agreed"
    OTHER_TIME = "other_time"
    NOT_REACHED = "not_reached"


CALL_OUTCOMES = (CallState.AGREED, CallState.OTHER_TIME, CallState.NOT_REACHED, CallState.NONE)
"""What a call can end with; ``NONE``: the patient knows, and nothing is to be agreed."""


class WaitKind(StrEnum):
    """What a patient on the waiting list would like: an earlier place, or one that suits them better."""

    EARLIER = "earlier"
    BETTER_TIME = "better_time"


class WaitEnd(StrEnum):
    """Why a patient no longer waits."""

    PLACED = "placed"
    WITHDRAWN = "withdrawn"
    VISIT_OVER = "visit_over"
    ORDER_CLOSED = "order_closed"


class OfferWay(StrEnum):
    """How a freed place reaches the patient: a message with a link, or a call by the front desk."""

    LINK = "link"
    CALL = "call"


class OfferState(StrEnum):
    """Where an offered place stands: open, then one end. ``WITHDRAWN``: the visit or the place changed meanwhile."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class ActorKind(StrEnum):
    """Who did something: a person of the staff, a patient's link, another system, or this program."""

    STAFF = "staff"
    LINK = "link"
    INTEGRATION = "integration"
    SYSTEM = "system"
