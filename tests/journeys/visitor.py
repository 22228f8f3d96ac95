"""A person with a browser: opens pages, fills forms in as they are shown, sends them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

from ntrust.models import User

Fields = dict[str, list[str]]


@dataclass
class Form:
    """A form as the page shows it: what would be sent if nothing were changed, and the words of
    each field that can be filled in."""

    action: str
    fields: Fields = field(default_factory=dict)
    names: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Page:
    """What came back."""

    url: str
    status: int
    html: str

    @property
    def text(self) -> str:
        """Tags out, white space single."""
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", self.html)).strip()

    def form(self) -> Form:
        """The form in the page's main part; there has to be one."""
        reader = _FormReader()
        reader.feed(self.html)
        assert reader.forms, f"no form on {self.url}: {self.text[:600]}"
        return reader.forms[0]


class Visitor:
    """A logged-in session of one person."""

    def __init__(self, url: str, user: User, *, password: str) -> None:
        self.url, self.user, self.password = url, user, password
        self.session: OpenerDirector = build_opener(HTTPCookieProcessor())
        page = self._send(f"{url}/accounts/login/", fields={}, is_entrance=True)
        assert page.status == 200

    def open(self, path: str) -> Page:
        """A page, whatever its status."""
        return self._fetch(Request(urljoin(self.url, path)))

    def read(self, path: str) -> str:
        """A page's text; it has to be there, and the person is not sent elsewhere."""
        page = self.open(path)
        assert (page.status, page.url) == (200, urljoin(self.url, path)), page.text[:600]
        return page.text

    def act(self, path: str, **entered: Any) -> str:
        """Open a form, fill these fields in, send it. It has to be done; answers what is read then.

        Username and password that are asked for and not named are the person's own.
        """
        page = self._send(urljoin(self.url, path), fields=entered)
        assert page.status == 200, f"{path}: {page.status} {page.text[:1500]}"
        assert page.url != urljoin(self.url, path), f"{path} came back: {page.text[:1500]}"
        return page.text

    def confirm(self, path: str, **entered: Any) -> str:
        """As `act`, where the page first shows what would be done and is then sent again."""
        first = self._send(urljoin(self.url, path), fields=entered)
        assert first.status == 422, f"{path}: {first.status} {first.text[:1500]}"
        form = first.form()
        data = urlencode(form.fields, doseq=True).encode()
        page = self._fetch(Request(first.url, data, headers={"Referer": first.url}))
        assert page.status == 200, f"{path}: {page.status} {page.text[:1500]}"
        assert page.url != first.url, f"{path} came back: {page.text[:1500]}"
        return first.text

    def refused(self, path: str, code: str, **entered: Any) -> str:
        """As `act`, but the answer has to be a refusal with this code; answers its words."""
        page = self._send(urljoin(self.url, path), fields=entered)
        assert page.status in (403, 409), f"{path}: {page.status} {page.text[:800]}"
        assert code in page.text, page.text[:1500]
        return page.text

    def _send(self, url: str, *, fields: dict[str, Any], is_entrance: bool = False) -> Page:
        page = self._fetch(Request(url))
        assert page.status == 200, f"{url}: {page.status} {page.text[:600]}"
        form = page.form()
        if is_entrance:
            fields = {"login": self.user.username, **fields}
        unknown = set(fields) - form.names
        assert not unknown, f"{url} has no fields {sorted(unknown)}, but {sorted(form.names)}"
        page = self._post(url, form, fields)
        if page.status == 200 and 'name="checked"' in page.html:
            page = self._post(url, page.form(), {})
        return page

    def _post(self, url: str, form: Form, fields: dict[str, Any]) -> Page:
        """The form with these fields, signed where it asks for that."""
        sent: Fields = dict(form.fields)
        if "password" in form.names:
            sent["password"] = [self.password]
        if "username" in form.names:
            sent["username"] = [self.user.username]
        for name, value in fields.items():
            several = isinstance(value, list | tuple)
            sent[name] = [str(one) for one in value] if several else [str(value)]
        data = urlencode(sent, doseq=True).encode()
        return self._fetch(Request(urljoin(url, form.action), data, headers={"Referer": url}))

    def _fetch(self, request: Request) -> Page:
        try:
            answer = self.session.open(request, timeout=30)
        except HTTPError as error:
            answer = error
        with answer:
            return Page(answer.url, answer.status or 0, answer.read().decode())


class _FormReader(HTMLParser):
    """Collects the forms inside <main>."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._main = False
        self._open: Form | None = None
        self._select = ""
        self._chosen = False
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "main":
            self._main = True
        elif tag == "form" and self._main:
            self._open = Form(values.get("action", ""))
            self.forms.append(self._open)
        elif self._open is not None:
            self._take(self._open, tag, values)

    def _take(self, form: Form, tag: str, values: dict[str, str]) -> None:
        name = values.get("name", self._select)
        if tag == "option":
            if "selected" in values or not self._chosen:
                form.fields[self._select] = [values.get("value", "")]
                self._chosen = True
            return
        if not name or tag not in ("input", "select", "textarea"):
            return
        form.names.add(name)
        kind = values.get("type", "text")
        if tag == "select":
            self._select, self._chosen = name, False
        elif tag == "textarea":
            self._text = name
            form.fields[name] = [""]
        elif kind in ("radio", "checkbox"):
            if "checked" in values:
                form.fields.setdefault(name, []).append(values.get("value", "on"))
        elif kind not in ("submit", "file"):
            form.fields[name] = [values.get("value", "")]

    def handle_data(self, data: str) -> None:
        if self._open is not None and self._text:
            self._open.fields[self._text][0] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "main":
            self._main = False
        elif tag == "form":
            self._open = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            if self._open is not None and self._text:
                value = self._open.fields[self._text][0]
                self._open.fields[self._text] = [value.removeprefix("\n").removeprefix("\r\n")]
            self._text = ""
