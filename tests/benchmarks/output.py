"""``python -m tests.benchmarks.output VIDEO ...``: what each quality of a result loses, and how large it is.

The first seconds of real videos are written as the pipeline does it, with nothing drawn, so the whole picture
is "outside the mouth". Printed are PSNR (RGB) and SSIM (grey, every tenth frame) against the frames that were
read, the size of a minute, the bit rate as a multiple of the source's, and ms of processor time a frame.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import av
import cv2
import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from lipsync.media import VideoWriter, WriterOptions, probe, read_frames
from lipsync.media.output.formats import QUALITIES


def bit_rate(path: Path) -> float:
    """Bits of picture a second."""
    with av.open(str(path)) as container:
        size = sum(packet.size for packet in container.demux(container.streams.video[0]))
    return 8 * size / probe(path).duration


def measure(
    frames: list[np.ndarray], output: Path, options: WriterOptions, fps: float
) -> tuple[float, float, float]:
    """PSNR in dB and SSIM of the frames as they come back, and ms of processor time that writing one took."""
    height, width = frames[0].shape[:2]
    began = time.process_time()
    with VideoWriter(output, width, height, fps, options=options) as writer:
        for image in frames:
            writer.write(image)
    spent = 1000 * (time.process_time() - began) / len(frames)
    back = [frame.image for frame in read_frames(output, fps)]
    grey = [[cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in side[5::10]] for side in (frames, back)]
    similar = [structural_similarity(*pair) for pair in zip(*grey, strict=True)]
    psnr = float(peak_signal_noise_ratio(np.stack(frames), np.stack(back)))
    return psnr, float(np.mean(similar)), spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--endings", nargs="+", default=[".mp4"])
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--crf", type=int, nargs="*", default=[], help="of x264, besides the qualities")
    parser.add_argument("--presets", nargs="*", default=[], help="of x264, with the CRF of `high`")
    options = parser.parse_args()
    for path in options.videos:
        info, source = probe(path), bit_rate(path)
        frames = [frame.image for frame in read_frames(path, max_frames=round(options.seconds * info.fps))]
        for ending in options.endings:
            chosen = {str(quality): WriterOptions(quality=quality) for quality in QUALITIES}
            chosen |= {f"CRF {crf}": WriterOptions(crf=crf) for crf in options.crf}
            chosen |= {preset: WriterOptions(preset=preset) for preset in options.presets}
            for name, wanted in chosen.items():
                with tempfile.TemporaryDirectory() as folder:
                    output = Path(folder) / f"o{ending}"
                    psnr, ssim, spent = measure(frames, output, wanted, info.fps)
                    rate = bit_rate(output)
                print(
                    f"{path.name} {info.height}p {ending} {name}: {psnr:.1f} dB, SSIM {ssim:.3f}, "
                    f"{rate * 60 / 8e6:.0f} MB a minute, {rate / source:.2f} of the source, "
                    f"{spent:.1f} ms"
                )


if __name__ == "__main__":
    main()
