"""What the portal promises vendors, distributors and operators, sentence by sentence, beside a file's life."""

import pathlib
import re

from playwright.sync_api import expect
from portal_people import PATIENCE_MS, TASK, URL, Person, sentence
from portal_work import no_complaints

PULSE = "PRD-404-832-779"
CHOSEN = f"product={PULSE}&environment=production&provider=PA-000-003&marketplace=MP-38661"


def journeys(chromium):
    wizard(chromium)
    unmet(chromium)
    for scripts in (True, False):
        mended(chromium, scripts)
    upload(chromium)
    changes(chromium)
    for scripts in (True, False):
        links(chromium, scripts)
    sessions(chromium)
    keys(chromium)


def downloaded(person, link):
    """The bytes behind a link."""
    with person.page.expect_download() as download:
        link.click()
    return pathlib.Path(download.value.path()).read_bytes()


def wizard(chromium):
    vendor = Person(chromium, "vendor")
    page = vendor.page
    with sentence("the wizard begins with the template and what the format is"):
        vendor.goto("/files/new")
        vendor.sees("Quantity (QT), Tiers rated (TR), Price rated")
        assert downloaded(vendor, page.get_by_role("link", name="Template for Apollo Pulse", exact=True))[:2] == b"PK"
    with sentence("only products that can be reported are offered, and the others say what they lack"):
        page.get_by_role("link", name="Next").click()
        for product, lacks in TASK["lacking"].items():
            expect(page.locator(f'input[value="{product}"]')).to_be_disabled()
            expect(page.locator("label", has=page.locator(f'input[value="{product}"]'))).to_contain_text(lacks)
    with sentence("preview and production are explained"):
        vendor.choose(PULSE)
        vendor.sees("distributors never receive the file")
        vendor.sees("bills customers with it")
    with sentence("only marketplaces that list the product for the distributor are offered"):
        vendor.choose("production")
        vendor.choose("PA-000-003")
        offered = page.locator("input[name=marketplace]").evaluate_all("inputs => inputs.map(input => input.value)")
        assert "MP-38661" in offered and "MP-72775" not in offered, offered
    with sentence("the wizard goes on where it was left, in another browser as well"):
        left = page.url.removeprefix(URL)
        other = Person(chromium)
        other.goto(left)
        other.page.get_by_label("API key").fill(TASK["keys"]["vendor"])
        other.press("Sign in")
        expect(other.page.locator('input[value="MP-38661"]')).to_be_visible()
        other.choose("MP-38661")
        other.sees("Additional data")
        other.page.get_by_role("link", name="Back", exact=True).click()
        expect(other.page.locator('input[value="MP-38661"]')).to_be_visible()
    with sentence("the currency is the marketplace's, an estimate is offered where the product allows it"):
        vendor.choose("MP-38661")
        expect(page.get_by_label("Currency")).to_have_value("USD")
        vendor.sees("visible only for you")
        assert page.get_by_label(re.compile("An estimate")).count() == 0
    with sentence("the summary has the period in UTC and everything that was chosen, and can be closed"):
        page.get_by_label("First day").fill("2026-08-01")
        page.get_by_label("Last day").fill("2026-08-31")
        page.get_by_label("Time zone").fill("Asia/Tokyo")
        page.get_by_label("Description").fill("August, as Tokyo counts it")
        page.get_by_label("Note to the distributor").fill("The first one")
        page.get_by_label("External id").fill("browser-wizard")
        vendor.press("Create")
        vendor.sees("The usage file was created.")
        for text in ("31 Jul 2026", "Apollo Pulse", "production", "Mighty Mick's LLC", "Tutorial Marketplace",
                     "Front Street Inc Agreement"):
            expect(page.locator("dl")).to_contain_text(text)
        assert re.search(r"UF-\d{4}-\d\d-\d{4}-\d{4}", page.locator("dl").text_content())
        page.get_by_role("link", name="Close").click()
        page.wait_for_url(f"{URL}/files")
    no_complaints(vendor, "the wizard")


def unmet(chromium):
    person = Person(chromium, "unready")
    with sentence("the wizard says which prerequisite isn't met: the vendor's program contract"):
        person.goto(TASK["unready"])
        person.page.get_by_label("First day").fill("2026-08-01")
        person.page.get_by_label("Last day").fill("2026-08-31")
        person.press("Create")
        person.sees("The program contract of VA-900-000 is not active.")


def mended(chromium, scripts):
    """A file from its errors to its end, by what the portal gives to mend them."""
    how = "with scripts" if scripts else "without scripts"
    vendor = Person(chromium, "vendor", java_script_enabled=scripts)
    page, task = vendor.page, TASK["mended"]["scripts" if scripts else "plain"]
    with sentence(f"{how}: rejected records and the processed workbook are downloaded"):
        vendor.goto(f"/files/{task['file']}")
        for name in ("Rejected records", "Processed vendor usage file", "Vendor usage file"):
            assert downloaded(vendor, page.get_by_role("link", name=name, exact=True))[:2] == b"PK", name
    with sentence(f"{how}: a vendor uploads a corrected workbook over the one with errors"):
        page.get_by_label(re.compile("Upload usage file")).set_input_files(task["good"])
        vendor.press("Upload")
        vendor.sees("it was not submitted yet")
        assert page.get_by_text("What is wrong").count() == 0
    with sentence(f"{how}: a vendor deletes a file, and is asked first"):
        vendor.open("Delete")
        page.locator("details[open]").get_by_role("button", name="Delete").click()
        vendor.sees("Its record ids are free again.")
    no_complaints(vendor, f"{how}, mending")


DROP = """(form) => {
  const dropped = new DataTransfer();
  dropped.items.add(new File(["quantity"], "dropped.csv", { type: "text/csv" }));
  for (const type of ["dragover", "drop"]) {
    form.dispatchEvent(new DragEvent(type, { dataTransfer: dropped, bubbles: true, cancelable: true }));
  }
  return form.querySelector("input[type=file]").files[0]?.name;
}"""


def upload(chromium):
    vendor = Person(chromium, "vendor")
    page = vendor.page
    with sentence("the upload has the template beside it, says how large a workbook may be, and takes what is dropped"):
        vendor.goto(TASK["slow"]["path"])
        vendor.sees(".xlsx up to 64 MB")
        form = page.locator("form[data-upload]")
        expect(form.get_by_role("link", name="template")).to_be_visible()
        assert form.evaluate(DROP) == "dropped.csv"
    with sentence("an upload tells its bytes, and then the rows that were read and checked"):
        wire = vendor.context.new_cdp_session(page)
        slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000}
        wire.send("Network.emulateNetworkConditions", slow)
        page.get_by_label(re.compile("Upload usage file")).set_input_files(TASK["slow"]["book"])
        vendor.press("Upload")
        expect(form.locator("output")).to_have_text(re.compile(r"^\d+\.\d of \d+\.\d MB$"))
        assert 0 < form.locator("progress").evaluate("bar => bar.value") <= 100
        wire.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
        expect(page.get_by_text(re.compile("it was not submitted yet|Some records"))).to_be_visible(timeout=2 * PATIENCE_MS)
        vendor.sees(f"{TASK['slow']['records']:,}")
    no_complaints(vendor, "the upload")


def changes(chromium):
    distributor = Person(chromium, "distributor")
    with sentence("a distributor sees every change against the period before, the outliers first"):
        distributor.goto(f"/files/{TASK['changed']}/changes")
        rows = distributor.page.locator("tbody tr")
        expect(rows.first).to_have_class("out")
        expect(rows.first).to_contain_text("300")
        assert rows.count() >= 2, rows.count()
        distributor.sees("1 as before")
    no_complaints(distributor, "changes")


def links(chromium, scripts):
    how = "with scripts" if scripts else "without scripts"
    link = TASK["links"]["scripts" if scripts else "plain"].removeprefix(URL)
    with sentence(f"{how}: a link of the command line signs in, once"):
        guest = Person(chromium, java_script_enabled=scripts)
        guest.goto(link)
        guest.sees("SU-000-000-001")
        guest.press("Sign in")
        guest.sees("What waits for you")
        other = Person(chromium, java_script_enabled=scripts)
        other.goto(link)
        other.press("Sign in")
        other.sees("This link was used already")
        guest.press("Sign out")
        guest.sees("API key")


def sessions(chromium):
    with sentence("somebody sees who is signed in for their account, and ends another session"):
        here, there = Person(chromium, "vendor_2"), Person(chromium, "vendor_2")
        here.page.get_by_role("link", name=re.compile("^Shamrock Provisions")).click()
        here.sees("this one")
        row = here.page.locator("tbody tr", has=here.page.get_by_role("button")).first
        row.get_by_role("button").click()
        here.sees("The session was ended")
        # There may be others of this vendor's, from before.
        while here.page.locator("tbody button").count():
            here.page.locator("tbody button").first.click()
            here.sees("The session was ended")
        there.goto("/files")
        there.sees("API key")
        here.goto("/files")
        expect(here.page.get_by_role("heading", name="Usage files", exact=True)).to_be_visible()
        here.goto("/sessions")
        assert "Chrome" in here.page.locator("tbody tr").first.text_content()
    no_complaints(here, "sessions")


def keys(chromium):
    person = Person(chromium, "operator")
    page = person.page

    def issued(name, scopes):
        person.goto("/accounts")
        page.locator('summary[aria-label^="Issue a key for Mighty Mick"]').click()
        form = page.locator("details[open]")
        form.get_by_label("What it is for").fill(name)
        for box in form.locator("input[name=scopes]").all():
            box.set_checked(box.get_attribute("value") in scopes)
        form.get_by_role("button", name="Issue key").click()
        return page.locator("pre").text_content().strip()

    with sentence("an operator issues a key that only reads: it sees everything, and is refused in words when it decides"):
        guest = Person(chromium)
        guest.sign_in(issued("dashboard", []))
        guest.goto(f"/files/{TASK['waiting']}")
        guest.open("Accept")
        guest.press("Accept")
        guest.sees('lacks the scope "review"')
        person.goto("/accounts")
        expect(page.get_by_role("cell", name="read only", exact=True)).to_be_visible()
    with sentence("an operator replaces a key: the new one opens the portal, and the old one nothing"):
        old = issued("rotated", ["review", "bill"])
        name = old.removeprefix("ApiKey ").split(":")[0]
        person.goto("/accounts")
        page.locator(f'summary[aria-label="Replace {name}"]').click()
        page.locator("details[open]").get_by_role("button", name="Replace key").click()
        new = page.locator("pre").text_content().strip()
        assert new != old
        guest = Person(chromium)
        guest.sign_in(new)
        guest.goto("/sign-in")
        guest.page.get_by_label("API key").fill(old)
        guest.press("Sign in")
        guest.sees("was revoked")
    no_complaints(person, "keys")
