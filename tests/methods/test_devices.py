"""Networks compute where their inputs are: what is made on the processor meanwhile would stop a GPU."""

from __future__ import annotations

import copy
import threading
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._pytree import tree_leaves, tree_map

from lipsync.assets import asset
from lipsync.generate import Request, generate
from lipsync.methods import METHODS

# Networks whose kernels are the processor's, whatever else a machine has: they tell people apart.
PROCESSOR = ("lipsync.nn.packed", "lipsync.faces.sface")


class Calls:
    """The outermost calls of this project's networks, with what they were given and what they gave."""

    def __init__(self) -> None:
        self.found: dict[type[nn.Module], tuple[nn.Module, tuple, object]] = {}
        self._inside = threading.local()  # the calls that have begun

    @staticmethod
    def _counts(module: nn.Module) -> bool:
        kind = type(module).__module__
        return kind.startswith("lipsync.") and kind not in PROCESSOR

    def begin(self, module: nn.Module, inputs: object) -> None:
        if self._counts(module):
            self._inside.depth = getattr(self._inside, "depth", 0) + 1

    def end(self, module: nn.Module, inputs: tuple, output: object) -> None:
        if self._counts(module):
            self._inside.depth -= 1
            if self._inside.depth == 0:
                self.found.setdefault(type(module), (module, inputs, output))


def without_data(value: object) -> object:
    """The same on the device without data, in single precision, as only the processor mixes two."""

    def moved(leaf: object) -> object:
        if not isinstance(leaf, Tensor):
            return leaf
        return leaf.to("meta", torch.float32 if leaf.dtype == torch.bfloat16 else leaf.dtype)

    return tree_map(moved, value)


def shapes(value: object) -> list[torch.Size]:
    return [leaf.shape for leaf in tree_leaves(value)]


@pytest.mark.parametrize("method", ["mcsawav2lip-embedded", "lstm-cbam", "multi-reference", "visual-dubbing"])
def test_what_the_pipeline_runs_runs_on_another_device(method: str, landmarker: Path, tmp_path: Path) -> None:
    """On PyTorch's device without data, which refuses, as a GPU does, to mix with the processor's tensors."""
    if not METHODS.get(method).ready:
        pytest.skip("needs the artefacts of this model (make weights)")
    calls = Calls()
    hooks = register_module_forward_pre_hook(calls.begin), register_module_forward_hook(calls.end)
    try:
        face, voice = asset("examples", "portrait.mp4"), asset("examples", "english.wav")
        generate(Request(face, voice, tmp_path / "out.mp4", method, batch_size=4, audio_range=(0.5, 0.7)))
    finally:
        for hook in hooks:
            hook.remove()
    assert len(calls.found) > 1, "the network of the method, and that of covers"
    for module, inputs, output in calls.found.values():
        elsewhere = copy.deepcopy(module).to("meta")
        with torch.inference_mode():
            again = elsewhere(*without_data(inputs))
        assert shapes(again) == shapes(output)
