"""Checks: each prints one line, and the first that fails doesn't hide the others."""

import contextlib
import time
import traceback


class Stop(Exception):
    """The rest of a suite can't be checked without what has just failed."""


class Checks:
    """Counts checks. `with check("what must hold"):` fails on any exception and goes on behind it."""

    def __init__(self, verbose=False):
        self.passed = 0
        self.failures = []
        self.suite = ""
        self.verbose = verbose

    @contextlib.contextmanager
    def __call__(self, name, needed=False):
        started = time.monotonic()
        try:
            yield
        except Stop:
            raise
        except Exception as error:
            reason = str(error) or type(error).__name__
            if not isinstance(error, AssertionError):
                reason = f"{type(error).__name__}: {reason}"
            self.failures.append(f"{self.suite}: {name}: {reason}")
            print(f"FAIL  {self.suite}: {name}\n        {reason[:2000]}", flush=True)
            if self.verbose:
                traceback.print_exc()
            if needed:
                raise Stop(name) from error
        else:
            self.passed += 1
            print(f"ok    {self.suite}: {name} ({time.monotonic() - started:.2f} s)", flush=True)


def same(actual, expected, what="value"):
    """Fails unless two values are equal; says both."""
    if actual != expected:
        raise AssertionError(f"{what} is {short(actual)}, expected {short(expected)}")


def holds(condition, what):
    """Fails with a sentence unless a condition holds."""
    if not condition:
        raise AssertionError(what)


def short(value):
    text = repr(value)
    return text if len(text) <= 400 else f"{text[:400]}… ({len(text)} characters)"
