"""Things before a mouth, drawn from random numbers: hands, microphones, cups, masks, cloth, banners.

And what changes a mouth without covering it: beards, tongues, shadows, light, lipstick. For the network that
finds covers. Nothing is downloaded, and a seed draws the same things again. All pictures are stored crops
(:mod:`lipsync.data.clips`), on which ``MILLIMETRE`` pixels are a millimetre of an adult's face.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from lipsync.data.clips import MARGIN, STORED
from lipsync.faces.tracking.crop import SIDE
from lipsync.faces.tracking.landmarks import LIPS_INNER, LIPS_OUTER

MILLIMETRE = STORED / MARGIN / SIDE / 63  # pixels; the eyes of an adult are 63 mm apart
MASK_TOP = (234, 227, 118, 6, 347, 447, 454)  # points of the landmarker: a mask's upper edge, ear to ear
JAW = (454, 361, 397, 365, 379, 400, 152, 176, 150, 136, 172, 132, 234)  # and its lower one
CHEEKS = (50, 280, 151)  # whose colour is that of the skin

_Y, _X = np.mgrid[:STORED, :STORED].astype(np.float32)


@dataclass(frozen=True)
class CoveredFace:
    """A face that something is put before."""

    face: np.ndarray  # (160, 160, 3) uint8, a stored crop
    points: np.ndarray  # (478, 2) float32 pixels of it
    other: np.ndarray  # (160, 160, 3) uint8, some other picture, whose texture may be used
    at: np.ndarray  # (2,) pixels, what the cover is to hide

    def skin(self, rng: np.random.Generator) -> np.ndarray:
        """(3,) colour of a hand: mostly this face's, in the light of another place."""
        x, y = np.clip(self.points[rng.choice(CHEEKS)].round().astype(int), 3, STORED - 4)
        colour = np.median(self.face[y - 3 : y + 4, x - 3 : x + 4].reshape(-1, 3), 0)
        if rng.random() < 0.25:
            hue, value = rng.uniform(4, 14), rng.uniform(70, 240)
            hsv = np.array([[[hue, rng.uniform(40, 150), value]]]).astype(np.uint8)
            colour = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]
        return colour * rng.uniform(0.6, 1.25) * rng.uniform(0.92, 1.08, 3)


# What hides a face: (160, 160, 3) float32 colours in 0..255 and (160, 160) float32 opacity in 0..1.
Cover = tuple[np.ndarray, np.ndarray]


def hand(scene: CoveredFace, rng: np.random.Generator) -> Cover:
    """One to four fingers side by side, often with the palm that they grow from."""
    colour = scene.skin(rng)
    turn = rng.normal(0, 0.7) if rng.random() < 0.7 else rng.uniform(-np.pi, np.pi)
    along = np.array([np.sin(turn), -np.cos(turn)])  # from the wrist to the tips: mostly upwards
    across = np.array([-along[1], along[0]])
    width = MILLIMETRE * rng.uniform(14, 21)
    count, fan = int(rng.integers(1, 5)), rng.normal(0, 0.1)
    flat = rng.random() < 0.35  # the palm hides the mouth, not the fingers
    root = scene.at - along * MILLIMETRE * (rng.uniform(-10, 20) if flat else rng.uniform(20, 65))
    layers: list[Cover] = []
    if flat or rng.random() < 0.7:
        size = MILLIMETRE * np.array([rng.uniform(30, 45), rng.uniform(35, 55)])
        layers.append(_ellipse(root - along * size[1] * 0.8, size, np.arctan2(along[0], -along[1]), colour))
    for k in rng.permutation(count):
        side = k - (count - 1) / 2
        begin = root + across * side * width * rng.uniform(0.95, 1.1)
        way = along + across * (fan * side + rng.normal(0, 0.04))
        end = begin + way * MILLIMETRE * rng.uniform(50, 80)
        layers.append(_finger(begin, end, width * rng.uniform(0.9, 1.1), colour, rng))
    covered = _stack(layers)
    grain = scene.face.astype(np.float32) - cv2.GaussianBlur(scene.face, (0, 0), 4).astype(np.float32)
    grain = np.roll(grain, rng.integers(20, STORED - 20, 2), (0, 1)) * rng.uniform(0, 0.8)
    return _lit((covered[0] + grain, covered[1]), rng)


def microphone(scene: CoveredFace, rng: np.random.Generator) -> Cover:
    """A round head of wire or foam on a handle, maybe in a hand."""
    turn = rng.normal(0, 0.8)
    along = np.array([np.sin(turn), -np.cos(turn)])
    radius = MILLIMETRE * rng.uniform(14, 40)
    centre = scene.at + along * rng.uniform(-0.6, 0.2) * radius
    colour = _object(rng, dark=0.6)
    size = radius * np.array([1.0, rng.uniform(0.9, 1.4)])
    head = _ellipse(centre, size, turn, colour)
    pitch = rng.uniform(2, 5)
    if rng.random() < 0.5:  # wire
        grid = np.sin((_X + _Y) * 2 * np.pi / pitch) * np.sin((_X - _Y) * 2 * np.pi / pitch)
    else:  # foam
        grid = _noise(rng, (40, 80))
    head = (head[0] + (grid * rng.uniform(3, 30))[..., None], head[1])
    foot = centre - along * MILLIMETRE * 150
    handle = _capsule(centre, foot, radius * rng.uniform(0.5, 1.2), _object(rng, dark=0.7))
    layers = [handle, head]
    if rng.random() < 0.3:
        layers.append(
            hand(CoveredFace(scene.face, scene.points, scene.other, centre - along * radius * 3), rng)
        )
    return _lit(_stack(layers), rng)


def cup(scene: CoveredFace, rng: np.random.Generator) -> Cover:
    """A cup, glass or bottle at the lips: straight sides, lit like a cylinder, often held by a hand."""
    turn = rng.normal(0, 0.25)
    down = np.array([-np.sin(turn), np.cos(turn)])
    side = np.array([down[1], -down[0]])
    width, high = MILLIMETRE * rng.uniform(25, 50), MILLIMETRE * rng.uniform(50, 110)  # half the width
    top = scene.at - down * rng.uniform(0, 0.35) * high
    foot = top + down * high
    taper = rng.uniform(0.6, 1.1)
    corners = [
        top - side * width,
        top + side * width,
        foot + side * width * taper,
        foot - side * width * taper,
    ]
    alpha = _polygon(corners)
    rim = _ellipse(top, np.array([width, width * rng.uniform(0.1, 0.4)]), turn, np.ones(3))[1]
    across = ((_X - top[0]) * side[0] + (_Y - top[1]) * side[1]) / width
    light = 1 + rng.uniform(-0.35, 0.35) * across - rng.uniform(0.1, 0.5) * across**2
    colour = _printed(_object(rng, dark=0.2), scene, rng) * light[..., None]
    colour = colour * (1 - 0.35 * rim * (rng.random() < 0.7))[..., None]
    layers = [(colour, np.maximum(alpha, rim))]
    if rng.random() < 0.5:
        centre = top + down * high * rng.uniform(0.3, 0.8)
        layers.append(hand(CoveredFace(scene.face, scene.points, scene.other, centre), rng))
    return _lit(_stack(layers), rng)


def mask(scene: CoveredFace, rng: np.random.Generator) -> Cover:
    """A surgical or cloth mask over nose, mouth and chin; sometimes it has slipped."""
    outline = scene.points[[*MASK_TOP, *JAW]].astype(np.float64)
    middle = outline.mean(0)
    outline = middle + (outline - middle) * rng.uniform(0.85, 1.12, (1, 2))
    outline += rng.normal(0, 1.5, outline.shape)
    if rng.random() < 0.4:  # not up to the bridge of the nose
        tip = scene.points[1, 1] + rng.uniform(-8, 8)
        outline[: len(MASK_TOP), 1] = np.maximum(outline[: len(MASK_TOP), 1], tip + rng.normal(0, 3))
    outline[:, 1] += rng.uniform(-3, 4)
    alpha = _polygon(outline)
    colour = _printed(_object(rng, dark=0.25), scene, rng)
    pleats = np.sin((_Y + rng.normal(0, 0.15) * _X) * 2 * np.pi / rng.uniform(8, 22)) * rng.uniform(0, 0.15)
    bulge = 1 - rng.uniform(0.05, 0.4) * np.hypot(_X - middle[0], _Y - middle[1]) / (0.35 * STORED)
    return _lit((colour * (bulge + pleats)[..., None], alpha), rng)


def cloth(scene: CoveredFace, rng: np.random.Generator) -> Cover:
    """Something of any outline and pattern that comes in from a side: scarf, sleeve, paper, a head."""
    turn = rng.normal(0, 1.0)
    normal = np.array([np.sin(turn), -np.cos(turn)])  # towards the face
    edge = scene.at + normal * MILLIMETRE * rng.uniform(-5, 25)
    depth = (edge[0] - _X) * normal[0] + (edge[1] - _Y) * normal[1]
    depth = depth + _noise(rng, (2, 5)) * rng.uniform(0, 8)
    inside = depth
    if rng.random() < 0.5:  # a strip or a thing, not a half-plane
        inside = np.minimum(depth, MILLIMETRE * rng.uniform(30, 80) - depth)
        off = (_X - scene.at[0]) * normal[1] - (_Y - scene.at[1]) * normal[0]
        inside = np.minimum(inside, MILLIMETRE * rng.uniform(20, 60) - np.abs(off))
    alpha = np.clip(inside / rng.uniform(1, 3) + 0.5, 0, 1)
    return _lit((_printed(_object(rng), scene, rng), alpha.astype(np.float32)), rng)


def banner(scene: CoveredFace, rng: np.random.Generator) -> Cover:
    """A caption: a bar with letters, or a box."""
    half = MILLIMETRE * rng.uniform(8, 30)
    x0, x1 = (-5, STORED + 5) if rng.random() < 0.7 else scene.at[0] + np.array([-1, 1]) * rng.uniform(25, 70)
    y0, y1 = scene.at[1] - half, scene.at[1] + half
    alpha = _polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]) * (1 if rng.random() < 0.7 else 0.8)
    colour = np.tile(_object(rng, dark=0.3).astype(np.float32), (STORED, STORED, 1))
    letters = "".join(chr(c) for c in rng.integers(65, 123, 14))
    ink = tuple(float(v) for v in (_object(rng, dark=0.2)))
    place = (int(max(0, x0)) + 2, int(scene.at[1] + half * 0.5))
    cv2.putText(colour, letters, place, int(rng.integers(0, 5)), half / 14, ink, 1, cv2.LINE_AA)
    return colour, alpha


COVERS: tuple[Callable[[CoveredFace, np.random.Generator], Cover], ...] = (
    hand, microphone, cup, mask, cloth, banner
)  # fmt: skip


def laid(scene: CoveredFace, cover: Cover, rng: np.random.Generator) -> np.ndarray:
    """(160, 160, 3) float32 of the face behind a cover, which mostly throws a shadow."""
    colour, alpha = cover
    face = scene.face.astype(np.float32)
    if rng.random() < 0.6:
        move = np.array([[1, 0, rng.normal(0, 5)], [0, 1, rng.normal(2, 4)]])
        shadow = cv2.GaussianBlur(cv2.warpAffine(alpha, move, alpha.shape), (0, 0), rng.uniform(1, 7))
        face = face * (1 - rng.uniform(0.1, 0.6) * shadow)[..., None]
    alpha = cv2.GaussianBlur(alpha, (0, 0), rng.uniform(0.3, 1.2))[..., None]
    return face * (1 - alpha) + np.clip(colour, 0, 255) * alpha


def changed(scene: CoveredFace, rng: np.random.Generator) -> np.ndarray:
    """(160, 160, 3) float32 of the face, changed by what covers nothing."""
    points = scene.points
    face: np.ndarray = scene.face.astype(np.float32)
    lips, inner = _polygon(points[list(LIPS_OUTER)]), _polygon(points[list(LIPS_INNER)])
    if rng.random() < 0.25:  # a beard, thick or thin
        line = points[[*JAW, 205, 2, 425]].astype(np.float64)
        hair = cv2.GaussianBlur(_polygon(line), (0, 0), rng.uniform(2, 6)) * (1 - lips)
        strands = np.clip(rng.uniform(0.4, 1.1) + 0.4 * _noise(rng, (60, 120)), 0, 1)
        hair = (hair * strands * rng.uniform(0.3, 1))[..., None]
        shade = np.array([1, rng.uniform(0.7, 1), rng.uniform(0.5, 1)]) * rng.uniform(10, 120)
        face = face * (1 - hair) + hair * (shade + 12 * _noise(rng, (50, 100))[..., None])
    if rng.random() < 0.15:  # lipstick
        strength = (lips * (1 - inner) * rng.uniform(0.2, 0.7))[..., None]
        shade = np.array([rng.uniform(60, 220), rng.uniform(0, 80), rng.uniform(10, 110)])
        face = face * (1 - strength) + strength * shade * face.mean(2, keepdims=True) / 128
    if rng.random() < 0.12:  # the tongue
        middle = points[list(LIPS_INNER)].mean(0) + np.array([0, MILLIMETRE * rng.uniform(2, 10)])
        size = MILLIMETRE * np.array([rng.uniform(8, 17), rng.uniform(4, 14)])
        shade = np.array([rng.uniform(150, 230), rng.uniform(70, 130), rng.uniform(80, 140)])
        colour, alpha = _ellipse(middle, size, 0.0, shade * rng.uniform(0.6, 1))
        alpha = cv2.GaussianBlur(alpha, (0, 0), 1)[..., None]
        face = face * (1 - alpha) + colour * alpha
    if rng.random() < 0.25:  # the edge of a shadow or of strong light
        turn, soft = rng.uniform(0, 2 * np.pi), rng.uniform(1, 25)
        off = (_X - scene.at[0]) * np.cos(turn) + (_Y - scene.at[1]) * np.sin(turn)
        part = 1 / (1 + np.exp(-np.clip(off / soft, -30, 30)))
        tint = rng.uniform(0.9, 1.1, 3)
        face = face * (1 + (rng.uniform(0.4, 1.8) * tint - 1) * part[..., None])
    return np.clip(face, 0, 255)


def _object(rng: np.random.Generator, dark: float = 0.35) -> np.ndarray:
    """(3,) colour of a thing: dark, light or of any hue."""
    kind = rng.random()
    if kind < dark:
        return rng.uniform(5, 70) * rng.uniform(0.85, 1.15, 3)
    if kind < dark + 0.3:
        return rng.uniform(140, 250) * rng.uniform(0.9, 1.05, 3)
    return rng.uniform(0, 255, 3)


def _noise(rng: np.random.Generator, cells: tuple[int, int]) -> np.ndarray:
    """(160, 160) float32 smooth noise about 0 of deviation 1, with so many cells a side."""
    count = int(rng.integers(cells[0], cells[1] + 1))
    coarse = rng.standard_normal((count, count)).astype(np.float32)
    return cv2.resize(coarse, (STORED, STORED), interpolation=cv2.INTER_CUBIC)


def _printed(colour: np.ndarray, scene: CoveredFace, rng: np.random.Generator) -> np.ndarray:
    """(160, 160, 3) float32 of a material: plain, striped, checked, woven, or with a picture on it."""
    out: np.ndarray = np.tile(colour.astype(np.float32), (STORED, STORED, 1))
    kind, turn, pitch = rng.random(), rng.uniform(0, np.pi), rng.uniform(3, 30)
    wave = np.sin((np.cos(turn) * _X + np.sin(turn) * _Y) * 2 * np.pi / pitch)
    if kind < 0.2:
        out = np.where((wave > rng.uniform(-0.8, 0.8))[..., None], out, _object(rng))
    elif kind < 0.3:
        other = np.sin((np.sin(turn) * _X - np.cos(turn) * _Y) * 2 * np.pi / pitch)
        out = out + ((wave + other) * rng.uniform(5, 40))[..., None]
    elif kind < 0.5:
        zoom = rng.uniform(0.7, 2.5)
        move = cv2.getRotationMatrix2D(tuple(rng.uniform(40, 120, 2)), rng.uniform(0, 360), zoom)
        out = cv2.warpAffine(scene.other, move, (STORED, STORED), borderMode=cv2.BORDER_REFLECT)
        out = out.astype(np.float32)
    out = out + (_noise(rng, (3, 10)) * rng.uniform(0, 15))[..., None]  # folds
    return out + (_noise(rng, (60, 140)) * rng.uniform(0, 8))[..., None]  # threads


def _lit(cover: Cover, rng: np.random.Generator) -> Cover:
    """A cover in a light that falls off to a side."""
    turn = rng.uniform(0, 2 * np.pi)
    slope = (np.cos(turn) * (_X / STORED - 0.5) + np.sin(turn) * (_Y / STORED - 0.5)) * rng.uniform(0, 0.8)
    return (cover[0] * (1 + slope)[..., None]).astype(np.float32), cover[1]


def _stack(layers: list[Cover]) -> Cover:
    """Several covers as one, the last on top."""
    colour, alpha = np.zeros((STORED, STORED, 3), np.float32), np.zeros((STORED, STORED), np.float32)
    for over, opacity in layers:
        colour = colour * (1 - opacity[..., None]) + over * opacity[..., None]
        alpha = np.maximum(alpha, opacity)
    return colour / np.maximum(alpha, 1e-3)[..., None], alpha


def _polygon(points) -> np.ndarray:  # type: ignore[no-untyped-def]
    """(160, 160) float32, 1 inside."""
    out: np.ndarray = np.zeros((STORED, STORED), np.uint8)
    corners = (np.asarray(points, np.float64) * 16).round().astype(np.int32)
    cv2.fillPoly(out, [corners], 255, cv2.LINE_AA, 4)
    return out.astype(np.float32) / 255


def _ellipse(centre: np.ndarray, half: np.ndarray, turn: float, colour: np.ndarray) -> Cover:
    """A ball: an ellipse, darker towards its edge."""
    x, y = _X - centre[0], _Y - centre[1]
    u = (x * np.cos(turn) + y * np.sin(turn)) / half[0]
    v = (y * np.cos(turn) - x * np.sin(turn)) / half[1]
    radius = np.sqrt(u * u + v * v)
    alpha = np.clip((1 - radius) * min(half) + 0.5, 0, 1)
    return (colour * (1 - 0.35 * np.minimum(radius, 1) ** 2)[..., None]).astype(np.float32), alpha


def _capsule(
    begin: np.ndarray, end: np.ndarray, width: float, colour: np.ndarray, taper: float = 0.9
) -> Cover:
    """A rod with round ends, lit like a cylinder; ``taper`` times as wide at its end."""
    way = end - begin
    length = max(float(np.hypot(*way)), 1e-3)
    along = np.clip(((_X - begin[0]) * way[0] + (_Y - begin[1]) * way[1]) / length**2, 0, 1)
    off = np.hypot(_X - begin[0] - along * way[0], _Y - begin[1] - along * way[1])
    half = width / 2 * (1 + (taper - 1) * along)
    alpha = np.clip(half - off + 0.5, 0, 1)
    return (colour * (1.05 - 0.45 * np.minimum(off / half, 1) ** 2.5)[..., None]).astype(np.float32), alpha


def _finger(
    begin: np.ndarray, end: np.ndarray, width: float, colour: np.ndarray, rng: np.random.Generator
) -> Cover:
    """A rod of skin with wrinkles at its joints and sometimes a nail."""
    picture, alpha = _capsule(begin, end, width, colour, rng.uniform(0.7, 0.95))
    way = end - begin
    along = ((_X - begin[0]) * way[0] + (_Y - begin[1]) * way[1]) / float(way @ way)
    for joint in (0.35, 0.7):
        crease = np.exp(-(((along - joint - rng.normal(0, 0.02)) / 0.03) ** 2)) * rng.uniform(0, 0.25)
        picture = picture * (1 - crease)[..., None]
    if rng.random() < 0.5:
        turn = np.arctan2(way[0], -way[1])
        shade = colour * rng.uniform(0.9, 1.3) if rng.random() < 0.8 else rng.uniform(0, 255, 3)
        nail = _ellipse(begin + way * 0.95, width * np.array([0.33, 0.42]), turn, shade)
        picture = picture * (1 - nail[1])[..., None] + nail[0] * nail[1][..., None]
    return picture.astype(np.float32), alpha
