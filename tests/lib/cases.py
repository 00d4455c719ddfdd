"""Runs named cases one after another, and counts them."""

import sys
import time
import traceback


class Cases:
    """Prints a line for each case, and at last `N passed, N failed`."""

    def __init__(self):
        self.passed = 0
        self.failed = []

    def run(self, name, case, *arguments):
        """Runs `case(*arguments)`; it fails by raising."""
        began = time.monotonic()
        try:
            case(*arguments)
        except Exception:
            self.failed.append(name)
            verdict = "FAILED"
            traceback.print_exc()
        else:
            self.passed += 1
            verdict = "ok"
        sys.stderr.flush()
        print(f"{verdict:6} {name} ({(time.monotonic() - began) * 1000:.0f} ms)", flush=True)

    def note(self, name, passed):
        """Counts a case that somebody else ran."""
        if passed:
            self.passed += 1
        else:
            self.failed.append(name)
        print(f"{'ok' if passed else 'FAILED':6} {name}", flush=True)

    def finish(self):
        """Prints the count, and answers the exit code for it."""
        for name in self.failed:
            print(f"failed: {name}")
        print(f"{self.passed} passed, {len(self.failed)} failed", flush=True)
        # A suite that ran nothing has shown nothing.
        return 0 if self.passed and not self.failed else 1
