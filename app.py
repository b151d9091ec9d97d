"""The portal: ``python app.py`` serves it. Only wiring happens here."""

import atexit
import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # nothing is reported to anyone

import gradio as gr

from eval.ui import score
from eval.ui.texts import TEXTS as SCORE_TEXTS
from eval.ui.work import Works
from lipsync.texts import TEXTS, say, translations
from lipsync.ui import generate, intake, markup, theme
from lipsync.ui.api import add_generate
from lipsync.ui.intake import is_photo
from lipsync.ui.jobs import Jobs

HOUR = 3600.0


def build(jobs: Jobs, works: Works, max_seconds: float | None) -> gr.Blocks:
    """The page with all its tabs."""
    # Uploads and copies of results are removed a day after they were made; looked for every hour.
    with gr.Blocks(title="Lip sync", delete_cache=(int(HOUR), int(24 * HOUR))) as demo:
        gr.HTML(markup.header())
        with gr.Tabs() as tabs:
            made = generate.build(demo, jobs, max_seconds)
            scored = score.build(works)
        send_to_score(tabs, made, scored)
        gr.HTML(markup.footer())
        add_generate(jobs, max_seconds)
    return demo


def send_to_score(tabs: gr.Tabs, made: generate.GenerateTab, scored: score.ScoreTab) -> None:
    """A button under the result that opens the Score tab with the result and the video it was made from."""
    with made.actions:
        button = gr.Button(say("result.score"), elem_id="to-score")
    button.click(
        lambda result, source: [gr.Tabs(selected="score"), [result], None if is_photo(source) else [source]],
        [made.result, made.source],
        [tabs, scored.generated, scored.reference],
        show_progress="hidden",
        api_visibility="private",
    )


def main() -> None:
    """Serve until interrupted; HOST, PORT, LIPSYNC_MAX_SECONDS and LIPSYNC_MAX_UPLOAD adjust it."""
    jobs = Jobs(keep=HOUR)
    atexit.register(jobs.close)
    works = Works()
    atexit.register(works.close)
    demo = build(jobs, works, float(os.environ.get("LIPSYNC_MAX_SECONDS", 600)))
    demo.queue(max_size=64, default_concurrency_limit=4)
    demo.launch(
        server_name=os.environ.get("HOST", "127.0.0.1"),
        server_port=int(os.environ.get("PORT", 7860)),
        max_file_size=os.environ.get("LIPSYNC_MAX_UPLOAD", "500mb"),
        allowed_paths=[str(intake.EXAMPLES), str(jobs.folder), str(works.folder)],
        footer_links=[],
        run_history=False,
        i18n=gr.I18n(**translations(TEXTS, intake.method_texts(), SCORE_TEXTS)),
        theme=theme.theme(),
        css_paths=theme.CSS,
        js=theme.script(),
    )


if __name__ == "__main__":
    main()
