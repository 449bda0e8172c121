"""What the scanners gave is printed on the last lines."""

import pytest

GRADES = pytest.StashKey[dict[str, str]]()


@pytest.fixture(scope="session")
def grades(pytestconfig: pytest.Config) -> dict[str, str]:
    """A scanner's name, and what it gave: put it in before asserting."""
    return pytestconfig.stash.setdefault(GRADES, {})


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    for scanner, grade in sorted(config.stash.get(GRADES, {}).items()):
        terminalreporter.write_line(f"{scanner}: {grade}")
