"""A file's life at the portal in real headless Chromium, with scripts and without; runs in the venv that has Playwright
and axe.

Reads what it needs from standard input and prints a JSON list of what it looked at: [sentence, what was wrong or null].
"""

import json
import pathlib
import re
import sys
import time

import portal_sentences
import portal_work
from playwright.sync_api import expect, sync_playwright
from portal_people import AXE, BOOKS, KEYS, LOOKED, PATIENCE_MS, PHONE, SEVERE, TASK, URL, Person, sentence


def created(vendor):
    """The wizard from its first step to the page of the new file; gives its path."""
    page = vendor.page
    vendor.goto("/")
    page.get_by_role("link", name="Create usage file").click()
    page.get_by_role("link", name="Next").click()
    for choice in ("PRD-404-832-779", "production", "PA-000-003", "MP-38661"):
        vendor.choose(choice)
    page.get_by_label("First day").fill("2026-09-01")
    page.get_by_label("Last day").fill("2026-09-30")
    page.get_by_label("External id").fill("browser-1")
    vendor.press("Create")
    vendor.sees("The usage file was created.")
    page.get_by_role("link", name="Go to details").click()
    return page.url.removeprefix(URL).split("?")[0]


def uploaded(vendor, book):
    vendor.page.get_by_label(re.compile("Upload usage file")).set_input_files(book)
    vendor.press("Upload")


def life(chromium, how, books, **options):
    """A file's life by its two sides; gives its path."""
    vendor = Person(chromium, "vendor", **options)
    distributor = Person(chromium, "distributor", **options)
    path = None
    with sentence(f"{how}: a vendor creates a usage file in seven steps"):
        path = created(vendor)
        vendor.sees("nothing was uploaded yet")
    if path is None:
        return None
    with sentence(f"{how}: bad cells are named with their fix, beside their value"):
        uploaded(vendor, books["bad"])
        vendor.sees("What is wrong")
        expect(vendor.page.locator("td.cell").first).to_have_text("many")
        vendor.sees("Write a plain number")
    with sentence(f"{how}: a corrected workbook is uploaded again and submitted"):
        uploaded(vendor, books["good"])
        # The page follows the work by itself, with a script and without.
        vendor.sees("it was not submitted yet")
        vendor.press("Submit")
        vendor.sees("the distributor decides on it now")
    with sentence(f"{how}: the distributor finds it waiting, and accepts it with a note"):
        distributor.goto("/")
        distributor.sees("Waiting for your decision")
        # The first ones stand there; those of other suites may be before it.
        distributor.page.get_by_role("link", name=re.compile("^(All|As a list)")).first.click()
        distributor.page.locator(f'a[href="{path}"]').first.click()
        distributor.open("Accept")
        distributor.page.get_by_label("A note to the vendor").fill("Thanks <b>& bye</b>")
        distributor.press("Accept")
        distributor.sees("its records are extracted for each hub")
        distributor.sees("Extracted for billing")
    with sentence(f"{how}: the distributor downloads a chunk, and closes each with its billing id"):
        distributor.goto(path)
        link = distributor.page.get_by_role("link", name="Download", exact=True).first
        expect(link).to_be_visible(timeout=PATIENCE_MS)
        with distributor.page.expect_download() as download:
            link.click()
        content = pathlib.Path(download.value.path()).read_bytes()
        assert content.startswith(b"PK"), content[:20]
        # Each of the three records has a subscription on a hub or on none: as many chunks as there are.
        while distributor.page.locator("summary", has_text="Close").count():
            distributor.page.locator("summary", has_text="Close").first.click()
            distributor.page.locator("details[open]").get_by_label("Billing id").fill("INV-77")
            distributor.press("Close chunk")
            distributor.sees("each of its records counts as billed")
    with sentence(f"{how}: the vendor sees who did what, with the note as it was written"):
        vendor.goto(path)
        vendor.sees("every record of it is billed")
        vendor.sees("Thanks <b>& bye</b>")
        vendor.sees("accepted the file")
    with sentence(f"{how}: the browser had nothing to complain of"):
        assert not vendor.complaints + distributor.complaints, vendor.complaints + distributor.complaints
    return path


def pages(path, bad):
    chosen = ["product=PRD-404-832-779", "environment=production", "provider=PA-000-003", "marketplace=MP-38661"]
    steps = [f"/files/new?{'&'.join([f'step={step}', *chosen[: max(0, step - 2)]])}" for step in range(1, 7)]
    steps.append(f"/files/new?file={bad.removeprefix('/files/')}")
    return ["/", "/files", "/files?status=pending&q=nothing-like-it", path, f"{path}?step=3", bad, f"{bad}/records",
            f"{bad.replace('files/UF', 'records/UR')}-0000-0002", "/files/UF-2000-01-0000-0000", *steps]


def accessible(chromium, path, bad):
    """axe on every page, by light and in the dark; and the same pages on a phone and enlarged."""
    for scheme in ("light", "dark"):
        vendor = Person(chromium, "vendor", color_scheme=scheme)
        visited = ["/sign-in", *pages(path, bad)]
        for place in visited:
            with sentence(f"{place} in {scheme}: axe finds nothing serious"):
                vendor.goto(place)
                vendor.page.evaluate(AXE)
                found = vendor.page.evaluate("axe.run()")["violations"]
                severe = [
                    f"{one['id']}: {one['nodes'][0]['html'][:200]} {one['nodes'][0].get('failureSummary', '')[:300]}"
                    for one in found if one["impact"] in SEVERE
                ]
                assert not severe, "; ".join(severe)
    # 200 % on a small screen is a page of half its width.
    for name, viewport in (("320 px wide", PHONE), ("enlarged to 200 %", {"width": 640, "height": 450})):
        person = Person(chromium, "vendor", viewport=viewport)
        for place in pages(path, bad):
            with sentence(f"{place} {name}: nothing has to be scrolled sideways but tables"):
                person.goto(place)
                width = person.page.evaluate("document.documentElement.scrollWidth")
                assert width <= viewport["width"], f"the page is {width} px wide"


def keyboard(chromium):
    """Signing in and the wizard without a mouse."""
    person = Person(chromium)
    keys = person.page.keyboard
    with sentence("the keyboard alone: signing in, and a usage file's first steps"):
        person.goto("/sign-in")
        keys.type(KEYS["vendor"])
        keys.press("Enter")
        person.page.wait_for_url(f"{URL}/")
        reach(person, "a", "Create usage file")
        keys.press("Enter")
        person.page.wait_for_url(f"{URL}/files/new")
        reach(person, "a", "Next")
        keys.press("Enter")
        person.page.wait_for_url(f"{URL}/files/new?step=2")
        reach(person, "input", "")
        keys.press("Space")
        keys.press("Enter")
        person.sees("Internal testing (preview)")
    with sentence("the keyboard alone: the first stop is a link to the content"):
        person.goto("/files")
        keys.press("Tab")
        assert person.page.evaluate("document.activeElement.textContent") == "Skip to the content"


def reach(person, tag, text):
    """Tabs to an element."""
    for _ in range(40):
        person.page.keyboard.press("Tab")
        found = person.page.evaluate("[document.activeElement.localName, document.activeElement.textContent]")
        if found[0] == tag and found[1].strip() == text:
            return
    raise AssertionError(f"{text or tag} can't be reached with Tab")


def times(chromium, path):
    with sentence("times are the viewer's, with UTC on hover"):
        here, there = Person(chromium, "vendor"), Person(chromium, "vendor", timezone_id="UTC")
        shown = []
        for person in (here, there):
            person.goto(path)
            time_ = person.page.locator("time").first
            shown.append(time_.text_content())
            assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", time_.get_attribute("title"))
        assert shown[0] != shown[1], shown


def grid(chromium):
    """The records of a file that is longer than a page."""
    many, records = TASK["many"], TASK["records"]
    person = Person(chromium, "vendor")
    page = person.page
    rows = page.locator(".grid tbody[data-page] tr")
    with sentence("the grid is one long list, of which only what is looked at is loaded"):
        person.goto(f"{many}/records")
        expect(rows.first).to_contain_text("browser-many-0")
        page.locator(".grid").evaluate("grid => grid.scrollTop = grid.scrollHeight")
        last = page.get_by_role("link", name=str(records + 1), exact=True)
        expect(last).to_be_visible(timeout=PATIENCE_MS)
        assert rows.count() <= 300, rows.count()
        page.locator(".grid").evaluate("grid => grid.scrollTop = 0")
        expect(page.get_by_role("link", name="2", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    with sentence("the grid shows a bad cell with its value, what is wrong and the fix"):
        page.get_by_label("Error code").fill("USG_FILE_006")
        person.press("Filter")
        for text in ("many", "Write a plain number"):
            expect(page.locator("td.cell")).to_contain_text(text)
        expect(page.locator(".grid tbody tr")).to_have_count(1)
    with sentence("a record leads to the cells of the workbook that it was read from"):
        page.locator(".grid tbody a").first.click()
        person.sees("Each cell, to the character")
        expect(page.locator("td.cell")).to_have_text("many")
    with sentence("without a script the grid has pages"):
        plain = Person(chromium, "vendor", java_script_enabled=False)
        plain.goto(f"{many}/records")
        plain.page.get_by_role("link", name="Next").click()
        plain.sees(f"101 to 200 of {records:,}")
    with sentence("the grid's browser had nothing to complain of"):
        assert not person.complaints, person.complaints


def past(chromium, path):
    """A file as it was."""
    for scripts in (True, False):
        how = "with scripts" if scripts else "without scripts"
        person = Person(chromium, "vendor", java_script_enabled=scripts)
        with sentence(f"{how}: the slider shows the file as it was, and nothing can be done there"):
            person.goto(path)
            slider = person.page.get_by_label("See it as it was")
            slider.focus()
            person.page.keyboard.press("Home")
            if not scripts:
                person.press("Show")
            person.sees("This is the file as it was")
            expect(person.page.locator(".head .status")).to_have_text("draft")
            assert person.page.locator("#live form[method=post]").count() == 0
            person.page.get_by_role("link", name="Back to now").click()
            person.sees("every record of it is billed")
        assert not person.complaints, person.complaints


def main():
    started = time.monotonic()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=TASK["chromium"], args=["--no-sandbox"])
        path = life(chromium, "with scripts", BOOKS[0])
        life(chromium, "without scripts", BOOKS[1], java_script_enabled=False)
        if path:
            accessible(chromium, path, TASK["bad"])
            times(chromium, path)
            past(chromium, path)
        grid(chromium)
        keyboard(chromium)
        portal_sentences.journeys(chromium)
        portal_work.journeys(chromium)
        chromium.close()
    print(json.dumps(LOOKED))
    print(f"{time.monotonic() - started:.1f} s", file=sys.stderr)


main()
