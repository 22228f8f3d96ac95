"""A page that does one thing: a form, the gates in its way, and the one action it calls.

    class ReleaseSlot(SlotAct):
        title, button, roles = "Give the seat up", "Give up", (Role.STUDY_MANAGER,)
        form_class = ReasonForm

        def run(self, reason: str) -> str:
            release_slot(self.thing, reason=reason, by=self.user)
            return "The seat is free again."

A subclass says how the thing is found (`find`), what is in the way (`gates`), what the action is
(`run`, given the form's cleaned fields by name; it answers the sentence shown afterwards) and where
to go then (`done_url`). The rest is here: the role is checked before the form is shown, times are
read and shown in the site's own zone, a page that somebody else's change has made stale is refused
under the lock (once: sent again, the change has been read), and a refusal shows the form again with
its sentence, its gates and everything that was entered. `refuses_stale` is False where nothing may
keep an alert waiting.

With `previews = True` nobody acts unseeing. The form is sent to be checked; the answer is a page
with what was entered and what it would change (`ntrust.previews`: `run` is called and undone), and
a button that sends the same again. It is sealed: other content is checked anew. A signature is
given there, not before: password fields of the form are left out until then, and `run` is given ""
for them while it is rehearsed. After the act the page tells what changed and who is told. When the
effect cannot be worked out the page says so. An alert (`refuses_stale` False) may also be sent at
once, and is, when its effect cannot be worked out.
"""

from ntrust.acts.core import STATUS, Deed, Done
from ntrust.acts.forms import (
    FIRST_YEAR,
    LAST_YEAR,
    ActForm,
    DayField,
    MomentField,
    ReasonForm,
    SignForm,
)
from ntrust.acts.pages import Act

__all__ = [
    "FIRST_YEAR",
    "LAST_YEAR",
    "STATUS",
    "Act",
    "ActForm",
    "DayField",
    "Deed",
    "Done",
    "MomentField",
    "ReasonForm",
    "SignForm",
]
