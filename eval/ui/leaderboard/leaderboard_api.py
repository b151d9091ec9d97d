"""The leaderboard for programs: ``/leaderboard_...`` of ``gradio_client``.

What a visitor and the owner may do is in `eval.compare.rights`, as with comparison sets.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import gradio as gr

from eval.leaderboard.board import Board
from eval.leaderboard.export import lines
from eval.leaderboard.personal_board import PersonalBoard
from eval.leaderboard.standings import Filters
from eval.ui.access import Access
from eval.ui.score.score_api import refusals


def add_leaderboard(board: Board, access: Access) -> None:
    """Add the end points ``/leaderboard_show``, ``_publish``, ``_open`` and ``_add`` to the Blocks."""

    def leaderboard_show(
        request: gr.Request, suite: str | None = None, language: str | None = None
    ) -> list[dict[str, Any]]:
        """The leaderboard: votes' strengths, opinion scores and measurements, one row for each number.

        Parameters:
            suite: only clips of this suite
            language: only clips in this language, such as "en"
        Returns:
            of each number its part ("votes", "opinions", "scores"), source, method, measure, value, 95 %
            interval, n, date, and the rank by votes
        """
        with refusals():
            mine = PersonalBoard(board, access.visitor(request))
            return [asdict(line) for line in lines(mine.standings(Filters(suite or None, language or None)))]

    def leaderboard_publish(method: str, request: gr.Request, published: bool = True) -> dict[str, bool]:
        """Show visitors the name of a method, or no longer; only the owner of the portal can.

        Parameters:
            method: its name
            published: whether visitors read it
        """
        with refusals():
            PersonalBoard(board, access.visitor(request)).publish([method], published)
            return {"published": published}

    def leaderboard_open(request: gr.Request, public: bool = True) -> dict[str, bool]:
        """Show the leaderboard to visitors, or no longer; only the owner of the portal can.

        Parameters:
            public: whether they see it
        """
        with refusals():
            PersonalBoard(board, access.visitor(request)).show_to_visitors(public)
            return {"public": public}

    def leaderboard_add(report: str, request: gr.Request) -> dict[str, str]:
        """Put the report.json of a benchmark on the leaderboard; only the owner of the portal can.

        Parameters:
            report: the file
        """
        with refusals():
            return {"id": PersonalBoard(board, access.visitor(request)).add(Path(report)).id}

    for verb in (leaderboard_show, leaderboard_publish, leaderboard_open):
        gr.api(verb, api_name=verb.__name__, queue=False)
    with gr.Row(visible=False):
        report = gr.File(label="report", file_types=[".json"])
        gr.Button().click(leaderboard_add, report, gr.JSON(label="id"), api_name="leaderboard_add")
