"""A trained model as a Hub-style folder: half precision, configuration, model card."""

from __future__ import annotations

import shutil
from pathlib import Path

from lipsync.checksum import file_sha256
from lipsync.errors import ConfigError


def export(source: Path, out: Path, card: Path | None = None) -> str:
    """Write ``config.json``, fp16 ``model.safetensors`` and the card; the SHA-256 of the weights.

    Halving changes the weights by at most one part in 2,000; batch norm's counters stay whole numbers.

    Args:
        source: the folder of a trained model, such as ``RUN/generator`` or ``RUN/sync-expert``.
        out: the folder to write; created where missing.
        card: the model card (Markdown) that becomes ``README.md``.

    Raises:
        ConfigError: ``source`` is no such folder.
    """
    import torch
    from safetensors.torch import load_file, save_file

    if not (source / "config.json").is_file() or not (source / "model.safetensors").is_file():
        raise ConfigError("push.not_model", folder=source)
    out.mkdir(parents=True, exist_ok=True)
    state = load_file(source / "model.safetensors")
    halved = {k: (v.to(torch.float16) if v.is_floating_point() else v).contiguous() for k, v in state.items()}
    weights = out / "model.safetensors"
    save_file(halved, weights, metadata={"format": "pt"})
    weights.chmod(0o644)
    shutil.copyfile(source / "config.json", out / "config.json")
    if card is not None:
        shutil.copyfile(card, out / "README.md")
    return file_sha256(weights)


def keep_log(run: Path, out: Path) -> None:
    """Put ``log.csv``, ``checks.csv`` and a picture of their curves beside the weights.

    Raises:
        ConfigError: ``run`` holds no log.
    """
    import matplotlib.pyplot as plt
    import pandas as pd

    if not (run / "log.csv").is_file():
        raise ConfigError("export.not_run", folder=run)
    tables = [run / name for name in ("log.csv", "checks.csv") if (run / name).is_file()]
    logs = [
        pd.read_csv(table, index_col="step").drop(columns=["steps_per_second", "waiting"], errors="ignore")
        for table in tables
    ]
    columns = [log[name].dropna() for log in logs for name in log.columns]
    figure, axes = plt.subplots(
        1, len(columns), figsize=(3 * len(columns), 2.4), squeeze=False, layout="constrained"
    )
    for axis, column in zip(axes[0], columns, strict=True):
        axis.plot(column.index, column.to_numpy(), color="#1b6f80", linewidth=1)
        axis.set_title(column.name, fontsize=9)
        axis.set_xlabel("step", fontsize=8)
        axis.tick_params(labelsize=7)
    figure.savefig(out / "curves.png", dpi=90)
    plt.close(figure)
    for table in tables:
        shutil.copyfile(table, out / table.name)
