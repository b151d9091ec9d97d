"""What each test costs in processor time, that of its portals and browsers included: a plugin of pytest.

``python -m tests.benchmarks.suite`` runs all tests with it; with paths, ``pytest -p tests.benchmarks.suite``.
Wall time says little of a test on a machine that others use too.
"""

from __future__ import annotations

import os
import resource
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

SHOWN = 10
TICK = os.sysconf("SC_CLK_TCK")
COST = "processor seconds"


def spent() -> float:
    """Seconds of processor time of this process, of its children, and of theirs; Linux only."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    total, todo = time.process_time() + ended.ru_utime + ended.ru_stime, _children("self")
    while todo:
        child = todo.pop()
        try:
            fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        total += sum(map(int, fields[11:15])) / TICK
        todo += _children(child)
    return total


def _children(process: str) -> list[str]:
    found: list[str] = []
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found += path.read_text().split()
        except OSError:
            continue
    return found


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logstart() -> None:
    _LAST[0] = spent()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> None:
    """After set-up, call and teardown each; what is set up once is counted with the first who needs it."""
    before, _LAST[0] = _LAST[0], spent()
    item.user_properties.append((COST, _LAST[0] - before))


_LAST = [0.0]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The dearest tests and the sum; the reports come from all processes that test."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    costs = Counter(
        {
            report.nodeid: sum(seconds for name, seconds in report.user_properties if name == COST)
            for report in reports
            if getattr(report, "when", None) == "teardown"
        }
    )
    terminalreporter.section("processor time")
    for test, seconds in costs.most_common(SHOWN):
        terminalreporter.write_line(f"{seconds:6.1f} s  {test}")
    terminalreporter.write_line(f"{sum(costs.values()):6.0f} s  of {len(costs)} tests")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # as `make test`
    raise SystemExit(pytest.main(["-n", "2", "-p", "tests.benchmarks.suite"]))
