"""The rater's requests over HTTP: for the Rate page, for programs, for other pages.

Each verb is an end point of one POST, outside the queue::

    POST /gradio_api/run/study_next   {"data": ["<session>"], "session_hash": "study"}
    -> {"data": [{"stage": "rating", "trial": ..., "media": [...], ...}]}

with a value for every parameter. ``session_hash`` may be left out, but then Gradio describes all components
of the portal to itself at every request, which takes fifteen times as long as the vote. Any name will do, and
all raters may use the same one, for Gradio keeps nothing of them. Or of ``gradio_client``::

    Client(url).predict("<session>", api_name="/study_next")

What cannot be done is answered with status 500 and ``{"error": "<one sentence>", "title": "<the same in
Chinese>"}``; nothing is stored then. A rater has one session, the newest; an older one is refused with the
sentence of ``session.elsewhere``, always the same; ``study_open`` with the rater code gives another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import gradio as gr

from eval.study.server.service import Service
from eval.study.server.views import TrialView
from eval.ui.access import address_of
from lipsync.errors import LipSyncError
from lipsync.ui.generate_api import refusal

THREADS = 16  # the database writes one after the other; more threads would only wait


class StudyApi:
    """The verbs of a study, each of which is an end point; what a person can get wrong is a `gr.Error`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        # Threads of its own: a long job in Gradio's pool keeps no vote waiting, nor the event loop.
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="study")

    async def _answer(self, verb: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
        try:
            values = await asyncio.get_running_loop().run_in_executor(self._pool, verb, *arguments)
        except LipSyncError as error:
            raise refusal(error) from error
        plain = asdict(values)
        if isinstance(values, TrialView):
            plain["media"] = [media_url(self._service, name) for name in values.media]
        return plain

    async def study_open(self, link: str, request: gr.Request, code: str = "") -> dict[str, Any]:
        """Show a study: its texts, its questions, how many clips; nothing is stored.

        Parameters:
            link: token of the study's link
            code: rater code, to come back into the study; empty for someone new
        Returns:
            title, instructions, consent (texts in "en" and "zh"), languages, mode ("rating" or
            "pairwise"), questions (key, text, labels), comments, clips, minutes, state ("new", "going",
            "finished"), session and completion (each empty where there is none), arena (whether visitors of
            the leaderboard vote in it)
        """
        return await self._answer(self._service.open, link, code, address_of(request))

    async def study_consent(self, link: str, request: gr.Request, language: str = "en") -> dict[str, Any]:
        """Take part in a study.

        Parameters:
            link: token of the study's link
            language: "en" or "zh"
        Returns:
            code (to come back, and to delete the data) and session (for the other verbs)
        """
        return await self._answer(self._service.consent, link, language, address_of(request))

    async def study_next(self, session: str) -> dict[str, Any]:
        """The clip, or the pair, to be rated now.

        Parameters:
            session: from study_consent or study_open
        Returns:
            stage ("training", "rating" or "end"), trial, media (addresses of the clip, or of the left and
            the right one), seconds (how long it plays), wait (seconds until marks are taken), marks
            (given before), position, total, rated, back (there is one before)
        """
        return await self._answer(self._service.next, session)

    async def study_rate(self, session: str, trial: str, marks: dict[str, int], token: str) -> dict[str, Any]:
        """Store the marks of a clip, and show the next one as study_next does.

        Parameters:
            session: from study_consent or study_open
            trial: from study_next or study_back
            marks: a mark for every question: 1 to 5; of a pair 0 no difference, 1 left, 2 right
            token: a random name for this submission; sent again, it is stored once
        """
        return await self._answer(self._service.rate, session, trial, marks, token)

    async def study_back(self, session: str, trial: str = "") -> dict[str, Any]:
        """The clip before this one with its marks, as study_next shows it.

        Parameters:
            session: from study_consent or study_open
            trial: the one shown now; empty after the last one
        """
        return await self._answer(self._service.back, session, trial)

    async def study_finish(self, session: str, comment: str = "") -> dict[str, Any]:
        """End after the last clip.

        Parameters:
            session: from study_consent or study_open
            comment: a remark, plain text
        Returns:
            completion: the code that a crowd platform wants to see
        """
        return await self._answer(self._service.finish, session, comment)

    async def study_delete(self, code: str, request: gr.Request) -> dict[str, Any]:
        """Delete everything of one rater.

        Parameters:
            code: the rater code
        Returns:
            deleted: true
        """
        return await self._answer(self._service.delete, code, address_of(request))


def add_study(service: Service) -> None:
    """Add the end points ``/study_open`` ... to the Blocks that is being built.

    The clips they name lie under ``service.store.clips``, which ``launch`` must have in ``allowed_paths``.
    """
    api = StudyApi(service)
    for verb in (
        api.study_open, api.study_consent, api.study_next, api.study_rate, api.study_back, api.study_finish,
        api.study_delete,
    ):  # fmt: skip
        gr.api(verb, api_name=verb.__name__, queue=False)


def media_url(service: Service, name: str) -> str:
    """The address of a clip of `eval.study.server.views.TrialView.media`, from the root of the portal."""
    return f"/gradio_api/file={service.store.clips / name}"
