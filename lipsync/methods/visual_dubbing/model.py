"""The whole of visual dubbing: stage 1 (expression) and stage 2 (renderer) as one core."""

# No postponed annotations here: PyTorchModelHubMixin reads the type of ``config`` off the signature to
# turn config.json back into it, and a string would leave it a dict.

from pathlib import Path
from typing import NamedTuple

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from lipsync.methods.visual_dubbing.config import RendererConfig, VisualDubbingConfig
from lipsync.methods.visual_dubbing.expression import ExpressionNet
from lipsync.methods.visual_dubbing.renderer.inpaint import InpaintNet
from lipsync.methods.visual_dubbing.renderer.motion import MotionNet, identity_grid, warp
from lipsync.methods.visual_dubbing.renderer.texture import TextureNet
from lipsync.texts import Message
from lipsync.weights.pretrained import read_config, read_saved


class RendererInput(NamedTuple):
    """What the renderer is shown of B frames; pictures (B, 3, S, S) in 0..1."""

    guide: Tensor  # I_3D, the rendered 3D face with the wanted expression
    reference: Tensor  # I_r, R other frames of the same person: (B, 3 R, S, S)
    cropped: Tensor  # I_crop, the frame with its lower face taken out
    hole: Tensor  # (B, 1, S, S), 1 where it was taken out
    geometry: Tensor  # (B, S, S, 2 R) where the 3DMM finds each pixel in the references, as for ``warp``


class Drawn(NamedTuple):
    """What the renderer makes of it."""

    grid: Tensor  # (B R, S, S, 2) sampling positions in the references
    moved: Tensor  # (B R, 3, S, S) the references there
    warped: Tensor  # (B, 3, S, S) I_warp, their sum by their shares
    mended: Tensor  # (B, 3, S, S) I_e
    face: Tensor  # (B, 3, S, S) I_i; I_e where the inpainting was left out


class Renderer(nn.Module):
    """SFM, TMN and RBFIN (figure 3)."""

    def __init__(self, config: RendererConfig):
        super().__init__()
        self.config = config
        self.motion = MotionNet(config) if config.motion else None
        self.texture = TextureNet(config) if config.texture else None
        self.inpaint = InpaintNet(config)

    def forward(self, view: RendererInput, inpaint: bool = True) -> Drawn:
        """The faces of a ``RendererInput``; without ``inpaint`` only SFM and TMN, which are trained first."""
        config, top = self.config, self.config.top
        guide, cropped, hole = (x[:, :, top:] for x in (view.guide, view.cropped, view.hole))
        references = view.reference.unflatten(1, (config.references, 3)).flatten(0, 1)  # (B R, 3, S, S)
        if config.geometric_flow:
            grid = view.geometry[:, top:].unflatten(3, (config.references, 2)).movedim(3, 1).flatten(0, 1)
        else:
            plain = identity_grid(config.size, config.size, view.guide)[:, top:]
            grid = plain.expand(len(references), -1, -1, -1)
        shares = None
        if self.motion is not None:
            warped_references = warp(references, grid) if config.geometric_flow else references[:, :, top:]
            flows, shares = self.motion(guide, warped_references.unflatten(0, (len(guide), -1)).flatten(1, 2))
            grid = grid + flows.flatten(0, 1).to(grid.dtype)
        moved = warp(references, grid)
        warped = moved if shares is None else joined(moved, shares)
        mended, features = self.texture(warped, guide) if self.texture is not None else (warped, [])
        face = mended
        if inpaint:
            face, _ = self.inpaint(warped, guide, cropped, hole, mended, features)
        above = view.cropped[:, :, :top]
        each = above.repeat_interleave(config.references, 0)
        return Drawn(
            grid,
            torch.cat([each, moved], 2),
            *(torch.cat([above, below], 2) for below in (warped, mended, face)),
        )


def joined(moved: Tensor, shares: Tensor) -> Tensor:
    """(B, 3, H, W) sum of R warped references (B R, 3, H, W) by their shares (B, R, H, W)."""
    pictures = moved.unflatten(0, (len(shares), -1))
    return (pictures * shares[:, :, None].to(moved.dtype)).sum(1)


class VisualDubbing(
    nn.Module,
    PyTorchModelHubMixin,
    library_name="lipsync-portal",
    tags=["lip-sync", "talking-face", "visual-dubbing"],
):
    """Both stages with their weights, as one folder."""

    def __init__(self, config: VisualDubbingConfig):
        super().__init__()
        self.config = config
        self.expression = ExpressionNet(config.expression)
        self.averaged = nn.ModuleList(ExpressionNet(one) for one in config.averaged)
        self.renderer = Renderer(config.renderer)

    @property
    def stage1(self) -> list[ExpressionNet]:
        """All networks whose predictions are averaged."""
        return [self.expression, *self.averaged]  # type: ignore[list-item]


def read_core(weights: str | Path) -> VisualDubbing:
    """The core of a folder, or of the ``.safetensors`` in it.

    Raises:
        ArtefactError: a file is missing or damaged.
        ConfigError: it holds another network.
    """
    return read_saved(
        weights, VisualDubbing, VisualDubbingConfig, Message("visual_dubbing.network"), needs="renderer"
    )


def read_core_config(folder: Path) -> VisualDubbingConfig:
    """The configuration of a core's folder; its weights stay unread.

    Raises:
        ArtefactError: the file is missing or damaged.
        ConfigError: it is of another network.
    """
    what = Message("visual_dubbing.network")
    return read_config(folder / "config.json", VisualDubbingConfig, what, needs="renderer")
