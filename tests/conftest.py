"""Settings that every test shares, and the option ``--no-skips``."""

import pytest
from hypothesis import HealthCheck, settings

# One profile for laptops and CI: the same examples every time, no timing verdicts.
settings.register_profile(
    "luthier",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("luthier")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a skipped test fails the run")


def pytest_sessionfinish(session: pytest.Session) -> None:
    # The reporter also knows the modules that were skipped before a test of theirs was collected.
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not session.config.getoption("no_skips"):
        return
    skipped = len(reporter.stats.get("skipped", ()))
    if skipped:
        reporter.write_line(f"\n--no-skips: {skipped} skipped", red=True)
        if session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
