"""Where networks run, and in which precision that pays."""

from __future__ import annotations

import torch


def default_device() -> torch.device:
    """The CUDA device that PyTorch sees, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def supports_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is fast there: it doubles the speed of a CPU that has it, and PyTorch only emulates
    it, slowly, on one that has not."""
    return device.type == "cuda" or (
        torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )
