"""`manage.py set_up_study`: a study, its sites and roles from a file, as often as one likes."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command

from local.paths import ROOT
from ntrust.models import Event, Membership, Site, Study, User
from tests.factories import PASSWORD, fingerprint

pytestmark = pytest.mark.django_db

WANTED: dict[str, Any] = {
    "study": {"key": "kidney-1", "title": "A trial", "protocol_number": "K-1"},
    "sites": [{"code": "AR1", "name": "Clinic", "timezone": "America/Chicago"}],
    "roles": [
        {"username": "i", "role": "INVESTIGATOR", "site": "AR1"},
        {"username": "m", "role": "STUDY_MANAGER"},
        {"username": "c", "role": "COMMITTEE"},
    ],
}


@pytest.fixture(autouse=True)
def _accounts() -> None:
    for name in "imc":
        User.objects.create_user(name, password=PASSWORD)
    User.objects.create_superuser("admin", password=PASSWORD)


@pytest.fixture
def said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command on a file; what it says."""

    def run(wanted: Any, **options: Any) -> str:
        file = tmp_path / "study.yaml"
        file.write_text(wanted if isinstance(wanted, str) else yaml.safe_dump(wanted))
        call_command("set_up_study", str(file), **options)
        return capsys.readouterr().out

    return run


def roles() -> set[tuple[str, str, str | None]]:
    rows = Membership.objects.filter(study__key="kidney-1", revoked_at=None)
    return set(rows.values_list("user__username", "role", "site__code"))


def test_study_sites_and_roles_are_made_once(said: Any) -> None:
    first = said(WANTED)
    before = fingerprint()
    again = said(WANTED)

    assert "Study kidney-1 made." in first
    assert "Given: i, investigator at AR1." in first
    assert again == "Everything was so already.\n"
    assert fingerprint() == before
    assert roles() == {
        ("m", "STUDY_MANAGER", None),
        ("i", "INVESTIGATOR", "AR1"),
        ("c", "COMMITTEE", None),
    }
    assert Site.objects.get().timezone == "America/Chicago"
    assert Event.objects.get(kind="SITE_ADDED").by is None


def test_role_the_file_no_longer_names_is_told_and_taken_back_only_when_asked(said: Any) -> None:
    said(WANTED)
    less = {**WANTED, "roles": WANTED["roles"][:2]}

    told = said(less)
    assert told == "Not in the file, and left: c, safety review committee.\n"
    assert ("c", "COMMITTEE", None) in roles()

    assert "Taken back: c, safety review committee." in said(less, take_back="admin")
    assert ("c", "COMMITTEE", None) not in roles()
    assert Membership.objects.get(user__username="c").revoked_by.username == "admin"


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"study": {**WANTED["study"], "key": "Kidney 1"}}, "study.key"),
        ({"study": {**WANTED["study"], "sponsor": "x"}}, "study.sponsor"),
        ({"study": {**WANTED["study"], "key": "records"}}, "names a page"),
        ({"sites": [{**WANTED["sites"][0], "timezone": "Mars"}]}, "there is no time zone Mars"),
        ({"roles": [{"username": "m", "role": "BOSS"}]}, "roles.0.role"),
        ({"roles": [{"username": "x", "role": "STUDY_MANAGER"}]}, "There is no account x"),
        (
            {"roles": [*WANTED["roles"], {"username": "c", "role": "PHARMACIST"}]},
            "name a site, or none",
        ),
        (
            {"roles": [*WANTED["roles"], {"username": "c", "role": "PHARMACIST", "site": "X9"}]},
            "there is no site X9",
        ),
    ],
)
def test_what_cannot_be_is_refused_whole(said: Any, changed: dict[str, Any], sentence: str) -> None:
    before = fingerprint()

    with pytest.raises(CommandError, match=sentence):
        said({**WANTED, **changed})

    assert fingerprint() == before
    assert not Study.objects.exists()


def test_only_the_administrator_takes_back(said: Any) -> None:
    said(WANTED)

    with pytest.raises(CommandError, match="Only the administrator"):
        said({**WANTED, "roles": WANTED["roles"][:2]}, take_back="m")

    assert ("c", "COMMITTEE", None) in roles()


def test_file_of_the_guide_is_understood_as_it_stands(said: Any) -> None:
    page = (ROOT / "docs" / "operations" / "deploy.md").read_text(encoding="utf-8")
    found = re.search(r"```yaml\n(.*?)```", page, re.S)
    assert found is not None
    wanted = yaml.safe_load(textwrap.dedent(found[1]))
    for part in wanted["roles"]:
        User.objects.create_user(part["username"], password=PASSWORD)

    assert said(wanted).count("Given: ") == len(wanted["roles"])


def test_first_account_is_made_as_the_guide_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)

    call_command("createsuperuser", interactive=False, username="first", email="first@example.org")

    assert User.objects.get(username="first").is_superuser


@pytest.mark.parametrize("text", ["", "a: [", "- 1", "\x00"])
def test_file_that_is_none_is_refused(said: Any, text: str) -> None:
    with pytest.raises(CommandError):
        said(text)
