"""What people do at the portal beside taking one file through its life: what is shown must be what a person can use."""

import re

from playwright.sync_api import expect
from portal_people import AXE, PATIENCE_MS, PHONE, SEVERE, TASK, URL, Person, sentence

PULSE, COLD = "PRD-404-832-779", "PRD-578-226-824"


def journeys(chromium):
    vendor_before_uploading(chromium)
    vendor_of_a_product(chromium)
    views_and_help(chromium)
    for scripts in (True, False):
        distributor_decides(chromium, scripts)
    distributor_bills(chromium)
    rules(chromium)
    reseller(chromium)
    operator(chromium)
    looked_over(chromium)


def vendor_before_uploading(chromium):
    for scripts in (True, False):
        how = "with scripts" if scripts else "without scripts"
        vendor = Person(chromium, "vendor", java_script_enabled=scripts)
        with sentence(f"{how}: a vendor has a workbook checked before it is uploaded, and nothing is recorded"):
            vendor.goto(TASK["bad"])
            vendor.page.get_by_role("link", name="Check a workbook first").click()
            vendor.page.get_by_label(re.compile("Workbook")).set_input_files(TASK["books"][0]["bad"])
            vendor.press("Check it")
            vendor.sees("What an upload would come to")
            expect(vendor.page.locator("td.cell").first).to_have_text("many")
        with sentence(f"{how}: a vendor is told what isn't reported yet, and is led to reporting it"):
            vendor.goto("/")
            link = vendor.page.get_by_role("link", name=re.compile("^Report ")).first
            if link.count():
                link.click()
                vendor.sees("Additional data")
        no_complaints(vendor, how)


def vendor_of_a_product(chromium):
    vendor = Person(chromium, "vendor_2")
    page = vendor.page
    chosen = f"product={COLD}&environment=production&provider=PA-000-003&marketplace=MP-38661"
    with sentence("a vendor switches a capability of its product on and off, and the wizard offers estimates accordingly"):
        for on in (True, False):
            vendor.goto("/products")
            page.locator(f'a[href="/products/{COLD}"]').click()
            page.get_by_label(re.compile("^Estimates")).set_checked(on)
            vendor.press("Save capabilities")
            vendor.sees("The capabilities were saved")
            expect(page.get_by_label(re.compile("^Estimates"))).to_be_checked(checked=on)
            vendor.goto(f"/files/new?step=6&{chosen}")
            expect(page.get_by_label(re.compile("An estimate"))).to_have_count(int(on))
        vendor.goto(f"/products/{COLD}")
    with sentence("a vendor creates an item, whole units being suggested, and renames it"):
        page.get_by_role("link", name="Items").click()
        vendor.open("Create item")
        page.get_by_label("Name").first.fill("Tape")
        page.get_by_label("Part number (MPN)").first.fill("CS-TAPE")
        page.get_by_role("textbox", name="Unit").fill("GB")
        assert page.get_by_label(re.compile("Counted in")).input_value() == "integer"
        vendor.press("Create")
        vendor.sees("The item was created.")
        page.locator("summary", has_text="Edit").last.click()
        page.locator("details[open]").get_by_label("Name").fill("Tapes")
        vendor.press("Save item")
        vendor.sees("The item was changed.")
        vendor.sees("Tapes")
    no_complaints(vendor, "the product's vendor")


def views_and_help(chromium):
    vendor = Person(chromium, "vendor")
    page = vendor.page
    with sentence("filters are saved as a view, come back with a click, and are forgotten"):
        vendor.goto("/files?status=invalid")
        vendor.open("Save this view")
        page.get_by_label("Name").fill("To mend")
        vendor.press("Save view")
        vendor.sees("The view was saved")
        vendor.goto("/files")
        page.get_by_role("link", name="To mend").click()
        page.wait_for_url(f"{URL}/files?status=invalid")
        page.get_by_role("button", name="Forget the view To mend").click()
        expect(page.get_by_role("link", name="To mend")).to_have_count(0)
    with sentence("the question mark opens help over the page, and Escape closes it"):
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_contain_text("What you can do")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
    with sentence("keys lead to the lists, and not while somebody types"):
        page.keyboard.press("/")
        page.keyboard.type("gp?")
        assert page.locator("input[type=search]").input_value() == "gp?"
        page.locator("h1").click()
        page.keyboard.press("g")
        page.keyboard.press("p")
        page.wait_for_url(f"{URL}/products")
    with sentence("a page that isn't there keeps the way to everything else"):
        vendor.goto("/files/UF-2000-01-0000-0000")
        vendor.sees("Not found")
        expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    with sentence("help works without scripts"):
        plain = Person(chromium, "vendor", java_script_enabled=False)
        plain.goto("/")
        plain.page.get_by_role("link", name=re.compile("^Help")).click()
        plain.sees("What you can do")


def distributor_decides(chromium, scripts):
    how = "with scripts" if scripts else "without scripts"
    distributor = Person(chromium, "distributor", java_script_enabled=scripts)
    page = distributor.page
    turn = TASK["pending"]["scripts" if scripts else "plain"]
    with sentence(f"{how}: a distributor sees what changed against the period before"):
        distributor.goto(f"/files/{turn['rejected']}")
        distributor.sees("What changed against the period before")
    with sentence(f"{how}: a distributor rejects a file with a note, which its vendor reads"):
        distributor.open("Reject")
        page.get_by_label("What the vendor has to change").fill("Twice the usual quantity")
        distributor.press("Reject")
        distributor.sees("the vendor sees your note")
        vendor = Person(chromium, "vendor", java_script_enabled=scripts)
        vendor.goto(f"/files/{turn['rejected']}")
        vendor.sees("Twice the usual quantity")
    with sentence(f"{how}: a distributor accepts two files at once"):
        distributor.goto("/files?status=pending")
        for file in turn["bulk"]:
            page.locator(f'input[name=file][value="{file}"]').check()
        distributor.press("Accept those ticked")
        distributor.sees("2 accepted")
    no_complaints(distributor, how)


def distributor_bills(chromium):
    distributor = Person(chromium, "distributor")
    page, task = distributor.page, TASK["billing"]
    with sentence("a distributor gives a chunk the id of its billing system"):
        distributor.goto(f"/files/{task['file']}")
        page.locator("summary", has_text="Name").first.click()
        page.locator("details[open]").get_by_label("External id").fill("hub-batch-7")
        distributor.press("Save")
        distributor.sees("The chunk has its external id now.")
        distributor.sees("hub-batch-7")
    with sentence("a distributor uploads a reconciliation and downloads the result of each row"):
        page.get_by_label(re.compile("Upload reconciliation")).set_input_files(task["billed"])
        page.locator("form", has_text="Upload reconciliation").get_by_role("button", name="Upload", exact=True).click()
        distributor.sees("The reconciliation was uploaded")
        link = page.get_by_role("link", name="Result of each row").first
        for _ in range(40):
            if link.count():
                break
            page.wait_for_timeout(500)
            page.reload()
        with page.expect_download() as download:
            link.click()
        assert open(download.value.path(), "rb").read(2) == b"PK"
    with sentence("a closed file has a statement that is made to be printed"):
        distributor.goto(f"/files/{task['closed']}")
        page.get_by_role("link", name="Statement").click()
        distributor.sees("usage-ledger statement/1")
        page.emulate_media(media="print")
        assert not page.locator(".bar").is_visible(), "the head of the page is printed"
        assert page.locator("article").is_visible()
        page.emulate_media(media="screen")
    with sentence("usage is shown by subscription, and drawn by day, product and customer with a table each"):
        distributor.goto("/usage")
        distributor.sees("Last reported")
        page.get_by_role("link", name="Charts").click()
        distributor.sees("By day of usage")
        figures = page.locator("figure")
        assert figures.count() >= 3, figures.count()
        page.locator("figure summary").first.click()
        expect(page.locator("figure table").first).to_be_visible()
        page.get_by_label("Time of usage").select_option("year")
        distributor.sees("By month")
    with sentence("charts stand on the start page as well"):
        distributor.goto("/")
        distributor.sees("By day of usage")
    no_complaints(distributor, "billing")


def rules(chromium):
    for scripts in (True, False):
        how = "with scripts" if scripts else "without scripts"
        distributor = Person(chromium, "distributor", java_script_enabled=scripts)
        page = distributor.page
        with sentence(f"{how}: a distributor tries a rule on the last months, saves it, moves it and deletes it"):
            distributor.goto(f"/products/{PULSE}/rules")
            page.get_by_role("link", name="Add rule").click()
            page.get_by_label("Decision").select_option("manual")
            page.get_by_label(re.compile("^Condition")).fill("name=browser-rule-that-fits-nothing")
            distributor.press("Try it")
            distributor.sees("this rule would have decided")
            assert page.get_by_label(re.compile("^Condition")).input_value() == "name=browser-rule-that-fits-nothing"
            page.get_by_label("Place").select_option("")
            distributor.press("Save rule")
            distributor.sees("The rule was saved")
            row = page.locator("tr", has_text="browser-rule-that-fits-nothing")
            expect(row).to_have_count(1)
            row.get_by_role("link", name=re.compile("^Edit")).click()
            page.get_by_label(re.compile("^Condition")).fill("name=browser-rule-changed")
            distributor.press("Save rule")
            row = page.locator("tr", has_text="browser-rule-changed")
            row.locator("summary", has_text="Delete").click()
            row.get_by_role("button", name="Delete rule").click()
            distributor.sees("The rule was deleted")
        with sentence(f"{how}: a wrong condition is refused with the names that there are"):
            distributor.goto(f"/products/{PULSE}/rules/new")
            page.get_by_label(re.compile("^Condition")).fill("tier=1")
            distributor.press("Save rule")
            distributor.sees("Unknown name: tier")


def reseller(chromium):
    person = Person(chromium, "reseller")
    with sentence("a reseller finds its own file alone, and accepts it"):
        person.goto("/files")
        assert person.page.locator("tbody tr").count() == person.page.locator("tbody tr", has_text="Resale").count()
        person.goto(f"/files/{TASK['resold']}")
        person.open("Accept")
        person.press("Accept")
        person.sees("its records are extracted for each hub")
    with sentence("a reseller doesn't see a distributor's file"):
        person.goto(TASK["bad"])
        person.sees("Not found")


def operator(chromium):
    person = Person(chromium, "operator")
    page = person.page
    with sentence("an operator issues a key, which is shown once and opens the portal"):
        person.goto("/accounts")
        page.locator('summary[aria-label="Issue a key for Tiger Street Distribution"]').click()
        page.locator("details[open]").get_by_label("What it is for").fill("browser")
        page.locator("details[open]").get_by_role("button", name="Issue key").click()
        key = page.locator("pre").text_content().strip()
        guest = Person(chromium)
        guest.sign_in(key)
        guest.sees("Tiger Street Distribution")
    with sentence("an operator revokes it, and whoever is signed in with it is signed out"):
        name = key.removeprefix("ApiKey ").split(":")[0]
        page.get_by_role("link", name="Accounts and keys").first.click()
        page.locator(f'summary[aria-label="Revoke {name}"]').click()
        page.locator("details[open]").get_by_role("button", name="Revoke key").click()
        person.sees("The key was revoked")
        guest.goto("/files")
        guest.sees("API key")
    with sentence("an operator browses the catalog, and sees what was changed by whom"):
        person.goto("/catalog/products")
        page.get_by_role("link", name=COLD).click()
        person.sees("capabilities.ppu.predictive")
        expect(page.locator("del").first).to_be_visible()
    with sentence("an operator sees subscribers, lags and commit latency"):
        page.get_by_role("link", name="Subscribers").click()
        person.sees("Webhooks")
        page.get_by_role("link", name="Health", exact=True).click()
        person.sees("Commit, half of them below")
    with sentence("an operator verifies the log, and is told the end"):
        page.get_by_role("link", name="Verify the log").click()
        person.press("Verify now")
        expect(page.get_by_text("Everything is as it was recorded")).to_be_visible(timeout=3 * PATIENCE_MS)
    no_complaints(person, "the operator")


# Pages beside those of a file's life, and who looks at them.
PAGES = {
    "vendor": ["/products", f"/products/{PULSE}", f"/products/{PULSE}/items", "/usage", "/charts", "/help",
               "/sessions", "/sign-in/link?token=SE-1.SU-000-000-001.1.x"],
    "distributor": ["/", "/files?status=accepted", f"/products/{PULSE}", f"/products/{PULSE}/rules",
                    f"/products/{PULSE}/rules/new"],
    "operator": ["/accounts", "/catalog/products", f"/catalog/products/{COLD}", "/subscribers", "/health", "/verify", "/sessions"],
}


def looked_over(chromium):
    """axe by light and in the dark, and the same pages on a phone and enlarged."""
    pages = {**PAGES, "vendor": [*PAGES["vendor"], f"{TASK['bad']}/check", f"{TASK['bad']}/changes"]}
    closed = f"/files/{TASK['billing']['closed']}"
    pages["distributor"] = [*pages["distributor"], f"{closed}/statement", f"/files/{TASK['changed']}/changes", closed]
    for who, places in pages.items():
        for scheme in ("light", "dark"):
            person = Person(chromium, who, color_scheme=scheme)
            for place in places:
                with sentence(f"{place} in {scheme}: axe finds nothing serious"):
                    opened(person, place)
                    person.page.evaluate(AXE)
                    found = person.page.evaluate("axe.run()")["violations"]
                    severe = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in SEVERE]
                    assert not severe, "; ".join(severe)
        for name, viewport in (("320 px wide", PHONE), ("enlarged to 200 %", {"width": 640, "height": 450})):
            person = Person(chromium, who, viewport=viewport)
            for place in places:
                with sentence(f"{place} {name}: nothing has to be scrolled sideways but tables"):
                    opened(person, place)
                    width = person.page.evaluate("document.documentElement.scrollWidth")
                    assert width <= viewport["width"], f"the page is {width} px wide"


def opened(person, place):
    person.goto(place)
    if place == "/":
        person.sees("Usage and amounts")


def no_complaints(person, who):
    # Refusals are answers, which browsers report as well.
    complaints = [one for one in person.complaints if "Failed to load resource" not in one]
    with sentence(f"{who}: the browser had nothing to complain of"):
        assert not complaints, complaints
