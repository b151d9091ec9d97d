"""``python -m tests.benchmarks.multi_reference``: size, work and speed of the multi-reference network.

For the patent's network, its form with plain convolutions, and small ones: parameters, multiplications for a
frame, and frames per second of processor time on one thread (bfloat16 where the processor has it), speech
included up to the selected vectors. The weights are random: speed does not depend on them. What the pipeline
adds around a network is measured by ``tests.benchmarks.generate``.
"""

from __future__ import annotations

import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from lipsync.audio.speech_input import SpeechInput
from lipsync.methods.multi_reference.config import MultiReferenceConfig
from lipsync.methods.multi_reference.model import MultiReference

BATCH, ROUNDS = 4, 2
MOVES = {
    "audio": SpeechInput(dimension=128), "size": 256, "shrink": 2, "levels": 4, "width": 0.375,
    "spade": 0, "lower_half": True, "told": True, "moves": True, "visible": 0.4,
}  # fmt: skip  # as in embedded-multi-reference.toml
SMALL = {"audio": SpeechInput(dimension=128), "lower_half": True}
NETWORKS = {
    "embedded, moves 256 px": MultiReferenceConfig(**MOVES),  # type: ignore[arg-type]
    "width 0.375, 128 px": MultiReferenceConfig(size=128, levels=4, width=0.375, spade=2, **SMALL),  # type: ignore[arg-type]
    "width 0.25, 256 px": MultiReferenceConfig(width=0.25, spade=2, **SMALL),  # type: ignore[arg-type]
    "plain convolutions, 256 px": MultiReferenceConfig(spade=0),
    "the patent's, 256 px": MultiReferenceConfig(),
}


@torch.inference_mode()
def measure(config: MultiReferenceConfig) -> tuple[float, float, float]:
    """Millions of parameters, billions of multiplications a frame, frames a second."""
    net = MultiReference(config).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    heard = torch.randn(BATCH, config.audio.count, config.audio.dimension)
    frames = torch.rand(BATCH, 3, config.size, config.size)
    references = torch.rand(1, 3 * config.references, config.size, config.size)
    with FlopCounterMode(display=False) as counted:
        net(heard[:1], frames[:1], references)
    half = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        net(heard, frames, references)
        began = time.process_time()
        for _ in range(ROUNDS):
            net(heard, frames, references)
        spent = time.process_time() - began
    parameters = sum(p.numel() for p in net.parameters())
    return parameters / 1e6, counted.get_total_flops() / 2e9, BATCH * ROUNDS / spent


def main() -> None:
    torch.set_num_threads(1)
    print("| network | parameters (M) | multiplications (G) a frame | frames/s on one thread |")
    print("| --- | ---: | ---: | ---: |")
    for name, config in NETWORKS.items():
        parameters, work, speed = measure(config)
        print(f"| {name} | {parameters:.1f} | {work:.2f} | {speed:.1f} |", flush=True)


if __name__ == "__main__":
    main()
