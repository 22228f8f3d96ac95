"""Pages that act on the escalation, one file a subject."""
