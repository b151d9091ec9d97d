"""The stages of training by name; methods and experts register theirs, and the engine names none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lipsync.registry import Registry

if TYPE_CHECKING:
    from lipsync.training.loop import Stage

# Registered as "module:attribute", with ``help``, a line or its key: so `train --help` lists them without
# PyTorch.
STAGES: Registry[type[Stage]] = Registry("kind.training_stage")
