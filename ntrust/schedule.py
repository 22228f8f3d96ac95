"""What the beat starts, and every how many seconds."""

from typing import Any, Final

SCHEDULE: Final[dict[str, dict[str, Any]]] = {
    "deliver-notifications": {"task": "ntrust.tasks.deliver_notifications", "schedule": 10.0},
    "make-digests": {"task": "ntrust.tasks.make_digests", "schedule": 60.0},
    "tell-of-outages": {"task": "ntrust.tasks.tell_of_outages", "schedule": 60.0},
    "seal-history": {"task": "ntrust.tasks.seal_history", "schedule": 300.0},
    "tell-of-locks": {"task": "ntrust.tasks.tell_of_locks", "schedule": 60.0},
    "forget-keys": {"task": "ntrust.tasks.forget_keys", "schedule": 3600.0},
    "pass-time": {"task": "safety.tasks.pass_time", "schedule": 60.0},
    "prepare-packets": {"task": "safety.tasks.prepare_packets", "schedule": 60.0},
}
