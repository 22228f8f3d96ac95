"""Take the guide's pictures again from a running demo (`make up`), each under 300 kB.

.data/venv/bin/python docs/guide/take_screenshots.py http://127.0.0.1:8000
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, StorageState, sync_playwright

IMAGES = Path(__file__).parent / "images"
LARGEST_BYTES = 300_000
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-lcd-text",  # grey edges of letters instead of coloured ones: smaller files
]
ONE = "/studies/ntrust-1/participants/"
DESKTOP, PHONE = (1440, 900), (360, 760)
REPLAY = "replay-neuenschwander-2008-single-agent"
SITE = "investigator-ar1"
# name: address, window, whole page, colour scheme, and who looks if it is not --user
PICTURES: dict[str, tuple[Any, ...]] = {
    "manage-desktop-light": ("/manage/ntrust-1/", DESKTOP, False, "light"),
    "manage-desktop-dark": ("/manage/ntrust-1/", DESKTOP, False, "dark"),
    "manage-phone": ("/manage/ntrust-1/", PHONE, False, "light"),
    "records-desktop": ("/manage/records/", DESKTOP, False, "light"),
    "site-phone": ("/site/ntrust-1/", PHONE, False, "light", SITE),
    "site-desktop": ("/site/ntrust-1/", DESKTOP, False, "light", SITE),
    "event-phone": (f"{ONE}AR1-003/event/", PHONE, False, "light", SITE),
    "committee-desktop": ("/committee/ntrust-1/", DESKTOP, True, "light", "committee"),
    "studies-desktop": ("/", DESKTOP, False, "light"),
    "ladder-desktop-light": ("/studies/ntrust-1/", DESKTOP, False, "light"),
    "ladder-desktop-dark": ("/studies/ntrust-1/", DESKTOP, True, "dark"),
    "ladder-phone-light": ("/studies/ntrust-1/", PHONE, True, "light"),
    "path-desktop-light": ("/studies/ntrust-1/path/", DESKTOP, False, "light"),
    "path-phone-light": ("/studies/ntrust-1/path/", PHONE, False, "light"),
    "gates-desktop": ("/studies/ntrust-1/gates/", DESKTOP, False, "light"),
    "seats-desktop": ("/studies/ntrust-1/queue/", DESKTOP, False, "light"),
    "participant-desktop": (f"{ONE}AR1-003/", DESKTOP, False, "light", SITE),
    "participant-phone": (f"{ONE}AR1-003/", PHONE, False, "light", SITE),
    "check-phone": (f"{ONE}AR1-003/infusions/3/check/", PHONE, False, "light", SITE),
    "results-desktop": (f"{ONE}NY1-004/results/", DESKTOP, False, "light", "investigator-ny1"),
    "lots-desktop": ("/studies/ntrust-1/lots/", DESKTOP, False, "light", "pharmacist-ar1"),
    "amendment-desktop": ("/studies/ntrust-1/protocols/C/changes/", DESKTOP, False, "light"),
    "replay-desktop-light": (f"/studies/{REPLAY}/", DESKTOP, False, "light"),
    "replay-path-desktop-light": (f"/studies/{REPLAY}/path/", DESKTOP, False, "light"),
}


def main() -> int:
    """Log in through the log-in page and take every picture, or those named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("names", nargs="*", help="pictures; all without it")
    parser.add_argument("--user", default="manager")
    parser.add_argument("--password", default="ntrust-training")
    parser.add_argument("--to", type=Path, default=IMAGES)
    asked = parser.parse_args()
    asked.to.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        states: dict[str, StorageState] = {}
        for name in asked.names or PICTURES:
            user = (*PICTURES[name], asked.user)[4]
            if user not in states:
                states[user] = log_in(browser, asked, user)
            take(browser, asked, name, states[user])
        browser.close()
    large = [f.name for f in asked.to.glob("*.png") if f.stat().st_size > LARGEST_BYTES]
    if large:
        sys.stderr.write(f"Over {LARGEST_BYTES} bytes: {', '.join(large)}\n")
    return 1 if large else 0


def log_in(browser: Browser, asked: argparse.Namespace, user: str) -> StorageState:
    """Log in once, as that person does; answers the cookies."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(asked.url + "/accounts/login/")
    page.fill("input[name=login]", user)
    page.fill("input[name=password]", asked.password)
    page.click("main button[type=submit]")
    page.wait_for_url(lambda address: "/accounts/" not in address)
    state = context.storage_state()
    context.close()
    return state


def take(browser: Browser, asked: argparse.Namespace, name: str, state: StorageState) -> None:
    """One picture in a window of its own."""
    address, (width, height), whole, scheme = PICTURES[name][:4]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        storage_state=state,
    )
    page = context.new_page()
    page.goto(asked.url + address)
    path = asked.to / f"{name}.png"
    page.screenshot(path=path, full_page=whole)
    sys.stdout.write(f"{path.name}: {path.stat().st_size // 1000} kB\n")
    context.close()


if __name__ == "__main__":
    sys.exit(main())
