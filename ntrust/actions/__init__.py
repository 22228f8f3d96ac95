"""The only writers of what every app shares: studies, sites, people and their roles."""

from ntrust.actions.acknowledging import acknowledge, answer_by_act, mark_read
from ntrust.actions.chats import remove_chat, set_chat, try_chat
from ntrust.actions.deliveries import send_again, send_all_again
from ntrust.actions.endpoints import add_endpoint, pause_endpoint, resume_endpoint, try_endpoint
from ntrust.actions.escalating import pass_on_alerts
from ntrust.actions.keys import KEPT_FOR, Key, forget_keys, keep_answer, note_key, one_at_a_time
from ntrust.actions.outages import tell_of_outages
from ntrust.actions.preferences import set_preferences
from ntrust.actions.rota import (
    enter_absence,
    name_deputy,
    put_on_call,
    take_off_call,
    withdraw_absence,
)
from ntrust.actions.studies import (
    PAGE_NAMES,
    activate_site,
    add_site,
    create_study,
    grant_role,
    note_account_event,
    resume_site,
    revoke_role,
    suspend_site,
    unlock_account,
)
from ntrust.actions.tokens import make_token, revoke_token

__all__ = [
    "KEPT_FOR",
    "forget_keys",
    "Key",
    "keep_answer",
    "make_token",
    "note_key",
    "one_at_a_time",
    "revoke_token",
    "PAGE_NAMES",
    "acknowledge",
    "activate_site",
    "add_endpoint",
    "add_site",
    "answer_by_act",
    "create_study",
    "enter_absence",
    "grant_role",
    "mark_read",
    "name_deputy",
    "note_account_event",
    "pass_on_alerts",
    "put_on_call",
    "pause_endpoint",
    "remove_chat",
    "resume_endpoint",
    "resume_site",
    "revoke_role",
    "send_again",
    "send_all_again",
    "set_chat",
    "set_preferences",
    "suspend_site",
    "take_off_call",
    "tell_of_outages",
    "try_chat",
    "try_endpoint",
    "unlock_account",
    "withdraw_absence",
]
