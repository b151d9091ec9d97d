"""The Rate page: what a rater gets behind the link of a study, and the tab for those who have no link yet.

The rater's page is plain HTML, CSS and JavaScript of a few kilobytes, served at ``/rate`` beside the portal:
it opens at once on a phone, holds nothing but the clip, the questions and the progress, and talks to the same
API as programs do.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from html import escape

import gradio as gr
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from eval.study.server.service import Service
from eval.study.storage.labels import SIDES
from eval.ui.access import address_of
from eval.ui.study.study_markup import good, trouble
from lipsync.assets import asset
from lipsync.errors import LipSyncError
from lipsync.texts import Message
from lipsync.ui.languages import by_language, label, language_style, localized, templates
from lipsync.ui.page_events import QUIET

SCRIPTS = ("rate_page", "rate_api", "rate_clip", "rate_session", "rate")  # in one module, in this order
REFUSALS = ("session.elsewhere", "study.closed", "study.full", "study.no_data")  # that it does more about
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="robots" content="noindex">
<meta name="referrer" content="same-origin">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<main></main>
<noscript>{noscript}</noscript>
<script type="application/json" id="page">{data}</script>
<script type="module">{script}</script>
</body>
</html>
"""


@cache
def rater_page() -> tuple[str, str]:
    """The page of every rater and every study, and the Content-Security-Policy that it needs.

    Nothing in it depends on the study: what that shows comes by the API, for the holder of the link.
    """
    style = language_style() + asset("css", "rate.css").read_text(encoding="utf-8")
    script = "\n".join(asset("js", f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    texts = templates("rate.")
    for key in REFUSALS:
        texts |= templates(key)
    html = PAGE.format(
        title=escape(Message("rate.title")),
        noscript=" ".join(by_language("rate.script").values()),
        style=style,
        script=script,
        data=_safe({"texts": texts, "sides": [vars(words) for words in SIDES]}),
    )
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; connect-src 'self'; "
        "media-src blob:; img-src data:; base-uri 'none'; form-action 'none'"
    )
    return html, policy


def build(service: Service) -> gr.Tab:
    """Add the tab, inside ``gr.Tabs()``: to open a study by its link, and to delete one's data by the code.

    Args:
        service: the rater's verbs.
    """

    def on_delete(code: str, request: gr.Request) -> tuple[str, str]:
        try:
            service.delete(code, address_of(request))
        except LipSyncError as error:
            return code, trouble(error)
        return "", good("rate.deleted")

    with gr.Tab(label("rate.tab"), id="rate") as tab, gr.Column(elem_classes="narrow"):
        gr.HTML(
            f"<h2>{localized('rate.enter')}</h2><p>{localized('rate.enter.how')}</p>"
            '<form class="enter" action="rate" method="get">'
            f'<label for="rate-link">{localized("rate.enter.link")}</label>'
            '<div><input id="rate-link" name="study" required autocomplete="off">'
            f'<button type="submit">{localized("rate.enter.open")}</button></div></form>',
            elem_id="rate-enter",
        )
        with gr.Accordion(label("rate.erase"), open=False, elem_id="rate-erase"):
            gr.HTML(f'<p class="figures">{localized("rate.erase.how")}</p>')
            code = gr.Textbox(label=label("rate.erase.code"), max_lines=1, elem_id="rate-code")
            button = gr.Button(label("rate.erase.do"), variant="stop", elem_id="rate-delete")
            message = gr.HTML(elem_id="rate-message")
    button.click(
        on_delete,
        code,
        [code, message],
        **QUIET,
        concurrency_limit=4,
    )
    return tab


def routes() -> list[Route]:
    """What ``launch(app_kwargs={"routes": ...})`` takes so that ``/rate?study=TOKEN`` is there."""
    return [Route("/rate", _answer, methods=["GET"])]


async def _answer(request: Request) -> Response:
    html, policy = rater_page()
    return HTMLResponse(html, headers={"Content-Security-Policy": policy, "Cache-Control": "no-cache"})


def _safe(data: Mapping[str, object]) -> str:
    """JSON that may stand inside a script element."""
    return json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")


def _hash(text: str) -> str:
    """The source expression that allows exactly this inline text."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
