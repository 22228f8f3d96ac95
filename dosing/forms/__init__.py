"""Pages that act on treatment and on what is recorded beside it, one file a subject."""
