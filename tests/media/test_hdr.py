"""Colours of HDR, 10-bit and wide-gamut video against the standards, on patches of many colours."""

from pathlib import Path

import av
import numpy as np
import pytest

from lipsync.media import probe, read_frames

SIDE = 16  # pixels of one patch; 4:2:0 leaves its middle alone
PATCHES = np.array(
    [
        *(level * np.ones(3) for level in np.linspace(0, 1, 8)),
        *np.random.default_rng(4).uniform(0.05, 0.95, (40, 3)),
        [0.9, 0.1, 0.1],
        [0.1, 0.9, 0.1],
        [0.1, 0.1, 0.9],
        [0.55, 0.42, 0.36],  # skin
        [0.68, 0.55, 0.48],
        [0.38, 0.28, 0.22],
        [0.95, 0.9, 0.2],
        [0.2, 0.8, 0.9],
    ]
).reshape(7, 8, 3)
KR_KB = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}  # by matrix tag of ITU-T H.273
BT2020_TO_709 = np.array(  # ITU-R BT.2407, 2
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)
P3_TO_709 = np.array([[1.2249, -0.2247, 0], [-0.0420, 1.0419, 0], [-0.0197, -0.0786, 1.0979]])


def coded(rgb: np.ndarray, matrix: int, full: bool, bits: int) -> np.ndarray:
    """(..., 3) whole code values of Y, Cb, Cr (BT.601, BT.709, BT.2020: the same equations)."""
    kr, kb = KR_KB[matrix]
    y = rgb @ np.array([kr, 1 - kr - kb, kb])
    cb, cr = (rgb[..., 2] - y) / (2 - 2 * kb), (rgb[..., 0] - y) / (2 - 2 * kr)
    scale, offset = code_range(full, bits)
    return np.rint(np.stack([y, cb, cr], -1) * scale + offset)


def code_range(full: bool, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """(3,) code values between 0 and 1, and that of 0, for Y, Cb and Cr."""
    zero, step = 2.0 ** (bits - 1), 2.0 ** (bits - 8)
    if full:
        return np.full(3, 2.0**bits - 1), np.array([0, zero, zero])
    return step * np.array([219, 224, 224]), np.array([16 * step, zero, zero])


def decoded(codes: np.ndarray, matrix: int, full: bool, bits: int) -> np.ndarray:
    """(..., 3) RGB of whole code values: what rounding left of the patches."""
    kr, kb = KR_KB[matrix]
    scale, offset = code_range(full, bits)
    y, cb, cr = np.moveaxis((codes - offset) / scale, -1, 0)
    red, blue = y + (2 - 2 * kr) * cr, y + (2 - 2 * kb) * cb
    return np.stack([red, (y - kr * red - kb * blue) / (1 - kr - kb), blue], -1).clip(0, 1)


def write_patches(path: Path, rgb: np.ndarray, matrix: int, full: bool, pix_fmt: str, tags: dict) -> Path:
    """A lossless video of patches whose code values are exactly those of ``coded``."""
    bits = 10 if "10" in pix_fmt else 8
    planes = coded(rgb, matrix, full, bits).repeat(SIDE, 0).repeat(SIDE, 1)
    height, width = planes.shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        frame = av.VideoFrame(width, height, pix_fmt)
        for plane, values in zip(frame.planes, np.moveaxis(planes, -1, 0), strict=True):
            step = height // plane.height  # 2 for the chroma of 4:2:0
            values = values[::step, ::step]
            kind = np.uint16 if bits > 8 else np.uint8
            lines = np.zeros((plane.height, plane.line_size // np.dtype(kind).itemsize), kind)
            lines[:, : values.shape[1]] = values
            plane.update(lines.tobytes())
        for name, value in tags.items():
            setattr(frame, name, value)
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def patches_of(path: Path) -> np.ndarray:
    """(7, 8, 3) the middles of the patches as they are read."""
    return next(read_frames(path)).image[SIDE // 2 :: SIDE, SIDE // 2 :: SIDE].astype(float)


def hlg_nits(signal: np.ndarray) -> np.ndarray:
    """ITU-R BT.2100, table 5: inverse OETF, then the OOTF of a 1000-nit display."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luma = scene @ [0.2627, 0.6780, 0.0593]
    return 1000 * luma[..., None] ** 0.2 * scene


def pq_nits(signal: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084."""
    power = signal ** (32 / 2523)
    return 1e4 * (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (8192 / 1305)


def pq_signal(nits: float) -> float:
    power = (nits / 1e4) ** (1305 / 8192)
    return float(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** (2523 / 32))


def bt2390(nits: float) -> float:
    """ITU-R BT.2390, 5.4.1: from a display of 1000 nits to one of 203."""
    top, most = pq_signal(1000), pq_signal(203) / pq_signal(1000)
    e1, knee = pq_signal(min(nits, 1000)) / top, 1.5 * most - 0.5
    if e1 < knee:
        return nits
    t = (e1 - knee) / (1 - knee)
    e2 = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * most
    return float(pq_nits(np.array(e2 * top)))


def on_a_screen(nits: np.ndarray) -> np.ndarray:
    """BT.2020 light of an HDR display as 8-bit BT.709: BT.2390 on the largest channel, then BT.1886."""
    brightest = np.maximum(nits.max(-1), 1e-6)
    factor = np.vectorize(bt2390)(brightest) / brightest
    light = (nits * factor[..., None] / 203) @ BT2020_TO_709.T
    return 255 * light.clip(0, 1) ** (1 / 2.4)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("pix_fmt", ["yuv444p10le", "yuv420p10le"])
@pytest.mark.parametrize(("transfer", "light"), [(18, hlg_nits), (16, pq_nits)])
@pytest.mark.parametrize("tagged", [True, False])
def test_hdr_is_the_tone_map_of_the_standards(tmp_path, transfer, light, pix_fmt, full, tagged) -> None:
    """Untagged: only the curve and the range are named, as some editors write it."""
    tags = {"color_trc": transfer, "color_range": 2 if full else 1}
    tags |= {"color_primaries": 9, "colorspace": 9} if tagged else {}
    path = write_patches(tmp_path / "a.mkv", PATCHES, 9, full, pix_fmt, tags)
    np.testing.assert_allclose(patches_of(path), on_a_screen(light(PATCHES)), atol=3)
    assert probe(path).hdr


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("pix_fmt", ["yuv444p10le", "yuv420p10le", "yuv420p", "yuv444p"])
@pytest.mark.parametrize("matrix", [1, 6, 9])
def test_sdr_of_every_matrix_and_range(tmp_path, matrix, pix_fmt, full) -> None:
    tags = {"colorspace": matrix, "color_range": 2 if full else 1, "color_primaries": 1, "color_trc": 1}
    path = write_patches(tmp_path / "a.mkv", PATCHES, matrix, full, pix_fmt, tags)
    np.testing.assert_allclose(patches_of(path), 255 * PATCHES, atol=3)
    assert not probe(path).hdr


@pytest.mark.parametrize("pix_fmt", ["yuv444p10le", "yuv420p"])
def test_small_untagged_sdr_is_bt601_of_limited_range(tmp_path, pix_fmt) -> None:
    path = write_patches(tmp_path / "a.mkv", PATCHES, 6, False, pix_fmt, {})
    np.testing.assert_allclose(patches_of(path), 255 * PATCHES, atol=3)


@pytest.mark.parametrize(("primaries", "matrix", "to_709"), [(9, 9, BT2020_TO_709), (12, 1, P3_TO_709)])
def test_wide_gamut_sdr_is_brought_to_bt709(tmp_path, primaries, matrix, to_709) -> None:
    tags = {"colorspace": matrix, "color_range": 1, "color_primaries": primaries, "color_trc": 1}
    path = write_patches(tmp_path / "a.mkv", PATCHES, matrix, False, "yuv420p10le", tags)
    seen = decoded(coded(PATCHES, matrix, False, 10), matrix, False, 10)
    shown = 255 * ((seen**2.4) @ to_709.T).clip(0, 1) ** (1 / 2.4)
    np.testing.assert_allclose(patches_of(path), shown, atol=3)
    assert not probe(path).hdr
