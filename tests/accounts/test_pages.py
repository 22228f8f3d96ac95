"""What every page carries: headers, banner, header line, and a clear page when something fails."""

import re
from pathlib import Path

import pytest
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path
from pytest_django import Settings

from ntrust.models import User

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted(ROOT.glob("*/templates/**/*.html"))
MAILS = ROOT / "ntrust/templates/mail"
CSS = (ROOT / "ntrust/static/ntrust/ntrust.css").read_text(encoding="utf-8")
PROBLEMS = {400: BadRequest, 403: PermissionDenied, 404: Http404, 500: RuntimeError}


def fail(request: HttpRequest, status: int) -> HttpResponse:
    """Fail as asked."""
    raise PROBLEMS[status]("subject P-004")


handler500 = "ntrust.failures.show_failure"
urlpatterns = [path("fail/<int:status>", fail), path("", include("ntrust.urls"))]


@pytest.fixture
def member(client: Client) -> Client:
    """A browser of somebody who is logged in; answers 500 instead of raising."""
    client.raise_request_exception = False
    client.force_login(User.objects.create_user("ana", "ana@example.org"))
    return client


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("status", PROBLEMS)
def test_failing_page_says_what_to_do(member: Client, status: int) -> None:
    response = member.get(f"/fail/{status}")

    page = response.content.decode()
    assert response.status_code == status
    assert f"({status})" in page
    assert "<h1>" in page
    assert "To the first page" in page
    assert "P-004" not in page


def test_stale_form_says_what_to_do() -> None:
    client = Client(enforce_csrf_checks=True)

    response = client.post("/accounts/login/", {"login": "ana", "password": "x"})

    assert response.status_code == 403
    assert "The page was too old" in response.content.decode()


def test_headers_are_strict(member: Client) -> None:
    response = member.get("/")

    policy = response["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "private, no-store"
    assert re.fullmatch("[0-9a-f]{32}", response["X-Request-ID"])


def test_only_the_administration_has_looser_headers(member: Client) -> None:
    assert "unsafe-inline" in member.get("/admin/")["Content-Security-Policy"]
    assert "unsafe" not in member.get("/accounts/2fa/")["Content-Security-Policy"]


@pytest.mark.parametrize(("sent", "is_kept"), [("abc-12345678", True), ("a\tb; drop", False)])
def test_request_id_of_a_proxy_is_kept_when_harmless(
    client: Client, sent: str, is_kept: bool
) -> None:
    response = client.get("/healthz", headers={"X-Request-ID": sent})

    assert (response["X-Request-ID"] == sent) is is_kept


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_template_has_no_script_or_style_in_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    # A mail has no stylesheet to fetch, and no script at all.
    more = r"<script|<img|url\(" if MAILS in path.parents else r"<style"
    assert re.findall(rf"{more}|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|https?://", text) == []


@pytest.mark.parametrize(("mode", "is_shown"), [("training", True), ("development", False)])
def test_training_copy_says_so_on_every_page(
    client: Client, settings: Settings, mode: str, is_shown: bool
) -> None:
    settings.NTRUST_MODE = mode

    page = client.get("/accounts/login/").content.decode()

    assert ("TRAINING COPY" in page) is is_shown


def test_header_shows_who_and_when(member: Client) -> None:
    page = member.get("/").content.decode()

    assert "<summary>ana</summary>" in page
    assert re.search(r"\d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d UTC", page)
    assert 'href="#content"' in page


def luminance(colour: str) -> float:
    """Relative luminance of #rgb or #rrggbb (WCAG 2.2)."""
    digits = colour.lstrip("#")
    digits = digits if len(digits) == 6 else "".join(each * 2 for each in digits)
    parts = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast of two colours, 1 to 21."""
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def palettes() -> list[dict[str, str]]:
    """The light and the dark colours of the stylesheet."""
    blocks = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2]
    return [dict(re.findall(r"--([\w-]+): (#\w+);", block)) for block in blocks]


@pytest.mark.parametrize("palette", palettes(), ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "paper"),
    [
        ("ink", "paper"), ("ink", "card"), ("muted", "paper"), ("muted", "card"),
        ("accent", "card"), ("accent", "paper"), ("on-accent", "accent"),
        ("settled", "settled-paper"), ("settled", "card"), ("waiting", "waiting-paper"),
        ("waiting", "card"), ("harm", "harm-paper"), ("harm", "card"), ("ink", "chosen-paper"),
        ("muted", "chosen-paper"), ("muted", "waiting-paper"), ("muted", "harm-paper"),
    ],
)  # fmt: skip
def test_text_can_be_read(palette: dict[str, str], ink: str, paper: str) -> None:
    assert contrast(palette[ink], palette[paper]) >= 4.5
