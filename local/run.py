"""Runs a Python program of the project with the test and lint tools at hand.

python3 -m local.run -m bench
"""

from __future__ import annotations

import os
import sys

from local import bootstrap
from local.paths import VENV_PYTHON

if __name__ == "__main__":
    bootstrap.main(dev=True)
    os.execv(VENV_PYTHON, [str(VENV_PYTHON), *sys.argv[1:]])
