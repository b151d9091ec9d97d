"""The live part of the Generate tab, without a browser: pieces of a microphone's sound in, pictures out."""

import base64
import io
import re
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from lipsync.audio import RATE
from lipsync.live import MOST, Live, Microphone
from lipsync.media import read_audio
from lipsync.methods import AUTO, EMBEDDED
from lipsync.methods.auto import candidates
from lipsync.ui.generate_queue import Jobs
from lipsync.ui.live_page import LivePart, moving
from lipsync.ui.request_form import Inputs
from lipsync.ui.uploads import EXAMPLES

PHOTO = str(EXAMPLES / "portrait.jpg")


@pytest.fixture(scope="module")
def part():
    jobs = Jobs()
    with gr.Blocks():
        part = LivePart(Inputs(jobs))
    yield part
    jobs.close()


def pictures(html: str) -> list[np.ndarray]:
    data = re.search(r'src="data:image/webp;base64,([^"]+)"', html)
    assert data is not None
    with Image.open(io.BytesIO(base64.b64decode(data[1]))) as image:
        frames = []
        for k in range(getattr(image, "n_frames", 1)):
            image.seek(k)
            frames.append(np.asarray(image.convert("RGB")).astype(int))
    return frames


def test_speaking_moves_the_picture_and_says_the_delay(part) -> None:
    *_, ready = part.on_begin(PHOTO, None, False, EMBEDDED, -1, 1.6)  # wide, so that a few frames show it
    talk, shown, facts = ready[part.talk], [], ""
    assert talk is not None
    voice = (read_audio(EXAMPLES / "english.wav")[8000:32000] * 32767).astype(np.int16)
    for piece in np.array_split(voice, 8):
        found = part.on_piece(talk, (RATE, piece))
        if part.screen in found:
            shown += pictures(found[part.screen])
            facts = found[part.facts]
    # The first piece only begins to fill the wait. A slow machine passes over frames, but shows some.
    assert 4 <= len(shown) <= 32
    change = np.max([np.abs(shown[0] - frame) for frame in shown], axis=0)
    assert change.max() > 25, "the mouth moves"
    assert np.median(change) < 4, "and nothing else"
    assert "ms from sound to picture" in facts
    # The wait, a piece of 200 ms, and what drawing would take on a machine that needs 10 ms a frame.
    talk.drawing, talk.frames = 0.01, talk.frames[:1] * 5
    assert talk.delay(0.2) == pytest.approx(talk.live.wait + 0.2 + 0.05, abs=0.001)


def test_the_automatic_choice_is_one_that_can_speak_live(part, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIPSYNC_OFFLINE", "1")
    *_, ready = part.on_begin(PHOTO, None, False, AUTO, -1, 1.0)
    best = candidates(live=True)[0].card.name
    assert ready[part.talk].live.wait <= MOST
    assert f"method {best}" in ready[part.facts]


def test_nothing_happens_before_a_face_is_ready(part) -> None:
    assert part.talk not in part.on_piece(None, (RATE, np.zeros(3200, np.int16)))


def test_a_face_that_did_not_agree_is_not_animated(part, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.jpg"
    stranger.write_bytes(Path(PHOTO).read_bytes() + b" ")
    *_, refused = part.on_begin(str(stranger), None, False, AUTO, -1, 1.0)
    assert "agreed" in refused[part.facts]
    assert part.talk not in refused


def test_pieces_play_at_their_own_pace() -> None:
    frames = [np.full((32, 32, 3), 50 * k, np.uint8) for k in range(5)]
    html = moving(frames, 0.2)
    data = re.search(r"base64,([^\"]+)", html)
    assert data is not None
    with Image.open(io.BytesIO(base64.b64decode(data[1]))) as image:
        assert image.n_frames == 5
        image.seek(1)
        image.load()
        assert image.info["duration"] == 40
        assert image.info["loop"] == 1
    assert len(pictures(moving(frames[:1], 0.2))) == 1


def test_a_microphone_of_any_rate_gives_one_sound_without_seams() -> None:
    t = np.arange(48000) / 48000
    stereo = (np.stack([np.sin(2 * np.pi * 440 * t)] * 2, 1) * 30000).astype(np.int16)
    microphone = Microphone(48000)
    heard = np.concatenate([microphone.take(piece) for piece in np.array_split(stereo, 7)])
    assert 14000 < len(heard) <= 16000
    expected = 30000 / 32767 * np.sin(2 * np.pi * 440 * np.arange(len(heard)) / RATE)
    np.testing.assert_allclose(heard[200:], expected[200:], atol=2e-3)


def test_a_slow_machine_draws_fewer_frames_and_keeps_up() -> None:
    from lipsync.methods import load_method

    voice = read_audio(EXAMPLES / "english.wav")[8000:24000]
    live = Live(Path(PHOTO), load_method(EMBEDDED))
    assert len(live.push(voice, most=4)) == 4
    due = int((1 - live.wait) * 25) + 1  # of these the last one drawn is the newest
    assert live._next == due == 15
    assert len(live.finish()) == 25 - due
