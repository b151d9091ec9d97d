"""Captions against subtitlers' limits: widths of lines, times, and nothing lost or moved."""

import random

import pytest

from lipsync.audio.caption_lines import captions_of
from lipsync.audio.recognition import SpokenWord
from lipsync.media.output.captions import Caption

ENGLISH = (
    "Good morning. Every sound we make has its own shape of the lips, and whoever watches a mouth closely "
    "can often understand a speaker without hearing a single word! Yes. That takes practice, a good light, "
    "and a face that is turned to the camera. https://example.org/an-address-that-no-line-could-hold-in-full-size"
)
CHINESE = (
    "早上好，每一个音，嘴唇都有自己的形状。仔细看嘴的人往往不用听也能明白"
    "说话的内容！这需要练习，好的光线和正对镜头的脸。"
)


def spoken(texts: list[str], pace: float = 0.3, start: float = 0.0) -> list[SpokenWord]:
    return [SpokenWord(start + k * pace, start + (k + 0.9) * pace, text) for k, text in enumerate(texts)]


def english(pace: float = 0.3) -> list[SpokenWord]:
    return spoken([f" {word}" for word in ENGLISH.split()], pace)


def joined(captions: tuple[Caption, ...]) -> str:
    return "".join("".join(caption.lines) for caption in captions).replace(" ", "")


def check_times(captions: tuple[Caption, ...], seconds: float) -> None:
    free = 0.0
    for caption in captions:
        assert free <= caption.start < caption.end <= seconds
        assert 1.0 - 1e-6 <= caption.end - caption.start <= 7.0 + 1e-6
        assert 1 <= len(caption.lines) <= 2
        free = caption.end


@pytest.mark.parametrize("pace", [0.15, 0.3, 0.9, 2.5])
def test_english_stays_within_two_lines_of_42_characters_and_1_to_7_seconds(pace: float) -> None:
    words = english(pace)
    captions = captions_of(words, words[-1].end + 1)
    check_times(captions, words[-1].end + 1)
    assert max(len(line) for caption in captions for line in caption.lines) <= 42
    assert joined(captions) == ENGLISH.replace(" ", "")


def test_chinese_stays_within_two_lines_of_16_characters() -> None:
    words = spoken([*CHINESE.replace("，", "").replace("。", "").replace("！", "")], 0.2)
    captions = captions_of(words, words[-1].end)
    check_times(captions, words[-1].end)
    widest = max(len(line) for caption in captions for line in caption.lines)
    assert 10 < widest <= 16
    assert joined(captions) == "".join(word.text for word in words)


def test_a_sentence_and_a_pause_end_a_caption_but_one_short_word_does_not() -> None:
    words = spoken([" Every", " sound", " we", " make", " counts.", " Yes.", " We", " listen."])
    assert [caption.lines for caption in captions_of(words, 3)] == [
        ("Every sound we make counts.",),
        ("Yes. We listen.",),
    ]
    late = spoken([" And", " now", " on"], start=6.0)
    captions = captions_of([*words[:3], *late], 8)
    assert [caption.lines for caption in captions] == [("Every sound we",), ("And now on",)]
    assert captions[0].end == pytest.approx(words[2].end + 0.5)  # it lingers, not until the next one
    assert captions[1].start == pytest.approx(6.0)


def test_a_long_sentence_is_divided_behind_its_comma() -> None:
    text = "Whoever watches the mouth of a speaker closely, can understand him without hearing a single word"
    captions = captions_of(spoken([f" {word}" for word in text.split()], 0.2), 10)
    assert captions[0].lines[-1].endswith("closely,")
    assert captions[1].lines[0].startswith("can understand")


def test_what_is_spoken_after_the_video_has_no_caption_and_the_last_one_is_not_too_short() -> None:
    words = [SpokenWord(3.0, 3.3, " One."), SpokenWord(4.6, 4.9, " Two."), SpokenWord(9.0, 9.5, " Three.")]
    captions = captions_of(words, 5.0)
    assert [caption.lines for caption in captions] == [("One.",), ("Two.",)]
    assert (captions[1].start, captions[1].end) == (4.0, 5.0)
    assert captions_of([], 5.0) == ()


@pytest.mark.parametrize("seed", range(20))
def test_no_speech_whatever_breaks_the_limits(seed: int) -> None:
    draw = random.Random(seed)
    words, now = [], 0.0
    for _ in range(80):
        now += draw.choice((0, 0, 0, 0.1, 1.5))
        length = draw.choice((1, 3, 7, 20, 60))
        text = draw.choice((" " + "a" * length, "字" * min(length, 20))) + draw.choice(
            ("", "", ",", ".", "。")
        )
        words.append(SpokenWord(now, now + draw.uniform(0.05, 1.5), text))
        now = words[-1].end
    captions = captions_of(words, now + 20)
    check_times(captions, now + 20)
    for caption in captions:
        for line in caption.lines:
            assert len(line) + line.count("字") * (42 / 16 - 1) + line.count("。") * (42 / 16 - 1) <= 42
    assert joined(captions) == "".join(word.text.strip() for word in words)
