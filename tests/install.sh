#!/usr/bin/env bash
# Installs what the suites need and a fresh machine may lack, each only if missing: strace, which watches the order of
# the system calls of a commit, cargo-nextest, which runs the suites, and nats-server, which Debian has too old.
set -euo pipefail
if ! command -v strace >/dev/null; then
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get install -y --no-install-recommends strace || { apt-get update && apt-get install -y --no-install-recommends strace; }
  else
    echo "strace is missing: install it with your package manager (the order of a commit is checked with it)" >&2
    exit 1
  fi
fi
"${PYTHON:-python3}" tests/clients/venvs.py venv-nats
command -v cargo-nextest >/dev/null || cargo install cargo-nextest --locked
