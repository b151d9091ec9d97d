"""The portal: ``python app.py`` serves it. Only wiring happens here."""

import atexit
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lipsync.texts import for_terminal
from lipsync.ui.languages import label, translations

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # nothing is reported to anyone
# PyTorch's threads sleep when they wait, and leave the processor to those that read, blend and write.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# NumPy's spin instead. Its products here are of small matrices, for which one thread is faster.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import gradio as gr
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware

from eval.compare.sets import Sets
from eval.leaderboard.board import STORED, Board
from eval.study.server.admin import Admin
from eval.study.server.client_address import trusted_proxies
from eval.study.server.hub_backup import mirrored
from eval.study.server.service import Service
from eval.study.storage.store import Store
from eval.ui.access import Access
from eval.ui.compare import compare_page
from eval.ui.compare.compare_api import add_compare
from eval.ui.compare.compare_context import CompareContext, set_of_result
from eval.ui.leaderboard import leaderboard_page
from eval.ui.leaderboard.leaderboard_api import add_leaderboard
from eval.ui.score import score_page
from eval.ui.score.score_api import add_score
from eval.ui.score.score_queue import ScoreQueue
from eval.ui.study import rate_page, results_page
from eval.ui.study.login import LOGIN, login_route
from eval.ui.study.study_api import add_study
from lipsync.errors import LipSyncError
from lipsync.methods.auto import wanted
from lipsync.nn.memory import bound_memory
from lipsync.ui import generate_page, markup, theme, uploads
from lipsync.ui.choices.speech_api import add_speak
from lipsync.ui.generate_api import add_generate, refusal
from lipsync.ui.generate_queue import Jobs
from lipsync.ui.jobs import zerogpu
from lipsync.ui.jobs.batch_queue import VideoBatches
from lipsync.ui.page_events import QUIET, start_queue
from lipsync.ui.public import security_headers
from lipsync.ui.public.compression import Compression
from lipsync.ui.public.error_log import log_without_words
from lipsync.ui.public.no_fetching import fetch_nothing
from lipsync.ui.public.page_head import ICON, PageHead
from lipsync.ui.public.upload_limit import UploadLimit
from lipsync.ui.settings import Settings, read_settings
from lipsync.ui.uploads import is_photo
from lipsync.ui.visitor import VisitorCookie, signing_key
from lipsync.weights import hub

HOUR = 3600.0
DAY = 24 * HOUR


def build(
    jobs: Jobs,
    batches: VideoBatches,
    queue: ScoreQueue,
    context: CompareContext,
    studies: Service,
    max_seconds: float | None,
) -> gr.Blocks:
    """The page with all its tabs."""
    # Uploads and copies of results are removed a day after they were made; looked for every hour.
    with gr.Blocks(title="Lip sync", delete_cache=(int(HOUR), int(DAY))) as demo:
        gr.HTML(markup.header())
        with gr.Tabs(elem_id="tabs") as tabs:
            made = generate_page.build(demo, jobs, batches, max_seconds)
            compared = compare_page.build(demo, context, max_seconds)
            scored = score_page.build(queue)
            board = Board(studies.store)
            leaderboard_page.build(board, context.access)
            rate_page.build(studies)
            results_page.build(studies.store, context.access, context.tasks)
        # What the page's address names is open, and the address names what is open: address.js, portal.js.
        demo.load(None, None, tabs, js="() => namedTab()")
        tabs.change(None, js="() => document.dispatchEvent(new Event('opened'))")
        send_to_compare(tabs, context, made, compared)
        send_to_score(tabs, made, scored)
        gr.HTML(markup.footer())
        add_generate(jobs, max_seconds)
        add_speak(jobs.speeches)
        add_compare(context)
        add_score(queue)
        add_leaderboard(board, context.access)
        add_study(studies)
    return demo


def send_to_compare(
    tabs: gr.Tabs, context: CompareContext, made: generate_page.GenerateTab, compared: compare_page.CompareTab
) -> None:
    """A button under the result that opens it in the Compare tab, beside the video it was made from."""
    with made.actions:
        button = gr.Button(label("result.compare"), elem_id="to-compare")

    # A set holds videos; of a GIF no video is left.
    made.result.change(
        lambda path: gr.update(visible=not generate_page.is_gif(path)), made.result, button,
        **QUIET,
    )  # fmt: skip

    def send(result: str, source: str, request: gr.Request) -> list[Any]:
        try:
            made = set_of_result(context, context.access.sets_of(request), result, source)
        except LipSyncError as error:  # no room for another set, or the result is gone
            raise refusal(error) from error
        return [gr.Tabs(selected="compare"), made]

    button.click(
        send,
        [made.result, made.source],
        [tabs, compared.made],
        **QUIET,
    )


def send_to_score(tabs: gr.Tabs, made: generate_page.GenerateTab, scored: score_page.ScoreTab) -> None:
    """A button under the result that opens the Score tab with the result and the video it was made from."""
    with made.actions:
        button = gr.Button(label("result.score"), elem_id="to-score")
    button.click(
        lambda result, source: [gr.Tabs(selected="score"), [result], None if is_photo(source) else [source]],
        [made.result, made.source],
        [tabs, scored.generated, scored.reference],
        **QUIET,
    )


def announce(settings: Settings) -> Callable[[str], None]:
    """What tells who started the portal how to get into the Results tab."""

    def tell(token: str) -> None:
        if settings.here is None:
            print(f"* {for_terminal('portal.no_login')}", flush=True)
        else:
            link = f"{settings.here}{LOGIN}?token={token}"
            print(f"* {for_terminal('portal.token', link=link)}", flush=True)

    return tell


def main() -> None:
    """Serve until interrupted; `lipsync.ui.settings` says what of the environment adjusts it."""
    bound_memory()
    log = logging.getLogger("lipsync")  # of others only warnings are shown
    log.setLevel(logging.INFO)
    log.addHandler(logging.StreamHandler())
    settings = read_settings(os.environ)
    if settings.space:  # nobody runs `make` there
        threading.Thread(target=hub.fetch_defaults, args=(wanted(),), daemon=True).start()
    store = Store()
    atexit.register(store.close)
    admin = Admin.from_environment(proxies=trusted_proxies(), announce=announce(settings))
    private = settings.private and admin.local
    access = Access(Sets(store.folder), store, admin, private, settings.visitor_jobs, settings.visitor_disk)
    visitors = access.limits
    if not access.private:
        log_without_words()
        fetch_nothing()
    jobs = Jobs(keep=DAY, work=zerogpu.on_gpu(), limit=settings.max_job, visitors=visitors)
    atexit.register(jobs.close)
    batches = VideoBatches(jobs, keep=DAY, visitors=visitors)
    atexit.register(batches.close)
    queue = ScoreQueue(limit=settings.max_job, visitors=visitors)
    atexit.register(queue.close)
    context = CompareContext.of(store.folder, access, jobs, visitors)
    atexit.register(context.close)
    studies, mirror = mirrored(store, os.environ, STORED)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as a Space is stopped; launch() then returns
    demo = build(jobs, batches, queue, context, studies, settings.max_seconds)
    start_queue(demo)
    demo.launch(
        server_name=settings.server_name,
        server_port=settings.port,
        max_file_size=settings.max_upload,
        allowed_paths=[
            str(folder)
            for folder in (
                uploads.EXAMPLES,
                *jobs.folders,
                batches.folder,
                queue.folder,
                context.links.folder,
                store.clips,
            )
        ],
        footer_links=["api"],  # without it nothing can open the API's page; portal.js does from the foot
        run_history=False,
        i18n=gr.I18n(**translations(uploads.method_texts())),
        theme=theme.theme(),
        css_paths=theme.CSS,
        js=theme.script(),
        app_kwargs={
            "routes": [*rate_page.routes(), login_route(admin)],
            "middleware": [
                security_headers.middleware(settings.frame_ancestors),
                Middleware(VisitorCookie, key=signing_key(store.folder), framed=settings.framed),
                Middleware(UploadLimit, limits=visitors, folder=Path(get_upload_folder())),
                Middleware(Compression),
                Middleware(PageHead),
            ],
        },
        favicon_path=ICON,
        mcp_server=settings.mcp,
        ssr_mode=False,  # its server in front knows no routes but Gradio's own
    )
    if mirror is not None:  # nobody is answered any more
        mirror.close()


if __name__ == "__main__":
    try:
        main()
    except LipSyncError as problem:
        print(for_terminal(problem.message), file=sys.stderr)
        sys.exit(2)
