"""`make bench`: every measurement of speed."""

from __future__ import annotations

import sys

from bench import engine

if __name__ == "__main__":
    sys.exit(engine.main())
