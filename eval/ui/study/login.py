"""The login of the Results tab: who may enter, and how every event proves its permission."""

from __future__ import annotations

import inspect
import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any

import gradio as gr

from eval.study.server.admin import Admin
from eval.ui.study import study_markup as markup
from eval.ui.study.study_api import origin_of
from lipsync.errors import LipSyncError
from lipsync.texts import Message, languages
from lipsync.ui.languages import label, localized

Update = dict[Any, Any]


class LoginForm:
    """The login form in front of the tab.

    Args:
        admin: knows who may.

    Attributes:
        key: kept by the browser, so that it survives a reload. The first input of every guarded event.
        panel: holds all; inside: what is shown instead of it.
        parts: components that ``outside`` and ``let_in`` give updates for.
    """

    def __init__(self, admin: Admin) -> None:
        self.admin = admin
        self.key = gr.BrowserState(None, storage_key="lipsync-admin", secret=secrets.token_hex(16))
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
        self.parts = [self.key, self.panel, self.secret, self.refused, self.inside]

    def check(self, key: object, request: gr.Request) -> None:
        """Check that a key is valid.

        Raises:
            StudyError: someone else.
        """
        self.admin.check(key, origin_of(request))

    def known(self, key: str | None, account: str | None, request: gr.Request) -> str | None:
        """The key of an earlier login, or a new one for an owner's account; None if there is neither.

        Raises:
            StudyError: the key is no longer valid, or the account may not enter.
        """
        if account is not None and not self._good(key, request):
            return self.admin.enter_as(account)
        if key is not None:
            self.check(key, request)
        return key

    def _good(self, key: str | None, request: gr.Request) -> bool:
        try:
            self.check(key, request)
        except LipSyncError:
            return False
        return True

    def let_in(self, key: str | None) -> Update:
        """Updates that open the tab."""
        return {
            self.key: key,
            self.panel: gr.update(visible=False),
            self.secret: "",
            self.refused: "",
            self.inside: gr.update(visible=True),
        }

    def outside(self, why: str = "") -> Update:
        """Updates that close it."""
        return {
            self.key: None,
            self.panel: gr.update(visible=True),
            self.refused: why,
            self.inside: gr.update(visible=False),
        }


def guarded(handler: Callable[..., Update]) -> Callable[..., Update]:
    """The event of a page, run only with a valid key; an error is shown instead of its updates.

    The page has a ``login_form``, and methods ``closed(why)`` and ``failed(error)`` that give updates. The
    first value of the event is the form's key.
    """

    @wraps(handler)
    def inside(page: Any, key: object, request: gr.Request, *values: Any) -> Update:
        try:
            page.login_form.check(key, request)
        except LipSyncError as error:
            return page.closed(markup.trouble(error) if key else "")
        try:
            return handler(page, key, *values)
        except LipSyncError as error:
            return page.failed(error)

    # Gradio fills in the request by the signature: the event's own, with the request after the key.
    own = inspect.signature(handler)
    page, key, *rest = own.parameters.values()
    request = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=gr.Request)
    inside.__signature__ = own.replace(parameters=[page, key, request, *rest])  # type: ignore[attr-defined]
    inside.__annotations__ = {**handler.__annotations__, "request": gr.Request}
    return inside
