"""The networks of a score run packed, in parts and on threads of their own; the numbers must not show it."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eval.scoring.metrics import METRICS
from eval.scoring.networks import Networks, load_networks
from eval.scoring.score import score
from eval.scoring.scores import Scores
from lipsync.assets import asset
from lipsync.media import VideoWriter, WriterOptions, loop_frames
from lipsync.weights import hub
from lipsync.weights.numpy_pickle import load_arrays
from tests.functional.picture.test_lpips import ALEX, plain_lpips

FRAMES = 26  # the fewest of a face track that LSE takes, and one
REAL, METHOD = "train/id003_clip04.mp4", "generated/DiffDub_id003_clip09.mp4"
# Of all frames of the two, before anything was packed or ran on several threads.
KNOWN = {
    "psnr": "28.29", "psnr_pooled": "28.05", "ssim": "0.906", "lpips": "0.053", "lmd": "5.02",
    "lmd_all68": "2.92", "lmd_normalised": "0.0568", "lmd_vico": "1.98", "csim": "0.804", "fid": "11.33",
    "aed": "0.0379", "lse_d": "1.052", "lse_c": "0.050", "offset": "0", "lipcorr": "0.831",
}  # fmt: skip


class PlainLpips(nn.Module):
    """LPIPS from the arrays of its file in double precision, one picture at a time."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.arrays = load_arrays(path, hub.artefacts()["lpips_alex"].sha256)
        self.device = nn.Parameter(torch.zeros(0))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        sides = (((side + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy() for side in (x, y))
        return torch.tensor(
            [plain_lpips(self.arrays, a, b, "AlexNet_0", ALEX) for a, b in zip(*sides, strict=True)]
        )


def plain_inception(published: nn.Module, pictures: np.ndarray) -> np.ndarray:
    """Features by the published graph itself, one picture at a time."""
    rows = []
    for picture in torch.tensor(pictures).permute(0, 3, 1, 2).float().split(1):
        large = F.interpolate(picture, (299, 299), mode="bicubic", antialias=True).clamp(0, 255)
        with torch.inference_mode():
            rows.append(published((large - 128) / 128).numpy())
    return np.concatenate(rows)


def plain_sface(recogniser: cv2.FaceRecognizerSF, pictures: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Embeddings by OpenCV, one face at a time."""
    rows = []
    for picture, five in zip(pictures[..., ::-1], points, strict=True):
        row = np.concatenate([np.zeros(4), five.ravel(), np.ones(1)]).astype(np.float32)[None]
        face = recogniser.alignCrop(np.ascontiguousarray(picture), row)
        rows.append(recogniser.feature(face).copy())
    return np.concatenate(rows)


@pytest.fixture(scope="module")
def local() -> Iterator[Networks]:
    """All networks that are on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIPSYNC_OFFLINE", "1")
        yield load_networks(list(METRICS))


@pytest.fixture(scope="module")
def plain(local) -> Networks:
    """The same in single precision as they were published, by their own libraries where these run them."""
    loaded = dict(local.loaded)
    if "fid" in loaded:
        loaded["fid"] = partial(plain_inception, torch.jit.load(str(hub.locate("inception_fid"))).eval())
    if "lpips" in loaded:
        loaded["lpips"] = PlainLpips(hub.locate("lpips_alex"))
    if local.names.get("csim") == "SFace":
        loaded["csim"] = partial(plain_sface, cv2.FaceRecognizerSF.create(str(hub.locate("sface")), ""))
    return replace(local, loaded=loaded)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> tuple[Path, Path]:
    """The bundled portrait, and the same less sharp around the mouth and with noise."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("drawn")
    paths = folder / "generated.mp4", folder / "reference.mp4"
    options = WriterOptions(duration=FRAMES / 25, crf=12)
    sound = asset("examples", "english.wav")
    ours, theirs = (VideoWriter(path, 256, 256, 25, audio=sound, options=options) for path in paths)
    with ours, theirs:
        for frame in loop_frames(asset("examples", "portrait.mp4"), 25, FRAMES):
            picture = np.ascontiguousarray(frame.image[40:296, 64:320])
            theirs.write(picture)
            picture[128:] = cv2.GaussianBlur(picture, (0, 0), 1.5)[128:]
            ours.write(np.maximum(picture, 8) - rng.integers(0, 8, picture.shape, dtype=np.uint8))
    return paths


def printed(scores: Scores) -> dict[str, str]:
    return {
        name: f"{entry.value:.{METRICS.get(name).decimals}f}"
        for name, entry in scores.scores.items()
        if entry.value is not None
    }


@pytest.fixture
def two_threads() -> Iterator[None]:
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


def check(paths: tuple[Path, Path], local: Networks, plain: Networks) -> None:
    """Score twice and compare what is printed."""
    found = score(*paths, networks=local)
    torch.set_num_threads(1)
    wanted = score(*paths, networks=plain)
    assert {"psnr", "ssim", "lmd", "lse_d", "lipcorr"} <= printed(wanted).keys()
    assert printed(found) == printed(wanted)
    for name in ("fid", "lpips", "csim"):
        if name in plain.loaded:
            assert found[name] == pytest.approx(wanted[name], rel=1e-4)


@pytest.mark.slow
def test_bundled_face_has_the_digits_of_the_published_networks(drawn, local, plain, two_threads):
    check(drawn, local, plain)


@pytest.mark.minutes
def test_a_published_method_has_the_digits_of_the_published_networks(cut, local, plain, two_threads):
    check((cut(METHOD, FRAMES), cut(REAL, FRAMES)), local, plain)


@pytest.mark.minutes
def test_a_published_method_has_the_digits_it_always_had(shared, local, two_threads):
    found = printed(score(shared / "data" / METHOD, shared / "data" / REAL, networks=local))
    if local.names.get("csim") != "SFace":
        found["csim"] = KNOWN["csim"]  # of another network
    assert found == {name: KNOWN[name] for name in found}
    assert {"psnr", "ssim", "lmd", "lse_d", "lipcorr"} <= found.keys()
