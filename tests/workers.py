"""Which of the processes that test side by side takes which tests: a file's tests stay together.

So what a file sets up once (cut clips, a loaded network, a portal of its own) is set up once, not in every
process. Of pytest-xdist's own ways, ``loadfile`` knows no groups of files, and ``loadgroup`` groups nothing
with pytest 9.2 (pytest-dev/pytest-xdist#1386), without a word.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

# Files that share what a session sets up once, by the beginnings of their paths; the longest group is first.
TOGETHER = {
    "the portal and the browser of tests/ui/conftest.py": (
        "tests/ui/test_api.py",
        "tests/ui/generate/test_generate_browser.py",
        "tests/ui/compare/test_compare_browser.py",
        "tests/ui/study/test_rate_browser.py",
        "tests/ui/study/test_results_browser.py",
        "tests/ui/score/test_score_browser.py",
        "tests/ui/score/test_score_picture.py",
    ),
    "the same for another process, so that neither has to wait for the other": (
        "tests/ui/test_page_browser.py",
        "tests/ui/test_axe_browser.py",
        "tests/ui/test_rights.py",
        "tests/ui/test_blindness_browser.py",
        "tests/ui/public/test_security_headers_browser.py",
        "tests/ui/compare/test_sharing_browser.py",
        "tests/ui/compare/test_set_browser.py",
        "tests/ui/generate/test_request_browser.py",
        "tests/ui/generate/test_my_jobs_browser.py",
        "tests/ui/generate/test_cut_browser.py",
        "tests/ui/generate/test_still_browser.py",
        "tests/ui/generate/test_result_browser.py",
        "tests/ui/generate/test_batch_browser.py",
        "tests/ui/study/test_rater_tabs_browser.py",
        "tests/ui/leaderboard/test_leaderboard_browser.py",
    ),
    "the database and the server of tests/study/conftest.py, one at a time under load": ("tests/study/",),
}


def place(nodeid: str) -> int:
    """Of the group that a test is in; one more than the last for a test of no group."""
    return next((k for k, paths in enumerate(TOGETHER.values()) if nodeid.startswith(paths)), len(TOGETHER))


class FileScheduling(LoadScopeScheduling):
    """Gives out whole files, and the files of a group as one."""

    def _split_scope(self, nodeid: str) -> str:
        group = place(nodeid)
        return [*TOGETHER, nodeid.partition("::")[0]][group]
