"""The multi-reference network against cases worked out by hand, and inside the pipeline."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lipsync.assets import asset
from lipsync.audio.features import features, frame_windows
from lipsync.audio.speech_input import SpeechInput
from lipsync.errors import ArtefactError, ConfigError
from lipsync.generate import Request, generate
from lipsync.live import MOST, Live
from lipsync.media import read_audio
from lipsync.methods import METHODS, load_method
from lipsync.methods.base import Batch
from lipsync.methods.multi_reference.config import MultiReferenceConfig
from lipsync.methods.multi_reference.fusion import Fusion, Listener, positions, upper_half
from lipsync.methods.multi_reference.infer import CLOSED, CLOSED_AT, MultiReferenceMethod
from lipsync.methods.multi_reference.model import MultiReference
from lipsync.methods.multi_reference.moving import STEP, Motion, blend
from lipsync.nn.speech_encoder import LearnedEncoder

EXAMPLES = asset("examples")
AUDIO = SpeechInput(dimension=16)
SMALL = MultiReferenceConfig(audio=AUDIO, size=64, levels=3, width=0.125, spade=1)


def inputs(config: MultiReferenceConfig, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Speech, frames, and references of each frame's own."""
    torch.manual_seed(3)
    heard = torch.randn(batch, config.audio.count, config.audio.dimension)
    frames = torch.rand(batch, 3, config.size, config.size)
    return heard, frames, torch.rand(batch, 3 * config.references, config.size, config.size)


def test_positions_by_hand():
    table = positions(3, 4)
    expected = [[math.sin(p), math.cos(p), math.sin(p / 100), math.cos(p / 100)] for p in range(3)]
    assert torch.allclose(table, torch.tensor(expected), atol=1e-6)


def test_the_upper_half_is_masked_with_minus_infinity():
    mask = upper_half(side=2, count=3)  # pixels in rows: two above, two below
    assert mask.tolist() == [[-math.inf, -math.inf, 0.0, 0.0]] * 3


def test_speech_gives_the_upper_half_exactly_no_weight():
    fusion = Fusion(SMALL)
    channels, side = SMALL.channels(3), 8
    tokens, pixels = torch.randn(2, 11, channels), torch.randn(2, side * side, channels)
    _, weights = fusion.look(tokens, pixels, pixels, attn_mask=fusion.mask)
    assert torch.count_nonzero(weights[:, :, : side * side // 2]) == 0
    assert torch.allclose(weights.sum(2), torch.ones(2, 11), atol=1e-5)
    # And so what speech takes over does not depend on the upper half at all.
    changed = pixels.clone()
    changed[:, : side * side // 2] = 100.0
    seen = [fusion.look(tokens, p, p, attn_mask=fusion.mask)[0] for p in (pixels, changed)]
    assert torch.equal(*seen)


def test_pictures_hear_speech_everywhere():
    fusion = Fusion(SMALL)
    tokens, features_ = torch.randn(1, 11, SMALL.channels(3)), torch.randn(1, SMALL.channels(3), 8, 8)
    change = fusion(tokens + torch.randn_like(tokens), features_) - fusion(tokens, features_)
    assert (change.abs().amax(1) > 1e-4).all()  # (1, 8, 8)


def test_the_factor_multiplies_features_before_the_adapter():
    listener = Listener(SMALL).eval()
    heard, *_ = inputs(SMALL)
    assert torch.allclose(listener(heard, 1.3), listener(heard * 1.3), atol=1e-6)
    factors = torch.tensor([0.6, 1.6])
    both = listener(heard, factors)
    assert torch.allclose(both[0], listener(heard[:1], 0.6)[0], atol=1e-5)
    assert torch.allclose(both[1], listener(heard[1:], 1.6)[0], atol=1e-5)
    assert not torch.allclose(listener(heard, 1.0), both, atol=1e-3)


def test_self_attention_by_hand():
    """With query, key and value the identity and one head: softmax(x xᵀ / √C) x, then add and norm."""
    config = replace(SMALL, heads=1)
    listener = Listener(config)
    channels = config.channels(3)
    with torch.no_grad():
        listener.attention.in_proj_weight.copy_(torch.eye(channels).repeat(3, 1))
        listener.attention.in_proj_bias.zero_()
        listener.attention.out_proj.weight.copy_(torch.eye(channels))
        listener.attention.out_proj.bias.zero_()
    heard, *_ = inputs(config, 1)
    x = (listener.adapter(heard) + positions(11, channels))[0].detach().numpy().astype(np.float64)
    scores = np.exp(x @ x.T / math.sqrt(channels))
    summed = x + scores / scores.sum(1, keepdims=True) @ x
    normed = (summed - summed.mean(1, keepdims=True)) / np.sqrt(summed.var(1, keepdims=True) + 1e-5)
    assert np.allclose(listener(heard)[0].detach().numpy(), normed, atol=1e-4)


@pytest.mark.parametrize("spade", [0, 1, 3])
@pytest.mark.parametrize("lower_half", [False, True])
def test_draws_pictures_of_its_size(spade, lower_half):
    config = replace(SMALL, spade=spade, lower_half=lower_half)
    heard, frames, references = inputs(config)
    drawn = MultiReference(config)(heard, frames, references)
    assert drawn.shape == (2, 3, 64, 64)
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    same = torch.equal(drawn[:, :, :32], frames[:, :, :32])
    assert same == lower_half


def test_the_patents_shapes():
    config = MultiReferenceConfig()
    assert (config.size, config.levels, config.spade, config.references) == (256, 5, 5, 3)
    assert [config.channels(level) for level in range(1, 6)] == [64, 128, 256, 512, 512]
    with torch.device("meta"):
        net = MultiReference(config)
        heard, frames, references = (torch.empty(1, *s) for s in ((11, 512), (3, 256, 256), (9, 256, 256)))
        images = torch.empty(1, 12, 256, 256)
    features_, skips = net.image_encoder(images)
    assert features_.shape == (1, 512, 8, 8)
    assert [skip.shape[1] for skip in skips] == [12, 64, 128, 256, 512]
    assert net(heard, frames, references).shape == (1, 3, 256, 256)
    norms = [module for module in net.image_encoder.modules() if isinstance(module, torch.nn.GroupNorm)]
    assert {norm.num_groups for norm in norms} == {4}  # R + 1


def test_a_flow_carries_pixels_by_the_same_share_of_any_picture():
    motion = Motion(4, SMALL)
    flow = torch.zeros(1, 6, 4, 8)  # three references, rows 4 to 7 of 8
    flow[:, 2] = 2 / 8  # the second: each pixel lies one of 8 columns to the right of its place
    small = torch.rand(1, 9, 8, 8)
    moved = motion.move(flow, small, first=4)
    assert torch.allclose(moved[:, :3], small[:, :3, 4:], atol=1e-6)
    assert torch.allclose(moved[:, 3:6, :, :7], small[:, 3:6, 4:, 1:], atol=1e-5)
    large = torch.rand(1, 9, 16, 16)
    moved = motion.move(flow, large, first=8)
    assert torch.allclose(moved[:, 3:6, :, :14], large[:, 3:6, 8:, 2:], atol=1e-5)
    assert torch.allclose(motion(torch.rand(1, 4, 4, 8)), torch.zeros(1, 6, 4, 8))  # at rest at first
    with torch.no_grad():
        motion.flow.bias.fill_(2.0)  # type: ignore[union-attr]
    assert torch.allclose(motion(torch.rand(1, 4, 4, 8)), torch.full((1, 6, 4, 8), 2 * STEP))


def test_shares_choose_among_references_and_painting():
    moved, painted = torch.rand(1, 9, 4, 4), torch.rand(1, 3, 4, 4)
    shares = torch.zeros(1, 4, 4, 4)
    shares[:, 1, :2] = 50.0  # above the second reference, below all alike
    drawn = blend(shares, moved, painted)
    assert torch.allclose(drawn[:, :, :2], moved[:, 3:6, :2], atol=1e-5)
    mean = (moved[:, :3] + moved[:, 3:6] + moved[:, 6:] + painted) / 4
    assert torch.allclose(drawn[:, :, 2:], mean[:, :, 2:], atol=1e-5)


MOVES = replace(SMALL, warp_references=True, lower_half=True, visible=0.25)


def test_the_same_weights_move_larger_references():
    net = MultiReference(MOVES)
    large = MultiReference(replace(MOVES, size=128, shrink=2))
    large.load_state_dict(net.state_dict())
    heard, *pictures = inputs(MOVES)
    small = [torch.nn.functional.avg_pool2d(p, 8) for p in pictures]  # smooth, so that sizes can be compared
    frames, references = (torch.nn.functional.interpolate(p, size=(128, 128), mode="bilinear") for p in small)
    drawn = large(heard, frames, references)
    assert drawn.shape == (2, 3, 128, 128)
    assert torch.equal(drawn[:, :, :64], frames[:, :, :64])
    shrunk = [torch.nn.functional.avg_pool2d(p, 2) for p in (frames, references)]
    shown = torch.nn.functional.avg_pool2d(drawn, 2)[:, :, 34:]
    assert (shown - net(heard, *shrunk)[:, :, 34:]).abs().mean() < 0.01


def test_frames_may_share_their_references():
    torch.manual_seed(1)
    for config in (SMALL, replace(MOVES, size=128, shrink=2)):
        net = MultiReference(config)
        if config.warp_references:
            torch.nn.init.normal_(net.image_decoder.motion.flow.weight, std=0.3)
        heard, frames, references = inputs(config, 4)
        two = references[:2]
        drawn = net(heard, frames, two)
        each = net(heard, frames, two.repeat_interleave(2, dim=0))
        assert torch.allclose(drawn, each, atol=1e-5)
        assert (drawn - net(heard, frames, references)).abs().max() > 1e-3


def test_every_stage_is_told_the_frames_own_token():
    net = MultiReference(replace(SMALL, token_modulation=True))
    decoder, (_, frames, references) = net.image_decoder, inputs(SMALL)
    features_, skips = net.image_encoder(torch.cat([references, frames], dim=1))
    own, other = torch.randn(2, 2, SMALL.channels(3))
    drawn = decoder(features_, skips, references, references, own)
    for stage in range(SMALL.levels):  # each by itself: the others are told nothing
        alone = MultiReference(replace(SMALL, token_modulation=True)).image_decoder
        alone.load_state_dict(decoder.state_dict())
        for index, modulation in enumerate(alone.modulation):
            if index != stage:
                torch.nn.init.zeros_(modulation.weight)
        pictures = [alone(features_, skips, references, references, token) for token in (own, other)]
        assert (pictures[0] - pictures[1]).abs().max() > 1e-4
    assert not torch.equal(drawn, decoder(features_, skips, references, references, other))


def test_cheeks_beyond_what_is_visible_change_nothing():
    net = MultiReference(MOVES)
    heard, frames, references = inputs(MOVES)
    changed = frames.clone()
    changed[:, :, 16:] = 0.5  # visible is 0.25
    drawn, again = net(heard, frames, references), net(heard, changed, references)
    assert torch.equal(drawn[:, :, 32:], again[:, :, 32:])
    changed[:, :, 8:16] = 0.5
    assert not torch.equal(drawn[:, :, 32:], net(heard, changed, references)[:, :, 32:])


def test_the_learned_encoder_hears_its_context_and_no_further():
    encoder = LearnedEncoder(AUDIO.features, 16, context=3).eval()
    windows = torch.randn(12, 119, 16)
    heard = encoder.encode_windows(windows)
    assert heard.shape == (12, 16)
    with torch.no_grad():
        assert torch.allclose(heard, encoder(windows[None])[0], atol=1e-5)
    windows[9] = 0
    changed = (encoder.encode_windows(windows) - heard).abs().amax(1) > 1e-6
    assert changed.tolist() == [6 <= place <= 11 for place in range(12)]
    assert SpeechInput(count=11, spacing=2, context=10).lookahead == pytest.approx(0.4 + 0.4)


def test_live_mode_waits_for_the_context_of_the_small_core():
    net = MultiReference(replace(SMALL, audio=replace(AUDIO, context=10)))
    method = MultiReferenceMethod(METHODS.get("multi-reference").card, net, "")
    # Window, 0.4 s of the Bi-LSTM, five vectors of 40 ms and half of one for rounding.
    assert method.audio_lookahead == pytest.approx(AUDIO.features.lookahead + 0.4 + 0.2 + 0.02)
    assert method.audio_lookahead <= MOST


@pytest.mark.parametrize("warp_references", [False, True])
def test_gradients_reach_every_parameter(warp_references):
    config = replace(
        SMALL,
        spade=2,
        warp_references=warp_references,
        token_modulation=warp_references,
        audio=replace(AUDIO, context=2 * warp_references),
    )
    net = MultiReference(config)
    _, frames, references = inputs(config)
    windows = torch.randn(2, 11, 119, 16)
    net(net.speech(windows), frames, references, torch.tensor([0.7, 1.4])).square().mean().backward()
    # A bias before a norm and a key's bias cancel out; all else must move.
    still = {name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0}
    assert still == set()


def test_refuses_sizes_that_do_not_halve():
    with pytest.raises(ConfigError, match="multiple of 64"):
        MultiReferenceConfig(size=100)
    with pytest.raises(ConfigError, match="odd number"):
        SpeechInput(count=10)
    with pytest.raises(ConfigError, match="SPADE"):
        MultiReferenceConfig(levels=3, spade=4)
    with pytest.raises(ConfigError, match="shrink 3"):
        MultiReferenceConfig(shrink=3)
    with pytest.raises(ConfigError, match="visible"):
        MultiReferenceConfig(visible=0.6)


def test_learns_a_few_frames_by_heart():
    torch.manual_seed(0)
    config = replace(SMALL, lower_half=True)
    net = MultiReference(config)
    heard, frames, references = inputs(config, 4)
    # One face, four mouths: only the speech tells which.
    frames, references = frames[:1].expand(4, -1, -1, -1), references[:1]
    wanted = torch.full((4, 3, 32, 64), 0.6)
    for index in range(4):
        wanted[index, :, 14 - 3 * index : 16 + 3 * index, 20:44] = 0.1
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(150):
        loss = (net(heard, frames, references)[:, :, 32:] - wanted).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    drawn = net(heard, frames, references)[:, :, 32:]
    errors = (drawn[:, None] - wanted[None]).abs().mean((2, 3, 4))  # (4 drawn, 4 wanted)
    assert errors.argmin(1).tolist() == [0, 1, 2, 3]
    assert loss < 0.02


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    torch.manual_seed(5)
    folder = tmp_path_factory.mktemp("core")
    MultiReference(replace(SMALL, lower_half=True)).save_pretrained(folder)
    return folder


def test_comes_back_from_its_folder(saved):
    again = MultiReference.from_pretrained(saved)
    assert again.config == replace(SMALL, lower_half=True)
    method = load_method("multi-reference", saved)
    assert (method.crop_size, method.references, method.supports_mouth_opening) == (64, 3, True)


def test_another_networks_folder_is_named():
    with pytest.raises(ConfigError, match="multi-reference network"):
        load_method("multi-reference", METHODS.get("mcsawav2lip-embedded").folder)


def test_hears_each_vector_at_its_own_second(saved):
    method = load_method("multi-reference", saved)
    samples = np.zeros(16_000, np.float32)
    samples[8_000:8_400] = np.random.default_rng(0).normal(0, 0.3, 400)  # a click at 0.5 s
    spec = method.config.audio.features
    heard = method.encode_audio(samples)
    assert heard.shape == (26, 16)
    windows = frame_windows(features(samples, spec), np.arange(26) / 25, spec)
    with torch.no_grad():
        expected = method.net.speech(torch.from_numpy(windows[:, 0])[None])[0]
    assert np.allclose(heard, expected, atol=1e-4)
    quiet = method.encode_audio(np.zeros(16_000, np.float32))
    changed = np.flatnonzero(np.abs(heard - quiet).max(1) > 1e-5) / 25
    # A window reaches 150 ms ahead and 50 ms back; the differences of the cepstrum a little further.
    assert changed.min() >= 0.5 - 0.15 - 0.2
    assert changed.max() <= 0.525 + 0.05 + 0.2
    assert 0.48 in changed


def batch_of(method: MultiReferenceMethod, references: int, opening: float = 1.0) -> Batch:
    rng = np.random.default_rng(1)
    size = method.crop_size
    return Batch(
        faces=rng.integers(0, 255, (4, size, size, 3), np.uint8),
        times=np.arange(4) / 25,
        speech=method.encode_audio(rng.normal(0, 0.1, 16_000).astype(np.float32)),
        references=rng.integers(0, 255, (references, size, size, 3), np.uint8),
        mouth_opening=opening,
    )


def test_the_lower_half_of_the_frame_is_not_seen(saved):
    method = load_method("multi-reference", saved)
    batch = batch_of(method, 3)
    hidden = batch.faces.copy()
    hidden[:, 32:] = 0
    assert np.array_equal(method.synthesize(batch), method.synthesize(replace(batch, faces=hidden)))


def test_a_few_faces_are_drawn_at_a_time_and_look_the_same(saved, monkeypatch):
    method = load_method("multi-reference", saved)
    batch = batch_of(method, 3)
    at_once, counts = method.synthesize(batch), []
    method.net.register_forward_pre_hook(lambda net, given: counts.append(len(given[1])))
    monkeypatch.setattr("lipsync.methods.multi_reference.infer.AT_ONCE", 3)
    drawn = method.synthesize(batch)
    assert counts == [3, 1]
    assert np.abs(drawn.astype(int) - at_once).max() <= 1  # where a processor sums them in another order


def test_fewer_faces_than_references_will_do(saved):
    method = load_method("multi-reference", saved)
    batch = batch_of(method, 1)
    thrice = replace(batch, references=np.repeat(batch.references, 3, 0))
    assert np.array_equal(method.synthesize(batch), method.synthesize(thrice))


def test_where_nobody_speaks_the_speech_has_no_say(saved):
    method = load_method("multi-reference", saved)
    batch = batch_of(method, 3, 1.5)
    other = replace(batch, speech=np.flip(batch.speech, 0).copy() * 2)
    still = np.array([1, 0.5, 0, 0], np.float32)
    drawn, changed = (method.synthesize(replace(b, activity=still)) for b in (batch, other))
    same = [np.array_equal(a, b) for a, b in zip(drawn, changed, strict=True)]
    assert same == [False, False, True, True]
    # The rest is the sound of closed lips, whatever the factor.
    resting = replace(batch, activity=np.zeros(4, np.float32))
    closed = replace(
        batch, speech=method.encode_audio(read_audio(CLOSED)), times=np.full(4, CLOSED_AT), mouth_opening=1.0
    )
    difference = method.synthesize(resting).astype(int) - method.synthesize(closed)
    assert np.abs(difference).max() <= 1
    speaking = np.ones(4, np.float32)
    assert np.array_equal(method.synthesize(batch), method.synthesize(replace(batch, activity=speaking)))


def test_speaks_in_the_pipeline(saved, tmp_path):
    result = generate(
        Request(
            EXAMPLES / "portrait.mp4", EXAMPLES / "english.wav", tmp_path / "out.mp4",
            method="multi-reference", checkpoint=saved, mouth_opening=1.3, length="video",
        )
    )  # fmt: skip
    assert result.method == saved.name
    assert result.frames > 0
    assert result.frames_without_face == 0


def test_weights_that_are_not_there_are_said(monkeypatch, tmp_path):
    entry = replace(METHODS.get("multi-reference"), folder=tmp_path / "none")
    with pytest.raises(ArtefactError, match="train them"):
        entry.weights()


def test_the_whisper_core_draws_as_the_embedded_one_and_hears_by_whisper():
    from safetensors.torch import load_file

    ours, whisper = (METHODS.get(name).folder for name in ("multi-reference", "multi-reference-whisper"))
    state, other = (load_file(folder / "model.safetensors") for folder in (ours, whisper))
    sides = ("speech.", "listener.")
    assert {k for k in state if not k.startswith(sides)} == {k for k in other if not k.startswith(sides)}
    assert all(torch.equal(state[k], other[k]) for k in other if not k.startswith(sides))
    assert MultiReference.from_pretrained(whisper).config.audio.encoder == "whisper-tiny.en"


def test_the_whisper_core_speaks(tmp_path):
    if not METHODS.get("multi-reference-whisper").ready:
        pytest.skip("needs Whisper tiny.en (python -m lipsync weights --fetch whisper_tiny_en)")
    face, speech = EXAMPLES / "portrait.mp4", EXAMPLES / "english.wav"
    request = Request(face, speech, tmp_path / "out.mp4", method="multi-reference-whisper", length="video")
    result = generate(request)
    assert (result.method, result.frames_without_face) == ("multi-reference-whisper", 0)
    with pytest.raises(ConfigError, match="needs more of the speech in advance"):
        Live(face, load_method("multi-reference-whisper"))
