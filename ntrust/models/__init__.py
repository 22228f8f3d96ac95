"""Tables shared by every app: studies, sites, people and their roles, events, notifications."""

from ntrust.models.alerts import Deliveries, Delivery, Digest, Notification
from ntrust.models.chats import Chat
from ntrust.models.endpoints import Endpoint, Outage
from ntrust.models.preferences import Preference
from ntrust.models.proofs import AccountEvent, AccountLock, LoginAttempt, Seal, Signature, UsedCode
from ntrust.models.rota import Absence, Deputyship, Shift
from ntrust.models.standing import JobRun, Watch
from ntrust.models.studies import Event, Membership, Site, Study, User, paired
from ntrust.models.tokens import ApiToken, KeyedAnswer

__all__ = [
    "Absence",
    "AccountEvent",
    "AccountLock",
    "ApiToken",
    "Chat",
    "Deliveries",
    "Delivery",
    "Deputyship",
    "Digest",
    "Endpoint",
    "Event",
    "JobRun",
    "KeyedAnswer",
    "LoginAttempt",
    "Membership",
    "Notification",
    "Outage",
    "Preference",
    "Seal",
    "Shift",
    "Signature",
    "Site",
    "Study",
    "UsedCode",
    "User",
    "Watch",
    "paired",
]
