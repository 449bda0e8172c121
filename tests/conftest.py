"""Which parts of the tests run here. What is left out is named, with the reason, on the last lines."""

import pytest

from tests.machine import missing

PARTS = ("processes", "containers", "browser", "autobahn", "scanners", "slowhttptest")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require",
        default="",
        metavar="PARTS",
        help=f"fail instead of leaving out: all, or some of {', '.join(PARTS)} with commas between them",
    )


def pytest_configure(config: pytest.Config) -> None:
    for part in PARTS:
        config.addinivalue_line("markers", f"{part}: runs where {part} can")
    required = PARTS if config.option.require == "all" else filter(None, config.option.require.split(","))
    for part in required:
        if reason := missing(part):
            raise pytest.UsageError(f"--require {part}: {reason}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        for part in PARTS:
            if item.get_closest_marker(part) and (reason := missing(part)):
                item.add_marker(pytest.mark.skip(reason=f"{part}: {reason}"))


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    counts: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        counts[reason] = counts.get(reason, 0) + 1
    for reason, count in sorted(counts.items()):
        terminalreporter.write_line(f"left out: {count} tests, {reason}", yellow=True)


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> None:
    """Print the stack's logs below a failure."""
    fixtures = getattr(item, "funcargs", {})
    stack = fixtures.get("stack") or fixtures.get("site")
    if stack and call.excinfo and not call.excinfo.errisinstance(pytest.skip.Exception):
        for service in stack.services:
            lines = "\n".join(stack.logs(service)[-12:])
            item.add_report_section(call.when, f"last lines of {service} ({stack.name})", lines)
