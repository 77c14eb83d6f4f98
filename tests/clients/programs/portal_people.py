"""People at browsers of their own, in real headless Chromium, and the sentences that must hold for them."""

import json
import pathlib
import sys
import traceback
from contextlib import contextmanager

import axe_playwright_python
from playwright.sync_api import expect

TASK = json.load(sys.stdin)
URL, KEYS, BOOKS = TASK["url"], TASK["keys"], TASK["books"]
AXE = (pathlib.Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
# What keeps somebody from working; the milder ones are advice.
SEVERE = ("serious", "critical")
PATIENCE_MS = 20_000
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 320, "height": 640}
LOOKED = []


@contextmanager
def sentence(text):
    """What must hold; goes on behind it when it doesn't."""
    try:
        yield
        LOOKED.append([text, None])
    except Exception as error:  # whatever it is, it is told
        where = traceback.extract_tb(error.__traceback__)[-1]
        LOOKED.append([text, f"{str(error)[:1500]} (line {where.lineno})"])


class Person:
    """Somebody at a browser of their own. What the browser complains of is kept."""

    def __init__(self, chromium, key=None, **options):
        self.context = chromium.new_context(**{"viewport": DESKTOP, "timezone_id": "Asia/Tokyo", **options})
        self.context.set_default_timeout(PATIENCE_MS)
        self.page = self.context.new_page()
        self.complaints = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))
        self.page.on("request", lambda sent: sent.url.startswith(URL) or self.complaints.append(f"loads {sent.url}"))
        if key:
            self.sign_in(KEYS[key])

    def sign_in(self, key):
        self.page.goto(f"{URL}/sign-in")
        self.page.get_by_label("API key").fill(key)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(f"{URL}/")

    def goto(self, path):
        return self.page.goto(f"{URL}{path}")

    def sees(self, text):
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=PATIENCE_MS)

    def choose(self, value):
        self.page.locator(f'input[value="{value}"]').check()
        self.page.get_by_role("button", name="Next").click()

    def press(self, name):
        self.page.get_by_role("button", name=name, exact=True).click()

    def open(self, name):
        self.page.locator("summary", has_text=name).click()
