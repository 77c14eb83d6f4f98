#!/usr/bin/env bash
# Installs what the suites need and a fresh machine may lack, each only if missing: strace, which watches the order of
# the system calls of a commit, Chromium, in which the portal is used, cargo-nextest, which runs the suites, and
# nats-server, which Debian has too old.
set -euo pipefail

# Installs a package of the system: its name, and what it is for.
system() {
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get install -y --no-install-recommends "$1" || { apt-get update && apt-get install -y --no-install-recommends "$1"; }
  else
    echo "$1 is missing: install it with your package manager ($2)" >&2
    exit 1
  fi
}

command -v strace >/dev/null || system strace "the order of a commit is checked with it"
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
  system chromium "the portal is used in it"
"${PYTHON:-python3}" tests/clients/venvs.py venv-nats
command -v cargo-nextest >/dev/null || cargo install cargo-nextest --locked
