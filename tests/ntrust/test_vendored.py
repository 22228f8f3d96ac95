"""Scripts of others that are served to browsers: the published file, under a strict policy."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from django.test import Client

VENDOR = Path(__file__).resolve().parents[2] / "ntrust" / "static" / "ntrust" / "vendor"
HTMX = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"


def test_htmx_is_the_published_file_to_the_byte() -> None:
    digest = hashlib.sha256((VENDOR / "htmx.min.js").read_bytes()).hexdigest()

    assert digest == HTMX
    readme = (VENDOR / "README.md").read_text(encoding="utf-8")
    assert HTMX in readme
    row = "| `htmx.min.js` | npm package `htmx.org` | 2.0.11 | 0BSD, `htmx-LICENSE.txt` |"
    assert row in readme


def test_every_vendored_script_is_in_the_table_with_its_licence() -> None:
    readme = (VENDOR / "README.md").read_text(encoding="utf-8")
    others = sorted(path.name for path in VENDOR.iterdir() if path.name != "README.md")

    assert others == ["htmx-LICENSE.txt", "htmx.min.js"]
    assert all(f"`{name}`" in readme for name in others)


@pytest.mark.django_db
def test_htmx_runs_nothing_it_is_sent(client: Client) -> None:
    page = client.get("/accounts/login/").content.decode()

    said = re.search("<meta name=\"htmx-config\"\\s+content='([^']+)'", page)
    assert said
    assert json.loads(said[1]) == {
        "allowEval": False,
        "allowScriptTags": False,
        "includeIndicatorStyles": False,
        "selfRequestsOnly": True,
        "historyCacheSize": 0,
        "refreshOnHistoryMiss": True,
    }


@pytest.mark.django_db
def test_policy_names_where_scripts_styles_and_requests_may_go(client: Client) -> None:
    policy = client.get("/accounts/login/")["Content-Security-Policy"]

    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules == {
        "default-src": "'self'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self' data:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "form-action": "'self'",
    }
