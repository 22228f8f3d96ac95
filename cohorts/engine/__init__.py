"""The 3+3 engine: pure rules over integer counts, standard library only."""

ENGINE_VERSION = "1.0"
"""Changes when a rule could give another answer; sealed with every decision."""
