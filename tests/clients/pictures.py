"""Pictures of the portal's main pages by light and in the dark, with the demo's year of history: `make pictures`.

    pictures.py --binary target/release/usage-ledger [--out docs/pictures]

Runs itself again in the venv that has Playwright.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

WIDTH, HEIGHT = 1280, 900
# Long pages are cut here.
TALLEST = 1100
READY = "stays up at"
PATIENCE = 300

# Whose page, its name, and where it is: a path, or what leads there.
PAGES = [
    ("vendor", "start", "/"),
    ("vendor", "create", "/files/new?step=5&product=PRD-404-832-779&environment=production&provider=PA-000-003"),
    ("vendor", "invalid", "/files?status=invalid>tbody tr:last-child a.named"),
    ("vendor", "records", "/files?status=invalid>tbody tr:last-child a.named>a[href$='/records?status=invalid']"),
    ("vendor", "product", "/products/PRD-404-832-779"),
    ("distributor", "files", "/files"),
    ("distributor", "pending", "/files?status=pending&q=Apollo>tbody a.named"),
    ("distributor", "charts", "/charts?usage=year"),
    ("distributor", "rule", "/products/PRD-404-832-779/rules/new>button[formaction]"),
    ("distributor", "statement", "/files?status=closed&q=Balboa>tbody a.named>a[href$='/statement']"),
    ("operator", "accounts", "/accounts"),
    ("operator", "health", "/health"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("docs/pictures"))
    options = parser.parse_args()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        import venvs

        venvs.PORTAL.ensure()
        sys.exit(subprocess.run([str(venvs.PORTAL.python), *sys.argv], check=False).returncode)
    with tempfile.TemporaryDirectory() as folder:
        process, url, keys = demo(options.binary, pathlib.Path(folder) / "data")
        try:
            with sync_playwright() as playwright:
                taken(playwright, url, keys, options.out)
        finally:
            process.terminate()
            process.wait()


def demo(binary, data):
    """The demo, once it has lived its year; with its address and a key for each role."""
    command = [str(binary), "demo", "--records", "3000", "--listen", "127.0.0.1:0", "--data", str(data)]
    output = data.with_suffix(".log")
    process = subprocess.Popen(command, stdout=output.open("w"), stderr=subprocess.STDOUT)
    since = time.monotonic()
    while READY not in output.read_text(encoding="utf-8"):
        if process.poll() is not None or time.monotonic() - since > PATIENCE:
            sys.exit(f"the demo did not come up:\n{output.read_text(encoding='utf-8')[-2000:]}")
        time.sleep(0.2)
    time.sleep(0.2)
    said = output.read_text(encoding="utf-8")
    url = re.search(r"stays up at (\S+)", said)[1]
    keys = {}
    for role, key in re.findall(r"^  (\w+) .*(ApiKey \S+)$", said, re.MULTILINE):
        keys.setdefault(role, key)
    return process, url, keys


def taken(playwright, url, keys, out):
    out.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    for scheme in ("light", "dark"):
        for role in dict.fromkeys(who for who, _, _ in PAGES):
            page = browser.new_page(
                viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme, timezone_id="UTC"
            )
            page.goto(f"{url}/sign-in")
            page.get_by_label("API key").fill(keys[role])
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url(f"{url}/")
            for _, name, way in (one for one in PAGES if one[0] == role):
                path, *clicks = way.split(">")
                page.goto(f"{url}{path}")
                for click in clicks:
                    page.locator(click).first.click()
                page.wait_for_load_state("networkidle")
                tall = min(TALLEST, page.evaluate("document.documentElement.scrollHeight"))
                picture = out / f"portal-{name}-{scheme}.png"
                clip = {"x": 0, "y": 0, "width": WIDTH, "height": tall}
                page.screenshot(path=picture, full_page=True, clip=clip)
                print(picture)
            page.close()
    browser.close()


if __name__ == "__main__":
    main()
