"""Training of the multi-reference network: what it hears and is shown, its losses, and that it learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lipsync.audio.encoders import load_encoder
from lipsync.audio.selector import select
from lipsync.audio.speech_input import SpeechInput
from lipsync.data.clips import load_clips
from lipsync.data.speech_stretches import SpeechStretches, gather
from lipsync.errors import ConfigError
from lipsync.experts.lip_reader import LipReader, LipReaderConfig
from lipsync.experts.perceptual import load_lpips
from lipsync.experts.syncx import SyncX, SyncXConfig
from lipsync.experts.training.mouth_stage import MouthConfig, MouthStage
from lipsync.media import read_audio
from lipsync.methods import load_method
from lipsync.methods.multi_reference.config import MultiReferenceConfig
from lipsync.methods.multi_reference.model import MultiReference
from lipsync.methods.multi_reference.reference_windows import WindowSampling, draw_reference_windows
from lipsync.methods.multi_reference.train import (
    MultiReferenceStage,
    MultiReferenceTraining,
    perceptual_pyramid,
)
from lipsync.methods.multi_reference.train_listener import (
    ListenerConfig,
    ListenerStage,
    correct_tokens,
    load_head,
    load_listener,
    movement,
    opened,
)
from lipsync.training.loop import RunConfig, Update
from lipsync.training.schedules import warm_cosine
from lipsync.weights import hub
from tests.training.toy import toy_clip, toy_folder

AUDIO = SpeechInput(dimension=16)
MODEL = MultiReferenceConfig(audio=AUDIO, size=64, levels=3, width=0.125, spade=1, lower_half=True)
BASE = MultiReferenceTraining(model=MODEL, windows=4)


@pytest.fixture(scope="module")
def clips():
    return [toy_clip(f"c{i}", seed=i, frames=75) for i in range(3)]


@pytest.fixture(scope="module")
def mouth_expert(clips, tmp_path_factory) -> str:
    """Some weights of the right shape."""
    folder = tmp_path_factory.mktemp("mouth")
    MouthStage(MouthConfig(), clips, []).export(folder)
    return str(folder / "mouth.safetensors")


def stage_of(clips, **changes) -> MultiReferenceStage:
    torch.manual_seed(1)
    return MultiReferenceStage(replace(BASE, **changes), clips, clips[:1])


def values_of(stage, batch) -> dict[str, float]:
    return stage.step(batch, Update(RunConfig(device="cpu"), torch.device("cpu")), 0.5)


def test_warm_up_then_cosine():
    assert [warm_cosine(p, 0.1) for p in (0.0, 0.05, 0.1, 0.55, 1.0)] == pytest.approx([0, 0.5, 1, 0.5, 0])


def test_each_frame_hears_the_vectors_around_it(clips):
    spec = SpeechInput(dimension=16, count=5, spacing=2)
    speech_stretches = SpeechStretches(spec)
    stretch = torch.from_numpy(speech_stretches.stretch(clips[0], 30, 3))[None]
    heard = gather(stretch, torch.from_numpy(speech_stretches.places(3)))[0]  # (T, F, rows, window)
    for frame in range(3):
        at = 30 + frame + np.array([-4, -2, 0, 2, 4])
        assert np.array_equal(heard[frame], clips[0].speech(at, spec.features)[:, 0])


def test_a_given_encoders_vectors_are_those_that_the_selector_picks(tmp_path, monkeypatch):
    """The mel spectrogram as the given encoder: what training hears is what use hears."""
    monkeypatch.setenv("LIPSYNC_CACHE", str(tmp_path / "cache"))
    clip = load_clips(toy_folder(tmp_path, ("train",)))[0]
    spec = SpeechInput("mel", dimension=80, rate=80.0, count=5, spacing=2)
    speech_stretches = SpeechStretches(spec)
    encoded = load_encoder("mel").encode(read_audio(tmp_path / "c0.mp4"))
    for frame in (0, 31, 74):
        expected = select(encoded, 80.0, np.array([frame / 25]), count=5, spacing=2)[0]
        assert np.allclose(
            speech_stretches.around(clip, frame), expected, atol=2e-3
        )  # kept in half precision


def test_a_frozen_encoder_hears_each_clip_once_and_the_same(clips):
    torch.manual_seed(2)
    spec = SpeechInput(dimension=16, count=3, context=2)
    encoder = MultiReference(replace(MODEL, audio=spec)).speech.eval()
    speech_stretches = SpeechStretches(spec)
    with torch.no_grad():
        at = torch.from_numpy(speech_stretches.places(4))
        expected = gather(encoder(torch.from_numpy(speech_stretches.stretch(clips[0], 30, 4))[None]), at)
    calls = []
    speech_stretches.freeze(lambda windows: calls.append(len(windows)) or encoder.encode_windows(windows))
    found = gather(torch.from_numpy(speech_stretches.stretch(clips[0], 30, 4))[None], at)
    assert torch.allclose(found, expected, atol=2e-3)  # kept in half precision
    speech_stretches.stretch(clips[0], 10, 4, np.random.default_rng(0))
    assert calls == [75] * 3  # the clip, and two varied soundings


def test_a_core_learns_to_hear_by_another_encoder(clips, tmp_path):
    torch.manual_seed(3)
    model = replace(MODEL, audio=replace(AUDIO, context=2), warp_references=True)
    core = MultiReference(model)
    core.save_pretrained(tmp_path / "core")
    ListenerStage(ListenerConfig(model), clips, []).export(tmp_path)
    head = load_head(str(tmp_path / "listener.safetensors"))
    other = SpeechInput("mel", dimension=80, rate=80.0, count=11, spacing=3)
    config = ListenerConfig(
        model=replace(MODEL, audio=other),
        core=str(tmp_path / "core"),
        listener=str(tmp_path / "listener.safetensors"),
        frames=50,
    )
    folder = toy_folder(tmp_path, ("train",))
    fewer = replace(config, model=replace(MODEL, audio=replace(other, count=5)))
    with pytest.raises(ConfigError, match="11 speech vectors per frame"):
        ListenerStage(fewer, load_clips(folder), [])
    stage = ListenerStage(replace(config, stretches=2, dropout=0.0, size_weight=1.0), load_clips(folder), [])
    batch = stage.batch(np.random.default_rng(0))
    losses = [stage.step(batch, Update(RunConfig(device="cpu"), torch.device("cpu")), 0.3) for _ in range(12)]
    assert losses[-1]["tokens"] < 0.7 * losses[0]["tokens"]
    assert torch.equal(stage.net.head[1].weight, head.weight)  # what a token tells stays what it was
    stage.export(tmp_path)
    again = MultiReference.from_pretrained(tmp_path / "multi-reference")
    assert again.config == replace(core.config, audio=other)
    assert torch.equal(again.image_decoder.paint.weight, core.image_decoder.paint.weight)
    assert torch.equal(again.listener.norm.weight, stage.net.listener.norm.weight)


def test_training_at_the_seen_size_gives_a_core_of_the_full_one(clips, tmp_path):
    full = replace(MODEL, size=128, shrink=2, warp_references=True, visible=0.4)
    stage = stage_of(clips, model=full, train_at_network_size=True, framed_alike=True, freeze_listener=True)
    batch = stage.batch(np.random.default_rng(0))
    assert batch["frames"].shape[-1] == 64
    before = {k: v.clone() for k, v in stage.net.state_dict().items()}
    assert values_of(stage, batch)["l1"] > 0
    moved = {k.split(".")[0] for k, v in stage.net.state_dict().items() if not torch.equal(v, before[k])}
    assert moved == {"image_encoder", "image_decoder", "fusion"}
    stage.export(tmp_path)
    core = MultiReference.from_pretrained(tmp_path / "multi-reference")
    assert core.config == full
    assert torch.equal(core.image_decoder.paint.weight, stage.net.image_decoder.paint.weight)


def test_references_are_far_and_spread_from_closed_to_open(clips):
    rng = np.random.default_rng(0)
    batch = draw_reference_windows([clips[0]] * 20, WindowSampling(5, 64, 3), SpeechStretches(AUDIO), rng)
    assert batch["frames"].shape == (20, 5, 3, 64, 64)
    assert batch["references"].shape == (20, 3, 3, 64, 64)
    # The toy's mouth is dark: the wider it is open, the darker the reference. Light differs by window only.
    bright = batch["references"].float().mean((2, 3, 4))
    assert (bright[:, 0] > bright[:, 1]).float().mean() > 0.9
    assert (bright[:, 1] > bright[:, 2]).float().mean() > 0.9


def test_windows_may_be_drawn_evenly_over_openings(clips):
    clip = toy_clip("rare", frames=75)
    clip.shape[:, 0] = 0.0
    clip.shape[40, 0] = 1.0  # one frame in 75 is open

    def share(wide: float) -> float:
        rng = np.random.default_rng(0)
        sampling = WindowSampling(1, 64, 3, wide_mouth_fraction=wide)
        found = draw_reference_windows([clip] * 60, sampling, SpeechStretches(AUDIO), rng)
        return float((found["start"] == 40).float().mean())

    assert share(0.0) < 0.1
    assert 0.35 < share(1.0) < 0.65


def test_an_opened_mouth_is_asked_for_as_much_wider():
    shape = torch.tensor([[0.2, 0.5, 0.9, 1.0]])
    assert torch.allclose(opened(shape, torch.tensor([1.5])), torch.tensor([[0.3, 0.6, 0.9, 1.0]]))
    assert torch.equal(opened(shape, torch.tensor([1.0])), shape)
    wide = torch.tensor(
        [[0.4, 0.7, 0.9, 1.0], [0.6, 0.9, 0.9, 1.0]]
    )  # no wider than people open their mouths
    expected = torch.tensor([[0.5, 0.8, 0.9, 1.0], [0.6, 0.9, 0.9, 1.0]])
    assert torch.allclose(opened(wide, torch.tensor([1.6, 1.6])), expected)


def test_a_movement_leaves_out_what_is_the_persons_own():
    shape = np.float32([[0.0, 0.4, 0.9, 1.0], [0.2, 0.6, 0.7, 1.2]])
    expected = np.float32([[0.0, -0.1, 0.1, -0.1], [0.2, 0.1, -0.1, 0.1]])
    assert np.allclose(movement(shape), expected)
    assert shape[0, 1] == np.float32(0.4)  # not changed in place


def test_a_corrected_token_tells_the_movement_and_changes_no_more_than_that():
    torch.manual_seed(0)
    head, tokens, asked = torch.nn.Linear(16, 4), torch.randn(5, 3, 16), torch.randn(5, 4)
    corrected = correct_tokens(tokens, asked, head)
    assert torch.allclose(head(corrected[:, 1]), asked, atol=1e-5)
    assert torch.equal(corrected[:, [0, 2]], tokens[:, [0, 2]])
    # Shortest way: the change has no part that the head does not read.
    change = corrected[:, 1] - tokens[:, 1]
    rows = torch.linalg.qr(head.weight.T).Q  # (16, 4)
    assert torch.allclose(change @ rows @ rows.T, change, atol=1e-5)


def test_pictures_are_told_the_real_movement(clips, tmp_path):
    ListenerStage(ListenerConfig(MODEL), clips, []).export(tmp_path)
    path = str(tmp_path / "listener.safetensors")
    stage = stage_of(clips, listener=path, movement=True)
    seen = []
    draw = stage.net.draw
    stage.net.draw = lambda tokens, *pictures: seen.append(tokens) or draw(tokens, *pictures)
    batch = stage.batch(np.random.default_rng(3))
    values_of(stage, batch)
    with torch.no_grad():
        heard = load_head(path)(seen[0][:, seen[0].shape[1] // 2])
    assert torch.allclose(heard, batch["moved"][:, 0], atol=1e-3)
    assert torch.equal(batch["moved"][..., 0], batch["shape"][..., 0])  # the gap as it is
    own = batch["shape"] - batch["moved"]  # the other three: what is the person's own
    means = {tuple(np.round(clip.shape.mean(0)[1:], 4)) for clip in clips}
    assert {tuple(np.round(row[0, 1:].numpy(), 4)) for row in own} <= means


def test_some_windows_have_one_frame_as_all_their_references(clips):
    sampling = WindowSampling(1, 64, 3, single_reference_fraction=1 / 3)
    windows = draw_reference_windows(clips * 2, sampling, SpeechStretches(AUDIO), np.random.default_rng(0))
    alike = [bool((window == window[0]).all()) for window in windows["references"]]
    assert sum(alike) == 2


def test_all_losses_of_the_patent_take_part(clips, mouth_expert, tmp_path):
    if hub.locate("lpips_vgg") is None:
        pytest.skip("needs the lpips_vgg artefact (make weights)")
    SyncX(SyncXConfig(AUDIO, width=0.125, groups=4, dimension=16)).save_pretrained(tmp_path / "syncx")
    LipReader(LipReaderConfig(width=0.125)).save_pretrained(tmp_path / "reader")
    # Short words all along, so that each window of five frames holds one.
    rows = "".join(f"c{c},{k / 10},{k / 10 + 0.05},a\n" for c in range(3) for k in range(30))
    (tmp_path / "words.csv").write_text("clip,start_s,end_s,word\n" + rows)
    stage = stage_of(
        clips, frames=5, windows=2, sync_weight=0.1, sync_expert=str(tmp_path / "syncx"), lip_weight=0.1,
        lip_reader=str(tmp_path / "reader"), words=str(tmp_path), perceptual_weight=0.1, gan_weight=0.1,
        perceptual_frames=1, ema=0.9,
    )  # fmt: skip
    frozen = {k: v.clone() for k, v in stage.frozen["sync"].state_dict().items()}
    values = values_of(stage, stage.batch(np.random.default_rng(0)))
    assert {"l1", "sync", "lip", "perceptual", "gan", "disc"} <= values.keys()
    assert {"generator", "quality", "quality1", "quality2", "average"} == stage.modules.keys()
    assert all(np.isfinite(value) and value > 0 for value in values.values())
    weighted = values["l1"] + 0.1 * sum(values[k] for k in ("sync", "lip", "perceptual", "gan"))
    assert values["loss"] == pytest.approx(weighted, rel=1e-3)
    assert all(torch.equal(v, frozen[k]) for k, v in stage.frozen["sync"].state_dict().items())


def test_the_perceptual_pyramid_is_zero_for_equal_pictures():
    if hub.locate("lpips_vgg") is None:
        pytest.skip("needs the lpips_vgg artefact (make weights)")
    lpips, picture = load_lpips("vgg"), torch.rand(1, 3, 64, 64)
    assert perceptual_pyramid(lpips, picture, picture) == 0
    near, far = picture * 0.95, 1 - picture
    assert 0 < perceptual_pyramid(lpips, near, picture) < perceptual_pyramid(lpips, far, picture)


def test_each_discriminator_sees_the_picture_half_as_large(clips):
    stage, small = stage_of(clips, gan_weight=0.1), stage_of(clips, gan_weight=0.1, mouth_only=True)
    pictures = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        for scale, network, found in zip((1, 2, 4), stage.disc, stage._patch_scores(pictures), strict=True):
            means = pictures.unfold(2, scale, scale).unfold(3, scale, scale).mean((-1, -2))
            assert torch.allclose(found, network.score(network.blocks(means)), atol=1e-4)
        halves = small._patch_scores(pictures)[0]
        assert torch.equal(halves, small.disc[0].score(small.disc[0].blocks(pictures[:, :, 32:])))
    # Eq of the patent for one picture, summed over j.
    batch = stage.batch(np.random.default_rng(0))
    judged = [torch.tensor([[0.5, -1.0]]), torch.tensor([[2.0]]), torch.tensor([[0.0]])]
    stage._patch_scores = lambda pictures: [x.clone().requires_grad_(True) for x in judged]
    d = [1 / (1 + np.exp(-x.numpy())) for x in judged]
    values = values_of_losses(stage, batch)
    assert values["disc"] == pytest.approx(-sum((np.log(p) + np.log(1 - p)).mean() for p in d), rel=1e-4)
    assert values["gan"] == pytest.approx(-sum(np.log(p).mean() for p in d), rel=1e-4)


def values_of_losses(stage, batch) -> dict[str, float]:
    """Of one step that moves nothing."""

    class Still(Update):
        def __call__(self, loss, module, optimizer):
            pass

    return stage.step(batch, Still(RunConfig(device="cpu"), torch.device("cpu")), 0.5)


@pytest.mark.parametrize(("mouth_only", "matters"), [(False, True), (True, False)])
def test_vgg_looks_at_the_whole_picture(clips, mouth_only, matters):
    if hub.locate("lpips_vgg") is None:
        pytest.skip("needs the lpips_vgg artefact (make weights)")
    stage = stage_of(clips, perceptual_weight=0.1, mouth_only=mouth_only)
    batch = stage.batch(np.random.default_rng(0))
    stage._draw = lambda batch, real: drawn
    drawn = (batch["frames"].float() / 255).flatten(0, 1)
    assert values_of_losses(stage, batch)["perceptual"] < 1e-6
    drawn = drawn.clone()
    drawn[-1, :, :16] = 1 - drawn[-1, :, :16]  # far above the mouth, in the last window of the batch
    assert (values_of_losses(stage, batch)["perceptual"] > 1e-3) == matters


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"discriminators": 0}, "1 or more"),
        ({"shape_weight": 0.2}, "mouth_expert"),
        ({"sync_weight": 0.1}, "train syncx"),
        ({"lip_weight": 0.1}, "train lip-reader"),
        ({"listener": "nowhere"}, "train listener"),
        ({"movement": True}, "listener with a head"),
    ],
)
def test_what_is_missing_is_named(clips, changes, said):
    with pytest.raises(ConfigError, match=said):
        stage_of(clips, **changes)


def test_the_listener_learns_loudness_and_the_factor_and_is_taken_over(clips, tmp_path):
    torch.manual_seed(0)
    config = ListenerConfig(MODEL, stretches=3, frames=20, dropout=0.0, learning_rate=3e-3)
    stage = ListenerStage(config, clips, clips[:1])
    update = Update(RunConfig(device="cpu"), torch.device("cpu"))
    values = [stage.step(stage.batch(np.random.default_rng(i)), update, 0.3) for i in range(40)]
    assert np.mean([v["r_gap"] for v in values[-10:]]) > 0.5
    stage.net.eval()
    with torch.no_grad():
        found = stage.check(tmp_path, 1)
    assert found["gap_at_0.6"] < 1 < found["gap_at_1.6"]
    stage.export(tmp_path)
    path = str(tmp_path / "listener.safetensors")
    net = stage_of(clips, listener=path, freeze_listener=True).net
    assert torch.equal(net.listener.adapter[0].weight, stage.net.listener.adapter[0].weight)
    assert not any(p.requires_grad for p in [*net.speech.parameters(), *net.listener.parameters()])
    with pytest.raises(ConfigError, match="does not fit"):
        load_listener(stage_of(clips, model=replace(MODEL, width=0.25)).net, path)


@pytest.mark.slow
def test_training_brings_the_picture_nearer_and_leaves_a_method(clips, tmp_path):
    def looked_at(step: int) -> float:
        for module in stage.modules.values():
            module.eval()
        with torch.no_grad():
            found = stage.check(tmp_path, step)["lower_half_l1"]
        for module in stage.modules.values():
            module.train()
        return found

    stage = stage_of(clips, windows=6, learning_rate=3e-3, ema=0.9)
    before = looked_at(0)
    update = Update(RunConfig(device="cpu"), torch.device("cpu"))
    batches = (stage.batch(np.random.default_rng(index)) for index in range(60))
    l1 = [stage.step(batch, update, 0.2)["l1"] for batch in batches]
    assert np.mean(l1[-10:]) < 0.75 * np.mean(l1[:5])
    assert looked_at(60) < 0.75 * before
    stage.export(tmp_path)
    assert load_method("multi-reference", tmp_path / "multi-reference").crop_size == 64
    assert (tmp_path / "sheet-000060.png").is_file()
