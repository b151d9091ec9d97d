"""Weights of strangers: a checkpoint by itself, and a core as the Hub has it."""

from __future__ import annotations

import functools
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from safetensors.numpy import save

from lipsync.audio.speech_input import SpeechInput
from lipsync.methods import METHODS
from lipsync.methods.entry import entry_for
from lipsync.methods.multi_reference.config import MultiReferenceConfig
from lipsync.methods.multi_reference.model import MultiReference
from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.methods.wav2lip.model import Generator
from lipsync.weights.checkpoint import load_checkpoint
from tests.fuzz.guard import Files, Parser
from tests.fuzz.mutation import json_bytes, mutated, near

HEADER: dict[str, Any] = {
    "__metadata__": {"format": "pt"},
    "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "b": {"dtype": "I64", "shape": [1], "data_offsets": [24, 32]},
}
DTYPES = (
    "BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F4", "F6_E2M3", "I16", "U16", "F16", "BF16", "I32",
    "U32", "F32", "F64", "I64", "U64", "C64", "X",
)  # fmt: skip


def _safetensors(header: bytes, claimed: int | None = None, data: bytes = b"\0" * 32) -> bytes:
    size = len(header) if claimed is None else claimed
    return size.to_bytes(8, "little") + header + data


def _wrong_header() -> st.SearchStrategy[bytes]:
    sizes = st.one_of(st.none(), st.none(), st.sampled_from([0, 1, 2**31, 2**62, 2**64 - 1]))
    header = st.one_of(near(HEADER), st.sampled_from(DTYPES).map(lambda kind: HEADER | {
        "b": {"dtype": kind, "shape": [1], "data_offsets": [24, 32]}
    }))  # fmt: skip
    return st.builds(
        _safetensors, header.map(json_bytes), sizes, st.sampled_from([b"\0" * 32, b"", b"\0" * 31])
    )


@functools.cache
def _pickled() -> bytes:
    out = io.BytesIO()
    torch.save({"state_dict": {"a": torch.zeros(2, 3), "b": torch.zeros(1, dtype=torch.int64)}}, out)
    return out.getvalue()


@functools.cache
def _pickled_of_old() -> bytes:
    out = io.BytesIO()
    torch.save({"a": torch.zeros(2, 3)}, out, _use_new_zipfile_serialization=False)
    return out.getvalue()


def _read_checkpoint(folder: Path) -> None:
    (path,) = folder.iterdir()
    for name, value in load_checkpoint(path).items():
        assert isinstance(name, str | int)
        repr(value)


@functools.cache
def _cores() -> tuple[tuple[dict[str, Any], bytes], ...]:
    """Small networks of two methods: config.json as a document, and the weights."""
    found = []
    small = MultiReferenceConfig(SpeechInput(), size=32, levels=2, width=0.05, spade=1)
    for net, config in (
        (Generator(Wav2LipConfig(width=0.02)), Wav2LipConfig(width=0.02)), (MultiReference(small), small),
    ):  # fmt: skip
        arrays = {name: value.numpy().astype(value.numpy().dtype) for name, value in net.state_dict().items()}
        found.append(
            (
                json.loads(json.dumps(asdict(config))),
                save({k: np.ascontiguousarray(v) for k, v in arrays.items()}),
            )
        )
    return tuple(found)


def _core(config: bytes, weights: bytes) -> Files:
    return Files({"config.json": config, "model.safetensors": weights})


def _wrong_cores() -> st.SearchStrategy[Files]:
    return st.one_of(
        *(
            part
            for config, weights in _cores()
            for part in (
                st.builds(
                    _core,
                    st.one_of(near(config).map(json_bytes), mutated(lambda c=config: json_bytes(c))),
                    st.none().map(lambda _, w=weights: w),
                ),
                st.builds(
                    _core, st.none().map(lambda _, c=config: json_bytes(c)), mutated(lambda w=weights: w)
                ),
            )
        )
    )


def _read_core(folder: Path) -> None:
    entry = entry_for(folder)
    entry.load(METHODS.get("multi-reference").card, folder, True)


PARSERS = (
    Parser(
        "checkpoint",
        st.one_of(
            st.one_of(mutated(lambda: _safetensors(json_bytes(HEADER))), _wrong_header()).map(
                lambda content: Files({"a.safetensors": content})
            ),
            mutated(_pickled, _pickled_of_old).map(lambda content: Files({"a.pth": content})),
        ),
        _read_checkpoint, lambda: Files({"a.safetensors": _safetensors(json_bytes(HEADER))}),
    ),
    Parser(
        "core", st.deferred(_wrong_cores), _read_core,
        lambda: _core(json_bytes(_cores()[0][0]), _cores()[0][1]),
    ),
)  # fmt: skip
