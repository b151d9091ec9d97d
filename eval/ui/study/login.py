"""The login of the Results tab: who may enter, and how every event checks it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

import gradio as gr
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from eval.study.server.admin import Admin
from eval.ui.access import Access, origin_of
from eval.ui.study import study_markup as markup
from lipsync.errors import LipSyncError, StudyError
from lipsync.texts import Message, languages
from lipsync.ui.languages import label, localized
from lipsync.ui.visitor import visitor_of

LOGIN = "/enter"
Update = dict[Any, Any]


class LoginForm:
    """The login form in front of the tab.

    Args:
        access: knows who may.

    Attributes:
        panel: holds all; inside: what is shown instead of it.
        parts: components that ``outside`` and ``let_in`` give updates for.
    """

    def __init__(self, access: Access) -> None:
        self.access, admin = access, access.admin
        with gr.Column(elem_classes="narrow", elem_id="results-gate") as self.panel:
            gr.HTML(f"<h2>{localized('gate.heading')}</h2><p>{localized('gate.how')}</p>")
            asked = "gate.token" if admin.local else "gate.password"
            if admin.local:
                gr.HTML(f'<p class="figures">{localized("gate.local")}</p>')
            # Who logs in with an account needs no box, unless there is a password besides.
            boxed = admin.local or admin.by_password
            self.secret = gr.Textbox(
                label=label(asked), type="password", max_lines=1, visible=boxed, elem_id="gate-password"
            )
            self.enter = gr.Button(
                label("gate.enter"), variant="primary", visible=boxed, elem_id="gate-enter"
            )
            if admin.by_account:
                # Its script compares its words with these, so one is there for each language, of which the
                # style sheet shows the page's.
                for language in languages():
                    enter, leave = (
                        Message(key, account="{0}").text(language)
                        for key in ("gate.account", "gate.account.leave")
                    )
                    gr.LoginButton(enter, leave, elem_id=f"gate-account-{language}", elem_classes=language)
            self.refused = gr.HTML(elem_id="gate-refused")
        self.inside = gr.Column(visible=False, elem_id="results-content")
        self.parts = [self.panel, self.secret, self.refused, self.inside]

    def log_in(self, secret: str, request: gr.Request) -> None:
        """Log in with the password or token.

        Raises:
            StudyError: it is wrong, or there were too many guesses.
        """
        self.access.admin.enter(secret, origin_of(request), visitor_of(request))

    def log_in_as(self, account: str, request: gr.Request) -> None:
        """Log in with an account of Hugging Face, as Gradio's OAuth says.

        Raises:
            StudyError: it is no owner's.
        """
        self.access.admin.enter_as(account, visitor_of(request))

    def log_out(self, request: gr.Request) -> None:
        """Log out."""
        self.access.admin.leave(visitor_of(request))

    def is_in(self, request: gr.Request) -> bool:
        """Whether the browser has logged in before, and that is still valid."""
        try:
            self.access.check_owner(request)
        except LipSyncError:
            return False
        return True

    def let_in(self) -> Update:
        """Updates that open the tab."""
        return {
            self.panel: gr.update(visible=False),
            self.secret: "",
            self.refused: "",
            self.inside: gr.update(visible=True),
        }

    def outside(self, why: str = "") -> Update:
        """Updates that close it."""
        return {
            self.panel: gr.update(visible=True),
            self.refused: why,
            self.inside: gr.update(visible=False),
        }


def login_route(admin: Admin) -> Route:
    """What the link in the terminal opens, ``/enter?token=TOKEN``: it logs in and goes to the Results tab.

    A token that is wrong or used up leads there, too; the tab's form is still there then.
    """

    def answer(request: Request) -> Response:
        asked = gr.Request(request)
        with suppress(StudyError):  # a password has no place in an address
            if admin.local:
                admin.enter(request.query_params.get("token"), origin_of(asked), visitor_of(asked))
        return RedirectResponse("./?tab=results", status_code=303, headers={"Referrer-Policy": "no-referrer"})

    return Route(LOGIN, answer, methods=["GET"])


def guarded(handler: Callable[..., Update]) -> Callable[..., Update]:
    """The event of a page, run only for the owner; an error is shown instead of its updates.

    The page has a ``login_form``, and methods ``closed(why)`` and ``failed(error)`` that give updates.
    """

    @wraps(handler)
    def inside(page: Any, request: gr.Request, *values: Any) -> Update:
        try:
            page.login_form.access.check_owner(request)
        except LipSyncError as error:
            return page.closed(markup.trouble(error))
        try:
            return handler(page, *values)
        except LipSyncError as error:
            return page.failed(error)

    # Gradio fills in the request by the signature: the event's own, with the request in front.
    own = inspect.signature(handler)
    page, *rest = own.parameters.values()
    request = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=gr.Request)
    inside.__signature__ = own.replace(parameters=[page, request, *rest])  # type: ignore[attr-defined]
    inside.__annotations__ = {**handler.__annotations__, "request": gr.Request}
    return inside
