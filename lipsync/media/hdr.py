"""HDR and wide-gamut pictures as a standard screen shows them: BT.709 colours, 203 nits of white.

HLG and PQ are decoded as ITU-R BT.2100 says, HLG for a display of 1000 nits. What is brighter than such a
screen is brought into its range with the curve of ITU-R BT.2390 (EETF), which leaves everything below about
90 nits as it is. It is applied to the largest of red, green and blue and scales all three alike, so no hue
changes. White of 203 nits is that of ITU-R BT.2408; the screen's own curve is ITU-R BT.1886, a power of 2.4.
"""

from functools import cache

import cv2
import numpy as np

PQ, HLG = 16, 18  # transfer curves (ITU-T H.273, table 3)
BT709, BT2020, P3 = 1, 9, 12  # primaries (ITU-T H.273, table 2)
PEAK = 1000.0  # nits; what phones and cameras grade HDR for
WHITE = 203.0  # nits
GAMMA = 2.4
STRIP = 128  # rows at a time: the numbers of one strip stay in the processor's cache
_MOST = 10_000.0  # nits, the top of PQ
# x and y of red, green, blue; white is D65 in all of them.
_CHROMATICITIES = {
    BT709: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    P3: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
_D65 = (0.3127, 0.3290)
_LUMA_2020 = np.array([[0.2627, 0.6780, 0.0593]], np.float32)


def is_hdr(transfer: int) -> bool:
    """Whether a transfer curve (ITU-T H.273) is that of HDR."""
    return transfer in (PQ, HLG)


def beyond_bt709(transfer: int, primaries: int) -> bool:
    """Whether a picture with these tags (ITU-T H.273) needs :func:`to_bt709`."""
    return is_hdr(transfer) or primaries in (BT2020, P3)


def to_bt709(signal: np.ndarray, transfer: int, primaries: int) -> np.ndarray:
    """(H, W, 3) uint8 RGB as a BT.709 screen is sent it.

    Args:
        signal: (H, W, 3) uint16, non-linear RGB of the full range 0 to 65535.
        transfer: its curve; other than PQ and HLG counts as BT.1886.
        primaries: of its colours; unknown ones are BT.2020.
    """
    matrix = _to_709(primaries if primaries in _CHROMATICITIES else BT2020)
    image = np.empty(signal.shape, np.uint8)
    for top in range(0, len(signal), STRIP):
        light = _light(signal[top : top + STRIP], transfer)
        if is_hdr(transfer):
            brightest = cv2.max(cv2.max(light[..., 0], light[..., 1]), light[..., 2])
            steps = np.minimum(brightest * (65535 * WHITE / _MOST), 65535).astype(np.uint16)
            light *= _compression()[steps][..., None]
        shown = np.clip(cv2.transform(light, matrix), 0, 1)
        image[top : top + STRIP] = cv2.convertScaleAbs(cv2.pow(shown, 1 / GAMMA), alpha=255)
    return image


def _light(signal: np.ndarray, transfer: int) -> np.ndarray:
    """(H, W, 3) float32 light of the display, 1 is white."""
    light = _linear(transfer)[signal]
    if transfer == HLG:  # BT.2100, table 5: the display's own gamma, 1.2 at 1000 nits
        scene = cv2.transform(light, _LUMA_2020)
        light *= (PEAK / WHITE) * cv2.pow(scene, 0.2)[..., None]
    return light


@cache
def _linear(transfer: int) -> np.ndarray:
    """(65536,) float32: the light of each signal, of the scene for HLG (0 to 1), else of the display."""
    signal = np.linspace(0, 1, 65536)
    if transfer == HLG:  # BT.2100, table 5
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    elif transfer == PQ:
        light = _nits(signal) / WHITE
    else:
        light = signal**GAMMA
    return light.astype(np.float32)


_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128  # BT.2100, table 4
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


def _nits(signal: np.ndarray) -> np.ndarray:
    root = signal ** (1 / _M2)
    return _MOST * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1)


def _pq(nits: np.ndarray | float) -> np.ndarray:
    power = (np.asarray(nits) / _MOST) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2


@cache
def _compression() -> np.ndarray:
    """(65536,) float32: what light of 0 to 10,000 nits is multiplied by (EETF of BT.2390)."""
    nits = np.linspace(0, _MOST, 65536)
    nits[0] = nits[1]  # its factor is 1 as well
    source = _pq(np.minimum(nits, PEAK)) / _pq(PEAK)
    most = _pq(WHITE) / _pq(PEAK)
    knee = 1.5 * most - 0.5
    t = (source - knee) / (1 - knee)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * most
    )
    target = np.where(source < knee, source, spline)
    return np.where(source < knee, 1.0, _nits(target * _pq(PEAK)) / nits).astype(np.float32)


@cache
def _to_709(primaries: int) -> np.ndarray:
    """(3, 3) float32 matrix from linear RGB of these primaries to that of BT.709."""
    return (np.linalg.inv(_to_xyz(BT709)) @ _to_xyz(primaries)).astype(np.float32)


def _to_xyz(primaries: int) -> np.ndarray:
    columns = [(x / y, 1.0, (1 - x - y) / y) for x, y in (*_CHROMATICITIES[primaries], _D65)]
    red_green_blue, white = np.array(columns[:3]).T, np.array(columns[3])
    return red_green_blue * np.linalg.solve(red_green_blue, white)
