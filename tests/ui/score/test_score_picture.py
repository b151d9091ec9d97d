"""The README's picture of the Score page: a talking portrait, and copies that are spoilt in known ways."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from lipsync.generate import Request, generate
from lipsync.media import VideoWriter, WriterOptions, read_audio, read_frames
from lipsync.methods import EMBEDDED
from tests.portal import ROOT
from tests.ui.pages import BROWSER, JOB, shoot
from tests.ui.score.test_score_browser import cells, choose, to_tab, upload
from tests.ui.visitors import Visitors

pytestmark = BROWSER

EXAMPLES = ROOT / "assets" / "examples"
SECONDS = 3.0
METRICS = ("PSNR", "SSIM", "LMD", "LSE-D", "LSE-C", "LipCorr")


@pytest.fixture(scope="module")
def talking(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], Path]:
    """The portrait says a sentence; beside it the same at a low bit rate, with other lips, and late."""
    folder = tmp_path_factory.mktemp("talking")
    frames = {}
    for name in ("english", "chinese"):
        out = folder / f"{name}.mp4"
        speech = folder / f"{name}.wav"
        soundfile.write(speech, read_audio(EXAMPLES / speech.name)[: round(16000 * SECONDS)], 16000)
        generate(Request(EXAMPLES / "portrait.mp4", speech, out, EMBEDDED, label=False))
        frames[name] = [frame.image for frame in read_frames(out)]

    def write(name: str, shown: list[np.ndarray], crf: int = 12) -> Path:
        path, sound = folder / f"{name}.mp4", EXAMPLES / "english.wav"
        with VideoWriter(
            path, 384, 384, 25.0, audio=sound, options=WriterOptions(duration=SECONDS, crf=crf)
        ) as writer:
            for image in shown:
                writer.write(image)
        return path

    real = frames["english"]
    spoilt = [
        write("portrait_low-bitrate", real, crf=30),
        write("portrait_other-lips", frames["chinese"]),
        write("portrait_late", [real[0]] * 5 + real[:-5]),
    ]
    return spoilt, write("portrait", real)


def test_spoilt_copies_score_as_they_were_spoilt(
    portal: str, visitors: Visitors, talking: tuple[list[Path], Path]
) -> None:
    generated, reference = talking
    page = visitors.open()
    page.goto(portal)
    to_tab(page)
    upload(page, generated, reference)
    choose(page, *METRICS)
    page.click("#score-start")
    head, *rows = cells(page)
    page.wait_for_selector(".vega-embed canvas, .vega-embed svg", timeout=JOB)
    shoot(page, "readme-score")
    names = [label.rpartition(" ")[0] for label in head]
    numbers = {row[0]: dict(zip(names, row, strict=True)) for row in rows}
    assert list(numbers) == ["low-bitrate", "other-lips", "late"]
    psnr, lmd, corr = (
        {name: float(row[column].split()[0]) for name, row in numbers.items()}
        for column in ("PSNR (dB)", "LMD (px)", "LipCorr")
    )
    assert max(corr, key=corr.__getitem__) == "low-bitrate"
    assert max(corr["other-lips"], corr["late"]) < 0.3 < corr["low-bitrate"]
    assert min(psnr, key=psnr.__getitem__) == max(lmd, key=lmd.__getitem__) == "late"
