import numpy as np
import pytest
import torch

from lipsync.errors import ArtefactError, ConfigError
from lipsync.faces.model3d.blendshapes import NAMES, scores_by_name
from lipsync.faces.model3d.lighting import harmonics, shade
from lipsync.faces.model3d.load import load_morphable
from lipsync.faces.tracking.landmarks68 import MESH_TO_68
from tests.faces.toy_morphable import toy_arrays, write_toy


@pytest.mark.parametrize("name", ["face.mat", "face.npz"])
def test_a_basel_file_loads_with_the_papers_sizes(tmp_path, name):
    arrays = toy_arrays()
    model = load_morphable(write_toy(tmp_path / name))
    assert (model.identity_size, model.expression_size, model.texture_size) == (80, 64, 80)
    rng = np.random.default_rng(0)
    alpha, beta, delta = rng.normal(size=(2, 80)), rng.normal(size=(2, 64)), rng.normal(size=(2, 80))
    # The equations in double precision, in decimetres about the mean vertex.
    shapes = arrays["meanshape"] + alpha @ arrays["idBase"].T + beta @ arrays["exBase"].T
    expected = (shapes.reshape(2, -1, 3) - arrays["meanshape"].reshape(-1, 3).mean(0)) * 100
    tensors = [torch.tensor(values, dtype=torch.float32) for values in (alpha, beta, delta)]
    np.testing.assert_allclose(model.shape(*tensors[:2]), expected, atol=2e-3)
    colours = ((arrays["meantex"] + delta @ arrays["texBase"].T) / 255).reshape(2, -1, 3)
    np.testing.assert_allclose(model.albedo(tensors[2]), colours, atol=1e-4)
    # Landmarks are those vertices, and carry the index of the mesh point that marks the same spot.
    np.testing.assert_allclose(
        model.landmarks(*tensors[:2]), model.shape(*tensors[:2])[:, model.landmark_vertices], atol=1e-4
    )
    assert model.mediapipe_indices.tolist() == list(MESH_TO_68[17:])
    assert model.landmark_vertices.tolist() == (arrays["keypoints"][0, 17:] - 1).tolist()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"exBase": None}, "lacks the array exBase"),
        ({"idBase": np.zeros((30, 80))}, "do not fit each other"),
        ({"keypoints": np.full((1, 68), 10**6)}, "do not fit each other"),
    ],
)
def test_a_file_that_is_not_one_says_what_is_expected_and_where_to_ask(tmp_path, changes, said):
    with pytest.raises(ConfigError, match=said) as caught:
        load_morphable(write_toy(tmp_path / "face.npz", **changes))
    assert "exBase (64)" in str(caught.value)
    assert "https://faces.dmi.unibas.ch/bfm/" in str(caught.value)


def test_missing_files_give_a_sentence(tmp_path, local_hub, monkeypatch):
    with pytest.raises(ConfigError, match=r"no 3D face model at .*BFM_model_front\.mat.*Ask for"):
        load_morphable(tmp_path / "BFM_model_front.mat")
    (tmp_path / "text.mat").write_text("nothing")
    with pytest.raises(ConfigError, match="cannot be read as a 3D face model"):
        load_morphable(tmp_path / "text.mat")
    monkeypatch.setenv("LIPSYNC_OFFLINE", "1")
    with pytest.raises(ArtefactError, match=r"ict_facekit\.npz .*LIPSYNC_WEIGHTS"):
        load_morphable()


def test_ict_facekit_has_sizes_names_and_a_symmetric_face(ict):
    assert (ict.identity_size, ict.expression_size, ict.texture_size) == (100, 53, 0)
    assert {"jawOpen", "mouthClose", "mouthSmile_L", "eyeBlink_R"} <= set(ict.expression_names)
    eyes = [ict.mediapipe_indices.tolist().index(point) for point in (33, 133, 362, 263)]
    neutral = ict.landmarks(torch.zeros(1, 100), torch.zeros(1, 53))[0]
    centres = neutral[eyes].reshape(2, 2, 3).mean(1)
    assert float((centres[1] - centres[0]).norm()) == pytest.approx(63, abs=3)  # of an adult, mm
    # Every pair has its mirror: swapping left and right leaves the set of points as it is.
    mirrored = neutral * torch.tensor([-1.0, 1, 1])
    assert float(torch.cdist(mirrored, neutral).min(1).values.max()) < 0.5


def test_an_open_jaw_drops_the_chin_and_leaves_the_brow(ict):
    opened = torch.zeros(1, 53)
    opened[0, ict.expression_names.index("jawOpen")] = 0.5
    rest = ict.landmarks(torch.zeros(1, 100), torch.zeros(1, 53))
    moved = ict.landmarks(torch.zeros(1, 100), opened) - rest
    place = ict.mediapipe_indices.tolist().index
    assert float(moved[0, place(152), 1]) < -10
    assert float(moved[0, place(105)].norm()) < 0.1
    assert float(moved[0, place(14), 1]) < float(moved[0, place(13), 1]) - 10


def test_left_is_the_persons_left_in_scores_and_shapes(ict):
    """The scores' "left" is right in the picture, where x is positive; so is ICT-FaceKit's ``_L``."""
    scores = scores_by_name(ict.expression_names)
    assert scores is not None
    assert NAMES[scores[ict.expression_names.index("eyeBlink_L")]] == "eyeBlinkLeft"
    assert NAMES[scores[ict.expression_names.index("browInnerUp_R")]] == "browInnerUp"
    blink = ict.expression_basis[ict.expression_names.index("eyeBlink_L")].reshape(-1, 3).norm(dim=1)
    assert bool((ict.mean.reshape(-1, 3)[blink > 2, 0] > 0).all())


def test_a_model_without_names_takes_no_scores(toy):
    assert scores_by_name(toy.expression_names) is None


def test_normals_of_a_ball_point_outwards(toy):
    """The toy's grid bent onto a ball about the origin."""
    grid = toy.mean.reshape(1, -1, 3) + torch.tensor([0.0, 0, 100])
    ball = torch.nn.functional.normalize(grid, dim=-1) * 100
    inner = (slice(None), torch.arange(24 * 24).reshape(24, 24)[1:-1, 1:-1].reshape(-1))
    agree = (toy.normals(ball)[inner] * ball[inner] / 100).sum(-1)
    assert float(agree.min()) > 0.99
    # The loop that runs without gradients against torch's operations.
    bumpy = ball + torch.randn(2, *ball.shape[1:], generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        toy.normals(bumpy), toy.normals(bumpy.requires_grad_()).detach(), atol=1e-5, rtol=0
    )


def test_light_equals_the_integral_over_the_sphere():
    """Irradiance is the integral of cosine times light; the harmonics' closed form against a sum."""
    count = 200_000
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    x, y, z = directions.T
    one = np.ones(count)
    basis = np.stack(
        [0.282095 * one, 0.488603 * y, 0.488603 * z, 0.488603 * x, 1.092548 * x * y, 1.092548 * y * z,
         0.315392 * (3 * z * z - 1), 1.092548 * x * z, 0.546274 * (x * x - y * y)], 1,
    )  # fmt: skip
    normal = np.array([0.6, 0.48, 0.64])
    expected = (np.maximum(directions @ normal, 0)[:, None] * basis).mean(0) * 4 * np.pi
    np.testing.assert_allclose(harmonics(torch.tensor(normal)), expected, atol=0.02)


def test_each_channel_has_its_own_light():
    lighting = torch.zeros(1, 27)
    lighting[0, 9] = 1 / (torch.pi * 0.282095)  # the constant of green
    seen = shade(torch.full((1, 1, 3), 0.5), torch.tensor([[[0.0, 0, 1]]]), lighting)
    np.testing.assert_allclose(seen[0, 0], [0, 0.5, 0], atol=1e-5)
