"""The form as a job was given it, whatever stands in the form when a person asks for that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from lipsync.assets import asset
from lipsync.generate import Request, Result
from lipsync.methods import DEFAULT
from lipsync.ui.generate_page import build
from lipsync.ui.generate_queue import Jobs
from lipsync.ui.jobs.batch_queue import VideoBatches
from lipsync.ui.markup import address

FACE = asset("examples", "portrait.mp4")
OTHER = asset("examples", "portrait.jpg")


def nothing(request: Request, *_: Any) -> Result:
    raise RuntimeError


@pytest.fixture
def page() -> Iterator[tuple[Jobs, dict[str, Any]]]:
    """Jobs, and what the events of the Generate page do, by name."""
    jobs = Jobs(work=nothing)
    batches = VideoBatches(jobs)
    with gr.Blocks() as demo, gr.Tabs():
        build(demo, jobs, batches)
    yield jobs, {str(event.name): event.fn for event in demo.fns.values()}
    batches.close()
    jobs.close()


def test_what_the_job_was_not_given_is_taken_out_of_the_form(page: tuple[Jobs, dict[str, Any]]) -> None:
    """A recording of the camera would count in place of the job's face."""
    jobs, events = page
    asked = Request(FACE, None, Path("o.mp4"), face_range=(1.0, 2.0))
    form = events["on_restore"].__self__.inputs
    filled_in = events["on_restore"](jobs.submit(asked).id, [], [], DEFAULT)
    assert filled_in[form.face] == str(FACE)
    assert filled_in[form.camera] is None
    assert filled_in[form.learn] is False
    assert filled_in[form.minutes]["visible"] is False
    assert filled_in[form.own_sound] is True
    assert filled_in[form.face_cut.restored] == (str(FACE), (1.0, 2.0))


@pytest.mark.parametrize(
    ("job", "part"),
    [((str(FACE), (3.0, 4.0)), (3.0, 4.0)), ((str(FACE), None), (0.0, 5.0)), ((str(OTHER), None), None)],
)
def test_the_part_of_the_job_takes_the_place_of_a_chosen_one(
    page: tuple[Jobs, dict[str, Any]], job: tuple[str, Any], part: tuple[float, float] | None
) -> None:
    """The file stands in the form already, with another part; None: that part stays."""
    shown = {"src": address(FACE), "kind": "video", "seconds": 5.0, "start": 1.0, "end": 2.0}
    update = page[1]["_of_files"](str(FACE), None, job, shown)
    assert (update.get("start"), update.get("end")) == (part or (None, None))
