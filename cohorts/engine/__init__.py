"""The 3+3 engine: pure rules over integer counts, standard library only."""
