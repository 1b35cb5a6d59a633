# SPDX-License-Identifier: MIT
"""What holds for every test: where FACEAUTH_NO_SKIPS is set, a skipped one fails the run.

A test that needs root, or a machine that is not there, says so by skipping. On the machine that
decides whether a change is good, such a skip would hide a test for good. What needs root is
excused where nobody is root.
"""

import os

import pytest
from hypothesis import HealthCheck, settings

# Hypothesis fails an example that takes longer than 200 ms, and ten that take longer than a second
# to be made; both say how busy the machine is.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

STRICT = bool(os.environ.get("FACEAUTH_NO_SKIPS"))


class SkipCounter:
    """Collects what was skipped, and by what reason."""

    def __init__(self) -> None:
        self.skipped: list[str] = []

    def _note(self, name: str, detail: object) -> None:
        reason = detail[2] if isinstance(detail, tuple) else str(detail)
        if "root" not in reason or os.geteuid() == 0:
            self.skipped.append(f"{name}: {reason}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self._note(report.nodeid, report.longrepr)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._note(report.nodeid, report.longrepr)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.skipped and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.skipped:
            terminalreporter.section("skipped, and nothing may be skipped here", red=True)
            for line in self.skipped:
                terminalreporter.line(line)


def pytest_configure(config: pytest.Config) -> None:
    if STRICT:
        config.pluginmanager.register(SkipCounter())
