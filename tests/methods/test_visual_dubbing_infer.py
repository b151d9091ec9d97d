"""Visual dubbing in use: a real face through the pipeline, and faces that no 3D model fits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lipsync.assets import asset
from lipsync.audio.features import AudioFeatures
from lipsync.errors import ArtefactError, ConfigError
from lipsync.faces.model3d.camera import Camera, place, rotation
from lipsync.faces.model3d.load import load_morphable
from lipsync.faces.model3d.morphable import MorphableModel
from lipsync.faces.tracking.landmarks import Landmarker, mouth_opening
from lipsync.generate import Request, generate
from lipsync.media import VideoWriter, read_frames
from lipsync.methods import METHODS, load_method
from lipsync.methods.base import Batch
from lipsync.methods.visual_dubbing.config import ExpressionConfig, RendererConfig, VisualDubbingConfig
from lipsync.methods.visual_dubbing.infer import VisualDubbingMethod, closed_expression
from lipsync.methods.visual_dubbing.model import RendererInput, VisualDubbing
from lipsync.methods.visual_dubbing.renderer.motion import identity_grid, warp
from lipsync.methods.visual_dubbing.renderer_input import Posed, Scene, mirrored
from lipsync.weights import hub

EXAMPLES = asset("examples")
# Untrained, such a core shows the face as the 3DMM alone moves it.
TINY = VisualDubbingConfig(
    ExpressionConfig(width=0.1, semantic_images=False, features=16, hidden=8),
    RendererConfig(width=0.05, geometric_flow=True, residual=True, top=64, references=1),
)


@pytest.fixture(scope="module")
def morphable(shared) -> MorphableModel:
    return load_morphable(shared / "weights" / "ict_facekit.npz")


@pytest.fixture(scope="module")
def landmarker() -> Path:
    found = hub.locate("face_landmarker")
    if found is None:
        pytest.skip("needs the face_landmarker artefact (make weights)")
    return found


@pytest.fixture(scope="module")
def core(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("core")
    torch.manual_seed(0)
    VisualDubbing(TINY).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def portrait(landmarker) -> Batch:
    """Six real frames, cut to crops by the pipeline, as it hands them to a method."""
    from lipsync.faces.tracking.crop import crop_face, crop_matrix, pose_from_points, transform_points
    from lipsync.faces.tracking.landmarks import five_points

    find = Landmarker(landmarker, blendshapes=True)
    crops, points, scores = [], [], []
    for frame in read_frames(EXAMPLES / "portrait.mp4", fps=25, max_frames=6):
        seen = find(frame.image)
        assert seen is not None
        matrix = crop_matrix(pose_from_points(five_points(seen.points)), 192)
        crops.append(crop_face(frame.image, matrix, 192))
        points.append(transform_points(seen.points, matrix).astype(np.float32))
        scores.append(seen.blendshapes)
    find.close()
    faces, landmarks = np.stack(crops), np.stack(points)
    return Batch(faces, np.arange(6) / 25, None, faces[:5], landmarks, landmarks[:5], np.stack(scores))


def method(core: Path, morphable: MorphableModel) -> VisualDubbingMethod:
    entry = METHODS.get("visual-dubbing")
    return VisualDubbingMethod(entry.card, VisualDubbing.from_pretrained(core), "0", morphable=morphable)


def spoken(made: VisualDubbingMethod, batch: Batch, **changes) -> np.ndarray:
    sound = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    return made.synthesize(replace(batch, speech=made.encode_audio(sound), **changes))


def test_only_the_lower_face_changes_and_the_jaw_obeys(core, morphable, portrait, landmarker):
    made = method(core, morphable)
    # An untrained stage 1 says nothing in particular: let it say that the jaw is half open.
    said = np.zeros((6, morphable.expression_size))
    said[:, made.scene.jaw] = 0.4
    made._expressions = lambda batch, person: said  # type: ignore[method-assign]
    shut, usual, wide = (spoken(made, portrait, mouth_opening=factor) for factor in (0.0, 1.0, 2.0))
    assert np.abs(usual[:, :64].astype(int) - portrait.faces[:, :64]).max() <= 1
    find = Landmarker(landmarker)
    openings = []
    for faces in (shut, usual, wide):
        seen = [find(face) for face in faces]
        openings.append(np.mean([mouth_opening(x.points) for x in seen if x is not None]))
    find.close()
    assert openings[0] + 0.05 < openings[1] < openings[2] - 0.05


def test_a_few_faces_are_drawn_at_a_time_and_look_the_same(core, morphable, portrait, monkeypatch):
    counts = []
    few = method(core, morphable)
    few.net.renderer.register_forward_pre_hook(lambda net, given: counts.append(len(given[0].hole)))
    drawn = spoken(few, portrait)
    assert sorted(counts) == [2, 4]  # which is what bounds the memory of a batch
    monkeypatch.setattr("lipsync.methods.visual_dubbing.infer.AT_ONCE", 100)
    at_once = spoken(method(core, morphable), portrait)
    assert np.abs(drawn.astype(int) - at_once).max() <= 1  # where a processor sums them in another order


def test_another_job_with_the_same_networks_remembers_nobody(core, morphable, portrait):
    kept = method(core, morphable)
    stretched = [
        points * np.float32([1, 1.1]) for points in (portrait.landmarks, portrait.reference_landmarks)
    ]
    somebody = replace(portrait, landmarks=stretched[0], reference_landmarks=stretched[1])
    job = kept.for_job()
    assert not np.array_equal(spoken(job, somebody), spoken(kept.for_job(), portrait))
    assert job.net is kept.net
    np.testing.assert_array_equal(spoken(kept.for_job(), portrait), spoken(method(core, morphable), portrait))


def test_several_references_are_the_chosen_one_and_those_after_it(morphable, portrait, tmp_path):
    torch.manual_seed(0)
    VisualDubbing(replace(TINY, renderer=replace(TINY.renderer, references=3))).save_pretrained(tmp_path)
    made = method(tmp_path, morphable)
    drawn = spoken(made, portrait)
    assert made._beside(np.array([0, 4])).tolist() == [0, 1, 2, 4, 0, 1]
    assert np.abs(drawn[:, :64].astype(int) - portrait.faces[:, :64]).max() <= 1
    assert (drawn[:, 96:] != portrait.faces[:, 96:]).any()
    assert len(made.person.pictures) == 5


def test_networks_of_stage_1_are_averaged_each_on_its_own_features(portrait, tmp_path):
    torch.manual_seed(0)
    small = replace(TINY.expression, expression_size=51, relative=True)
    first = replace(small, gain=0.5)
    second = replace(small, tower="wav2lip", audio=AudioFeatures("mel+mfcc", window=32, start=-12))
    whole = VisualDubbing(replace(TINY, expression=first, morphable="embedded", averaged=(second,)))
    whole.save_pretrained(tmp_path / "both")
    for name, config, net in (("first", first, whole.expression), ("second", second, whole.averaged[0])):
        alone = VisualDubbing(replace(TINY, expression=replace(config, gain=0.5), morphable="embedded"))
        alone.expression.load_state_dict(net.state_dict())
        alone.save_pretrained(tmp_path / name)
    own = load_morphable("embedded")
    said = {}
    for name in ("both", "first", "second"):
        made = method(tmp_path / name, own)
        sound = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
        batch = replace(portrait, speech=made.encode_audio(sound))
        made.synthesize(batch)
        made._predicted.clear()  # what it predicted for the rest of this face
        said[name] = made._expressions(batch, replace(made.person, rest=np.full(51, 0.5, np.float32)))
    assert np.abs(said["first"] - said["second"]).max() > 1e-3
    np.testing.assert_allclose(said["both"], (said["first"] + said["second"]) / 2, atol=1e-5)


def test_networks_that_cannot_be_averaged_are_refused():
    with pytest.raises(ConfigError, match="no semantic images"):
        replace(TINY, averaged=(ExpressionConfig(),))


def test_frames_that_cannot_be_fitted_come_back_as_they_were(core, morphable, portrait):
    landmarks = portrait.landmarks.copy()
    landmarks[2] = np.nan
    made = method(core, morphable)
    drawn = spoken(made, portrait, landmarks=landmarks)
    assert made.passthrough_frames == 1
    same = [np.array_equal(a, b) for a, b in zip(drawn, portrait.faces, strict=True)]
    assert same == [False, False, True, False, False, False]
    coarse = spoken(made, portrait, landmarks=None)
    assert np.array_equal(coarse, portrait.faces)
    assert made.passthrough_frames == 7
    lost = spoken(
        method(core, morphable), portrait, reference_landmarks=np.full((5, 478, 2), np.nan, np.float32)
    )
    assert np.array_equal(lost, portrait.faces)


def test_a_profile_keeps_its_pixels(core, morphable, portrait):
    turned = torch.tensor([[0.0, 1.3, 0.0, 0.0, 0.0, 1000.0]])  # 75 degrees
    rest = torch.zeros(1, morphable.expression_size)
    points = morphable.landmarks(torch.zeros(1, morphable.identity_size), rest)
    seen = Camera.of_crop(192).project(place(points, turned))[0, :, :2]
    landmarks = portrait.landmarks.copy()
    landmarks[:, morphable.mediapipe_indices] = seen.numpy()
    made = method(core, morphable)
    assert not np.array_equal(spoken(made, portrait), portrait.faces)
    assert np.array_equal(spoken(made, portrait, landmarks=landmarks), portrait.faces)


def test_a_reference_is_kept_until_the_head_is_turned_too_far(core, morphable, portrait):
    made = method(core, morphable)
    spoken(made, portrait)
    turned = torch.deg2rad(torch.tensor([[0.0, 0.0, 0.0], [0.0, 30.0, 0.0], [0.0, -8.0, 0.0]]))
    person = replace(made.person, turned=rotation(turned).numpy())
    made._reference = 0
    heads = torch.zeros(6, 6)
    heads[:, 1] = torch.deg2rad(torch.tensor([0.0, 14.0, 26.0, 20.0, 4.0, -12.0]))
    # 14 is near enough to 0; 26 is not, and 30 serves until 4 is too far from it: 0 has the wider mouth.
    assert made._choose(made._angles(person, heads)).tolist() == [0, 0, 1, 1, 0, 0]


def test_one_reference_gives_way_to_the_next(core, morphable, portrait):
    """Both references by themselves, then a change: its frames lie between them, nearer to the new one."""
    alone = []
    for reference in (0, 1, None):
        made = method(core, morphable)
        spoken(made, portrait)  # it has met the person; what follows is the same for all three
        person = made.person
        made.person = replace(
            person, pictures=person.pictures * torch.tensor([1, 0.8, 1, 1, 1])[:, None, None, None]
        )
        turns = iter([np.full(6, reference)] if reference is not None else [np.array([0, 0, 1, 1, 1, 1])])
        made._choose = lambda *_, turns=turns: next(turns)
        made._shown, made._changed = None, -np.inf
        alone.append(spoken(made, portrait, times=np.arange(6) * 0.1).astype(float))
    first, second, both = (x[:, 150:170, 80:110].mean((1, 2, 3)) for x in alone)
    share = (both - second) / (first - second)
    assert np.allclose(share, [1, 1, 1 - 0.04 / 0.24, 1 - 0.14 / 0.24, 0, 0], atol=0.03)


def test_the_most_closed_lips_are_those_of_rest():
    expressions = np.arange(16.0)[:, None] * np.ones(3)
    openings = np.full(16, 0.2)
    openings[[4, 9]] = 0.02, 0.01
    assert closed_expression(expressions, openings).tolist() == [6.5] * 3
    assert closed_expression(expressions[:2], openings[:2]).tolist() == [0.0] * 3


def test_where_nobody_speaks_the_mouth_rests_whatever_stage_1_says(core, morphable, portrait):
    made = method(core, morphable)
    spoken(made, portrait)  # it has met the person
    seen = []
    draw = made._draw

    def drawn(whole, fit, at, expression, chosen):
        seen.append((expression[:, made.scene.jaw[0]], chosen))
        return draw(whole, fit, at, expression, chosen)

    made._draw = drawn  # type: ignore[method-assign]
    said = np.zeros((6, morphable.expression_size))
    said[:, made.scene.jaw] = 0.6
    made._expressions = lambda batch, person: said  # type: ignore[method-assign]
    rest = made.person.closed[made.scene.jaw[0]]
    active = np.array([1, 1, 0.5, 0, 0, 0], np.float32)
    spoken(made, portrait, activity=active, mouth_opening=1.5)
    jaws, chosen = seen[0]
    assert np.allclose(jaws, active * 0.9 + (1 - active) * rest, atol=1e-6), "the factor does not open a rest"
    closed = len(made.person.pictures) - 1  # widest first
    assert chosen.tolist() == [0, 0, 0, closed, closed, closed]
    # On the way from one to the other both are drawn, and nowhere else.
    jaws, chosen = seen[1]
    assert np.allclose(jaws, 0.45 + rest / 2, atol=1e-6)
    assert chosen.tolist() == [closed]
    assert len(seen) == 2


def test_where_somebody_speaks_nothing_changes(core, morphable, portrait):
    usual, active = (
        spoken(method(core, morphable), portrait, activity=a) for a in (None, np.ones(6, np.float32))
    )
    assert np.array_equal(usual, active)


def test_batches_agree_with_one_long_stretch_of_speech(core, morphable, portrait):
    made = method(core, morphable)
    sound = np.random.default_rng(0).normal(0, 0.1, 5 * 16000).astype(np.float32)
    speech = made.encode_audio(sound)
    made.synthesize(replace(portrait, speech=speech))  # which chooses the reference
    times = np.arange(0, 4, 1 / 30)  # another frame rate
    whole = made._expressions(replace(portrait, speech=speech, times=times), made.person)
    parts = [made._expressions(replace(portrait, speech=speech, times=t), made.person)
             for t in np.split(times, [7, 50, 60])]  # fmt: skip
    assert np.allclose(whole, np.concatenate(parts))
    # On the frames of stage 1 itself nothing is interpolated.
    at = made._expressions(replace(portrait, speech=speech, times=np.array([1.0, 1.04])), made.person)
    between = made._expressions(replace(portrait, speech=speech, times=np.array([1.02])), made.person)
    assert np.allclose(between[0], at.mean(0), atol=1e-6)


def test_five_frames_through_the_pipeline(core, shared, monkeypatch, tmp_path, landmarker):
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(shared / "weights"))
    short = tmp_path / "short.mp4"
    frames = [frame.image for frame in read_frames(EXAMPLES / "portrait.mp4", fps=25, max_frames=5)]
    with VideoWriter(short, frames[0].shape[1], frames[0].shape[0], 25) as writer:
        for frame in frames:
            writer.write(frame)
    request = Request(short, EXAMPLES / "english.wav", tmp_path / "out.mp4", "visual-dubbing", core)
    result = generate(replace(request, label=False, length="video", mouth_opening=1.5))
    assert (result.frames, result.frames_without_face, result.method) == (5, 0, core.name)


def test_a_still_pose_gives_a_still_flow_and_the_hole_tells_nothing(morphable):
    scene = Scene(morphable)
    identity, pose = torch.zeros(1, morphable.identity_size), torch.zeros(2, 6)
    pose[:, 5] = 1000.0
    camera = Camera.of_crop(96)
    expression = torch.zeros(2, morphable.expression_size)
    expression[1, scene.jaw] = 0.8
    faces = torch.rand(2, 3, 96, 96)
    known = Posed(expression[:1], pose[:1], camera)
    seen = scene.view(faces, faces, identity, Posed(expression, pose, camera), known)
    still = seen.geometry[0] - identity_grid(96, 96, faces)[0]
    assert still.abs().max() * 95 / 2 < 1e-2  # pixels
    assert torch.equal(seen.hole[0], seen.hole[1])
    opened = (seen.geometry[1] - identity_grid(96, 96, faces)[0]) * 95 / 2  # pixels
    chin = seen.hole[1, 0].bool()
    assert opened[chin][:, 1].min() < -2  # the chin's pixels come from higher up in the reference
    assert (seen.cropped * seen.hole == 0).all()


def test_a_view_of_two_references_is_that_of_each(morphable):
    scene, camera = Scene(morphable), Camera.of_crop(64)
    torch.manual_seed(0)
    identity, pose = torch.zeros(1, morphable.identity_size), torch.randn(4, 6) * 0.05
    pose[:, 5] = 1000.0
    expression = torch.rand(4, morphable.expression_size) * 0.2
    faces, references = torch.rand(2, 3, 64, 64), torch.rand(4, 3, 64, 64)
    target = (identity, Posed(expression[:2], pose[:2], camera))
    both = scene.view(faces, references, *target, Posed(expression, pose, camera))
    assert both.reference.shape == (2, 6, 64, 64)
    for r in (0, 1):
        of = slice(r, None, 2)
        alone = scene.view(faces, references[of], *target, Posed(expression[of], pose[of], camera))
        assert torch.equal(both.reference[:, 3 * r :][:, :3], alone.reference)
        assert torch.allclose(both.geometry[..., 2 * r :][..., :2], alone.geometry, atol=1e-6)


@pytest.mark.parametrize("references", [1, 2])
def test_a_view_in_the_mirror(references):
    torch.manual_seed(0)
    grid = identity_grid(12, 12, torch.rand(1)).repeat(2, 1, 1, references)
    grid = grid + torch.randn(2, 12, 12, 2 * references) * 0.05
    guide, reference, cropped = (torch.rand(2, channels, 12, 12) for channels in (3, 3 * references, 3))
    seen = RendererInput(guide, reference, cropped, torch.rand(2, 1, 12, 12), grid)
    turned = mirrored(seen)
    for r in range(references):
        before, after = (
            warp(x.reference[:, 3 * r : 3 * r + 3], x.geometry[..., 2 * r : 2 * r + 2])
            for x in (seen, turned)
        )
        assert torch.allclose(after, before.flip(3), atol=1e-5)
    assert all(torch.allclose(a, b) for a, b in zip(mirrored(turned), seen, strict=True))


def test_entry_reads_its_folder_and_says_what_is_missing(core, shared, monkeypatch, tmp_path):
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(shared / "weights"))
    made = load_method("visual-dubbing", core)
    assert made.crop_size == 192
    assert made.supports_mouth_opening
    assert made.blendshapes
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("LIPSYNC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LIPSYNC_OFFLINE", "1")
    entry = replace(METHODS.get("visual-dubbing"), folder=core)
    assert not entry.ready
    assert entry.fetchable
    with pytest.raises(ArtefactError, match="ict_facekit"):
        load_method("visual-dubbing", core)
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(shared / "weights"))
    assert entry.ready
