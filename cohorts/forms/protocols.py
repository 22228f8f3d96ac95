"""Protocol versions: uploaded or written, edited, approved, withdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404
from django.urls import reverse

from cohorts.actions import (
    add_protocol_version,
    approve_protocol,
    replace_draft,
    withdraw_approval,
)
from cohorts.acts import StudyAct
from cohorts.models import ProtocolVersion
from cohorts.policies import active_protocol, day_of, document_of
from cohorts.protocol import read_document, write_document
from cohorts.queries.protocols import find_version
from ntrust.acts import ActForm, DayField, ReasonForm, SignForm
from ntrust.errors import Refused
from ntrust.states import Role

MOST_BYTES: Final = 400_000
SUFFIXES: Final = (".yaml", ".yml")


class DocumentForm(ActForm):
    """A protocol document as YAML: a file, or text."""

    file = forms.FileField(
        label="YAML file",
        required=False,
        max_length=120,
        widget=forms.ClearableFileInput({"accept": ".yaml,.yml"}),
    )
    text = forms.CharField(
        label="Or its text",
        required=False,
        strip=False,
        widget=forms.Textarea({"rows": 24, "spellcheck": "false"}),
        help_text="The whole document. Comments are not kept.",
    )
    seen_hash = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def read(self) -> dict[str, Any]:
        """The document as plain data; refuses a file that is none, and says where it is wrong."""
        file = self.cleaned_data["file"]
        text = _read_file(file) if file else self.cleaned_data["text"]
        name = str(file.name) if file else "the text"
        return read_document(text, name=name).model_dump(mode="json", by_alias=True)


def _read_file(file: UploadedFile) -> str:
    """The text of an upload; refuses what is too large, no YAML file, or no text."""
    name = str(file.name)
    if not name.lower().endswith(SUFFIXES):
        raise Refused("wrong_file", f"{name} is no YAML file: its name ends in .yaml or .yml.")
    if file.size is None or file.size > MOST_BYTES:
        raise Refused(
            "file_too_large",
            f"{name} is larger than {MOST_BYTES // 1000} kB, the most there may be.",
        )
    try:
        return file.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused("wrong_file", f"{name} is no text in UTF-8.") from error


class ProtocolAct(StudyAct):
    """Acts on the protocol version of the address: `<slug:key>` and `<str:label>`."""

    roles = (Role.STUDY_MANAGER,)
    thing: ProtocolVersion

    def find(self) -> None:
        """The version, for a member of the study."""
        super().find()
        version = find_version(self.viewer, self.kwargs["label"])
        if version is None:
            raise Http404
        self.thing = version

    def facts(self) -> Mapping[str, Any]:
        """Which version, and the hash of what it says."""
        return {
            "Version": self.thing.version,
            "State": self.thing.get_state_display(),
            "Hash of the document": self.thing.document_hash,
        }

    def done_url(self) -> str:
        """The version's page."""
        return reverse("cohorts:protocol", args=[self.study.key, self.thing.version])


class AddProtocol(StudyAct):
    """A new version, as a draft."""

    title, button, roles = "Add a protocol version", "Store as a draft", (Role.STUDY_MANAGER,)
    form_class = DocumentForm
    form: DocumentForm

    def initial(self, now: datetime) -> dict[str, Any]:
        """The version in force, to be changed."""
        version = active_protocol(self.study)
        return {"text": write_document(document_of(version))} if version else {}

    def make_form(self, **kwargs: Any) -> forms.Form:
        self.form = DocumentForm(**kwargs)
        return self.form

    def run(self, **entered: Any) -> str:
        version = add_protocol_version(self.study, document=self.form.read(), by=self.user)
        return f"Version {version.version} is stored as a draft."

    def done_url(self) -> str:
        return reverse("cohorts:protocols", args=[self.study.key])


class EditProtocol(ProtocolAct):
    """Another document in a draft's place."""

    title, button = "Edit a draft", "Store the draft"
    form_class = DocumentForm
    form: DocumentForm

    def initial(self, now: datetime) -> dict[str, Any]:
        text = write_document(document_of(self.thing))
        return {"text": text, "seen_hash": self.thing.document_hash}

    def make_form(self, **kwargs: Any) -> forms.Form:
        self.form = DocumentForm(**kwargs)
        return self.form

    def run(self, *, seen_hash: str, **entered: Any) -> str:  # type: ignore[override]
        document = self.form.read()
        self.thing = replace_draft(self.thing, document=document, seen_hash=seen_hash, by=self.user)
        return "The draft is stored."


class ApprovalForm(SignForm):
    """From when, why, and the signature."""

    effective_on = DayField(label="In force from (00:00 UTC)")
    reason = forms.CharField(label="Reason", max_length=500, widget=forms.Textarea({"rows": 3}))
    seen_hash = forms.CharField(max_length=64, widget=forms.HiddenInput)
    field_order = ["effective_on", "reason", "password"]


class ApproveProtocol(ProtocolAct):
    """The signature that lets a version come into force."""

    title, button = "Approve a protocol version", "Sign"
    form_class = ApprovalForm

    def initial(self, now: datetime) -> dict[str, Any]:
        return {"effective_on": day_of(now), "seen_hash": self.thing.document_hash}

    def run(self, **entered: Any) -> str:
        version = approve_protocol(self.thing, by=self.user, **entered)
        return f"Version {version.version} is {version.get_state_display()}."


class WithdrawApproval(ProtocolAct):
    """An approval taken back before its day."""

    title, button = "Withdraw an approval", "Withdraw"
    form_class = ReasonForm

    def run(self, **entered: Any) -> str:
        withdraw_approval(self.thing, by=self.user, **entered)
        return "The approval is withdrawn: the version is a draft again."
