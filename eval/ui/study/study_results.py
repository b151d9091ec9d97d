"""The results of one study: the table, the plots, excluded raters, the files."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import gradio as gr

from eval.compare.sets import Sets
from eval.report.opinions import TITLES
from eval.report.study_files import write_study
from eval.scoring.scores import write_text
from eval.study.statistics.correlation import StudyScores
from eval.study.statistics.results import Results, evaluate
from eval.study.statistics.study_scores import scores_of_study
from eval.study.storage.csv_import_export import export_csv, import_csv
from eval.study.storage.store import Store, StudyInfo
from eval.ui.study import metric_markup
from eval.ui.study import study_markup as markup
from lipsync.errors import LipSyncError
from lipsync.texts import Message
from lipsync.ui.languages import label
from lipsync.ui.page_events import PageState

ALL = "all-results.zip"
Update = dict[Any, Any]


class StudyResults:
    """The part of the Results tab below the head of a study.

    Args:
        store: the studies.
        sets: where a study's comparison set may have scores.
        folder: temporary; files made for downloading are put there.

    Attributes:
        panel: holds all.
        asked: components whose values ``show`` wants after the study: screening, question, scores.
        shown: components that ``show`` gives updates for.
        make, bring, shrink, files, message: of the downloads and the import.
    """

    def __init__(self, store: Store, sets: Sets, folder: Path) -> None:
        self.store, self.sets, self.folder = store, sets, folder
        with gr.Column(visible=False, elem_id="study-results") as self.panel:
            self.screening = gr.Checkbox(True, label=label("study.screening"), elem_id="study-screening")
            self.table = gr.HTML(elem_id="study-table")
            self.plot = gr.HTML(elem_id="study-plot")
            with gr.Accordion(label("results.clips"), open=False, elem_id="study-clips") as self.more:
                self.question = gr.Radio(
                    [], label=label("results.question"), interactive=True, elem_id="study-question"
                )
                self.clips = gr.HTML()
                self.bars = gr.HTML()
            with gr.Accordion(label("results.raters"), open=False, elem_id="study-raters"):
                self.excluded = gr.HTML()
            with gr.Accordion(label("results.tests"), open=False, elem_id="study-tests"):
                self.tests = gr.HTML()
            with gr.Accordion(label("results.metrics"), open=False, elem_id="study-metrics"):
                self.metrics = gr.HTML()
                self.scores = gr.File(
                    label=label("results.scores"), file_types=[".csv"], height=150, elem_id="study-scores"
                )
            self._files()
        # Not the radio itself: its choices change with the study, and an event under way brings an old one.
        self.chosen = PageState()
        self.asked = [self.screening, self.chosen, self.scores]
        self.shown = [
            self.panel, self.table, self.plot, self.more, self.chosen, self.question, self.clips, self.bars,
            self.excluded, self.tests, self.metrics,
        ]  # fmt: skip

    def _files(self) -> None:
        with gr.Accordion(label("results.files"), open=False, elem_id="study-files"):
            with gr.Row():
                self.make = gr.Button(label("results.make"), size="sm", elem_id="study-make")
                self.bring = gr.UploadButton(
                    label("results.import"), file_types=[".csv"], size="sm", elem_id="study-import"
                )
            self.shrink = gr.Checkbox(
                False,
                label=label("results.shrink"),
                info=label("results.shrink.info"),
                elem_id="study-shrink",
            )
            self.files = gr.File(
                label=label("results.download"), file_count="multiple", interactive=False, visible=False,
                height=260, elem_id="study-download",
            )  # fmt: skip
            self.message = gr.HTML(elem_id="study-message")

    def show(self, study: StudyInfo, screening: bool, question: str | None, scores: str | None) -> Update:
        """Everything about a study as of now."""
        from eval.report import study_plots

        try:
            found = evaluate(self.store, study.id, screening, self._scores(study, scores))
        except LipSyncError as error:
            return {self.panel: gr.update(visible=True), self.table: markup.trouble(error)}
        keys = [one.key for one in study.spec.questions]
        question = question if question in keys else keys[0]
        plots = study_plots.plots(found) if found.used else {}
        drawn = {
            name: markup.plot(name, study_plots.svg(figure, page=True)) for name, figure in plots.items()
        }
        main = [name for name in drawn if name == "mos" or name.startswith("strength-")]
        return {
            self.panel: gr.update(visible=True),
            self.table: markup.main_table(found) + (markup.legend(found.caveats) if found.raters else ""),
            self.plot: "".join(drawn[name] for name in main),
            self.more: gr.update(visible=bool(found.clips)),
            self.chosen: question,
            self.question: gr.update(choices=[(_title(key), key) for key in keys], value=question),
            self.clips: markup.clips(found, question),
            self.bars: "".join(drawn.get(f"{name}-{question}", "") for name in ("items", "histogram")),
            self.excluded: markup.exclusions(found),
            self.tests: markup.tests(found),
            self.metrics: metric_markup.metrics(found),
        }

    def hidden(self) -> Update:
        """No study is chosen."""
        return {self.panel: gr.update(visible=False)}

    def write(self, study: StudyInfo, screening: bool, scores: str | None, shrink: bool) -> list[str]:
        """All tables, plots and the raw marks as files, first a zip of all; those made before are removed."""
        from eval.report import study_plots

        place = self.folder / study.id
        shutil.rmtree(place, ignore_errors=True)
        found: Results = evaluate(self.store, study.id, screening, self._scores(study, scores), shrink)
        place.mkdir(parents=True)
        raw = place / "marks.csv"
        write_text(raw, export_csv(self.store, study.id))
        paths = [raw, *write_study(found, place, study=study.spec.title.en)]
        if found.used:
            paths += study_plots.write_plots(found, place)
        with ZipFile(place / ALL, "w", ZIP_DEFLATED) as archive:
            for path in paths:
                archive.write(path, path.name)
        return [str(path) for path in (place / ALL, *paths)]

    def take(self, study: StudyInfo, path: str) -> str:
        """Add the marks of another export; what was added, as HTML.

        Raises:
            ConfigError: the file does not fit.
        """
        taken = import_csv(self.store, study.id, Path(path))
        return markup.good(
            "results.taken",
            marks=Message("count.marks", count=taken.marks),
            clips=Message("count.clips", count=taken.trials),
            raters=Message("count.new_raters", count=taken.raters),
        )

    def _scores(self, study: StudyInfo, uploaded: str | None) -> StudyScores | None:
        """The scores that were uploaded, or those of the study's comparison set where it has some."""
        return scores_of_study(study.spec.source.set, self.sets, Path(uploaded) if uploaded else None)


def _title(key: str) -> str:
    return label(f"head.{TITLES[key]}") if key in TITLES else key
