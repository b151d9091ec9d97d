"""The lip-reading expert: CTC by hand, letters, errors, the table of words, and that it learns."""

import itertools
import math

import numpy as np
import pytest
import torch

from lipsync.data.transcripts import Transcripts
from lipsync.errors import ConfigError
from lipsync.experts.lip_reader import (
    ALPHABET,
    LipReader,
    LipReaderConfig,
    letter_errors,
    lip_reading_loss,
    read_off,
    spell,
)
from lipsync.experts.training.lip_reader_stage import (
    LipReaderStage,
    LipReaderTraining,
    pack_texts,
    unpack_texts,
)
from lipsync.training.loop import RunConfig, Update, fit
from tests.training.toy import toy_clip


def ctc_by_hand(said: np.ndarray, text: str) -> float:
    """-log P(text) as the sum over all ways of saying it, from its definition."""
    target, total = [ALPHABET.index(c) + 1 for c in text], 0.0
    for path in itertools.product(range(said.shape[1]), repeat=len(said)):
        merged = [c for c, _ in itertools.groupby(path)]
        if [c for c in merged if c] == target:
            total += math.prod(said[t, c] for t, c in enumerate(path))
    return -math.log(total)


def test_the_loss_is_the_sum_over_all_ways():
    rng = np.random.default_rng(0)
    said = np.full((2, 4, 1 + len(ALPHABET)), 1e-30)
    said[..., :5] = rng.dirichlet(np.ones(5), (2, 4))  # only blank, space, apostrophe, a and b
    texts = ["ab", "a"]
    expected = np.mean([ctc_by_hand(said[i, :, :5], t) / len(t) for i, t in enumerate(texts)])
    found = lip_reading_loss(torch.from_numpy(said).float().log(), texts)
    assert float(found) == pytest.approx(expected, rel=1e-4)


def test_silence_and_texts_that_do_not_fit_do_not_count():
    said = torch.randn(3, 4, 29).log_softmax(2).requires_grad_()
    loss = lip_reading_loss(said, ["ab", "", "much too long"])
    assert loss.item() == pytest.approx(float(lip_reading_loss(said[:1], ["ab"])), rel=1e-5)
    loss.backward()
    assert said.grad is not None
    assert torch.isfinite(said.grad).all()


def test_reads_off_the_likeliest_letters():
    classes = [0, 3, 3, 0, 3, 4, 0]  # blank a a blank a b blank
    said = torch.full((1, 7, 29), -9.0)
    said[0, range(7), classes] = 0.0
    assert read_off(said) == ["aab"]


@pytest.mark.parametrize(
    ("text", "letters"), [("Don’t, Stop!", "don't stop"), ("Café  No. 5", "cafe no"), ("…", "")]
)
def test_spells(text, letters):
    assert spell(text) == letters


def test_chinese_is_spelt_in_pinyin():
    try:
        import pypinyin  # noqa: F401
    except ImportError:
        with pytest.raises(ConfigError, match="pypinyin"):
            spell("你好")
    else:
        assert spell("你好") == "ni hao"


@pytest.mark.parametrize(
    ("read", "said", "errors"), [("", "abc", 3), ("abc", "abc", 0), ("kitten", "sitting", 3)]
)
def test_letter_errors(read, said, errors):
    assert letter_errors(read, said) == errors


def test_words_of_a_window(tmp_path):
    rows = "clip,start_s,end_s,word\nc,0.0,0.4,Hello\nc,0.5,1.0,there\nc,1.1,2.0,you\n"
    (tmp_path / "words.csv").write_text(rows)
    words = Transcripts(tmp_path)
    clip = toy_clip("c", frames=60)
    assert words.text(clip, 0, 26) == "hello there"
    assert words.text(clip, 5, 30) == "there"  # hello began before, you ends behind
    assert words.text(toy_clip("d", frames=60), 0, 60) == ""
    with pytest.raises(ConfigError, match=r"has no words\.csv"):
        Transcripts(tmp_path / "none")
    (tmp_path / "words.csv").write_text("clip,word\n")
    with pytest.raises(ConfigError, match="columns"):
        Transcripts(tmp_path)


def test_texts_survive_being_packed():
    texts = ["don't stop", "", "a"]
    assert unpack_texts(pack_texts(texts)) == texts


def test_learns_two_words_by_heart(tmp_path):
    """Mouths that open in two rhythms say two words; after some steps they are read."""
    rows = "clip,start_s,end_s,word\nc0,0.1,2.9,moma\nc1,0.1,2.9,pie\n"
    (tmp_path / "words.csv").write_text(rows)
    clips = [toy_clip(f"c{i}", seed=i, frames=75) for i in range(2)]
    torch.manual_seed(0)
    model = LipReaderConfig(width=0.125, dropout=0.0)
    config = LipReaderTraining(model, words=str(tmp_path), clips=2, learning_rate=3e-3)
    stage = LipReaderStage(config, clips, clips)
    update = Update(RunConfig(device="cpu"), torch.device("cpu"))
    batch = stage.batch(np.random.default_rng(1))
    assert batch["mouths"].shape == (2, 75, 3, 48, 48)
    losses = [stage.step(batch, update, 0.3)["loss"] for _ in range(40)]
    assert losses[-1] < losses[0] / 3
    stage.net.eval()
    assert stage.check(tmp_path, 1)["letter_error_rate"] <= 1.5
    fit(stage, RunConfig(steps=1, device="cpu"), tmp_path, quiet=True)  # the whole loop takes it too
    assert LipReader.from_pretrained(tmp_path / "lip-reader").config == model
