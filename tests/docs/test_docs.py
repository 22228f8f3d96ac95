"""The documents say what the code says."""

import re
from pathlib import Path

import pytest

from safety.management.commands.draw_notifications import draw as draw_notifications
from safety.management.commands.draw_states import draw
from safety.management.demo import PASSWORD, demo_logins

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def test_state_diagrams_are_those_of_the_code() -> None:
    assert (ROOT / "docs" / "states.md").read_text(encoding="utf-8") == draw()


def test_table_of_who_hears_what_is_that_of_the_shipped_protocol() -> None:
    """Red after a change of the rules: `python manage.py draw_notifications`."""
    written = (ROOT / "docs" / "notifications.md").read_text(encoding="utf-8")

    assert written == draw_notifications()


def test_readme_names_every_demo_login() -> None:
    missing = [name for name, _ in demo_logins() if f"`{name}`" not in README]

    assert missing == []
    assert f"`{PASSWORD}`" in README


def test_make_targets_in_the_documents_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    mention = re.compile(r"(?:`|^)make ([a-z-]+)", re.MULTILINE)
    named = {target for page in PAGES for target in mention.findall(page.read_text("utf-8"))}

    assert named <= targets
    assert {"up", "test"} <= named


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))

    broken = [link for link in links if not (page.parent / link).exists()]

    assert broken == []


def test_pictures_are_small() -> None:
    large = [p.name for p in (ROOT / "docs").rglob("*.png") if p.stat().st_size > 300_000]

    assert large == []
