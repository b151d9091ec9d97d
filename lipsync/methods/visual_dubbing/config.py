"""Configuration of visual dubbing (Chen & Xiong 2025): both stages, and the rows of Tables 3 to 6."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from lipsync.audio.features import AudioFeatures
from lipsync.errors import ConfigError
from lipsync.registry import Registry, unknown
from lipsync.training.ablations import register_rows
from lipsync.weights.renamed import current_settings

GUIDES = ("shaded", "normals")
TOWERS = ("vgg-m", "wav2lip", "encoder")
SIGMAS = ("learned", "zero", "one")


@dataclass(frozen=True)
class ExpressionConfig:
    """Stage 1 (section 3.2). The defaults are the full model of Table 3."""

    # The paper gives no window; 0.2 s around the frame, as for the other methods.
    audio: AudioFeatures = field(default_factory=lambda: AudioFeatures(kind="mfcc", start=-8))
    expression_size: int = 53  # m, read from the 3DMM (53 in ICT-FaceKit, 64 in the paper)
    semantic_images: bool = True  # Table 3, row 2: without, the network has audio alone
    attention: bool = True  # Table 3, row 3: without, both features are concatenated instead of eq 5-7
    window: int = 2  # k of eq 5, frames each way
    width: float = 1.0  # factor on all channel counts
    features: int = 512  # d of eq 6
    hidden: int = 256  # of the Bi-LSTM, each way
    image_size: int = 96  # pixels, side of a semantic image
    mouth_only: bool = False  # look at the mouth's square of the semantic image alone
    # With little data "wav2lip": the speech tower of a Wav2Lip core, which may start from its weights. What
    # the core's pictures show comes out of that tower, so a small net can do without drawing them.
    tower: str = "vgg-m"
    # With little data "encoder": the features of a frozen pre-trained speech encoder instead of MFCC.
    encoder: str = ""  # its name in ``lipsync.audio.encoders``, for the tower "encoder"
    encoder_dimension: int = 384  # D, values of a feature vector
    encoder_rate: float = 50.0  # Hz of the feature vectors
    encoder_count: int = 5  # vectors around the frame, odd
    # Eq 7 hands on nothing but what the semantic images show; the speech only steers the attention. With
    # a small Wav2Lip core much of the speech is not in its pictures, so the audio features are added to z.
    audio_residual: bool = False
    dropout: float = 0.0
    # With few people: a person's mouth at rest cannot be predicted from audio. So the difference from the
    # person's median is predicted, which in use comes from the frames of the video.
    relative: bool = False
    # What L1 teaches lies nearer to the middle than what people do. In use the differences of a ``relative``
    # network are widened by this factor, so that mouths move as far as they do on people kept out.
    gain: float = 1.0
    # Coefficients of ICT-FaceKit are weights of shapes, 0..1; those of a PCA basis (BFM) have no bounds.
    bounded: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.audio, dict):  # as it comes out of config.json
            object.__setattr__(self, "audio", AudioFeatures(**self.audio))
        if not self.width > 0:
            raise ConfigError("config.width", width=self.width)
        if self.tower not in TOWERS:
            raise ConfigError(unknown("tower", self.tower, TOWERS))
        if (self.tower == "encoder") != bool(self.encoder):
            raise ConfigError("config.tower_encoder")
        if self.window < 0:
            raise ConfigError("config.window", window=self.window)

    def channels(self, published: int) -> int:
        """Channel count of a layer that has ``published`` channels at width 1."""
        return max(8, round(published * self.width))


@dataclass(frozen=True)
class RendererConfig:
    """Stage 2 (section 3.3). The defaults are the full model of Table 4."""

    size: int = 192  # pixels, side of the crops; a multiple of 32
    width: float = 1.0  # factor on all channel counts
    guide: str = "shaded"  # what of the rendered 3D face the networks see: "shaded" (paper) or "normals"
    # Faces of the person that are warped and joined. The paper has several, of unstated number; its
    # equations print one, as with 1.
    references: int = 3
    motion: bool = True  # SFM and its warp; without (base model of Table 4) the reference is taken as it is
    texture: bool = True  # TMN ("feature enhancement network", Table 4); without, I_e = I_warp and no F_tex
    fusion: bool = True  # MSAF (Table 4)
    fusion_scales: tuple[int, ...] = (48, 96, 192)  # feature sizes at 192 px with MSAF (Table 6)
    sigma: str = "learned"  # Table 5: "learned", "zero" or "one"
    spade_scales: tuple[int, ...] = (24, 48)  # feature sizes at 192 px whose decoder blocks have SPADE
    # Channels of SFM by level, from the full picture down. Its full-size levels are thin: Table 7 gives it
    # most of the parameters and the least computation.
    motion_channels: tuple[int, ...] = (8, 12, 28, 80, 384, 1536)
    texture_channels: tuple[int, ...] = (96, 168, 240, 288, 336)
    inpaint_channels: tuple[int, ...] = (16, 48, 128, 432, 1152)
    top: int = 0  # rows from the top that are kept as they are: nothing is drawn above the hole
    # With little data: the two renderings of the 3DMM, of target and reference, already determine where each
    # point of the skin went. SFM then only predicts what that flow lacks, and starts from zero.
    geometric_flow: bool = False
    # With little data: C_e and C_i are drawn as a change of I_warp and of I_e, and A_i starts from the
    # known hole. An untrained network then shows the warped face, and learns to mend it.
    residual: bool = False

    def __post_init__(self) -> None:
        for name in (name for name in vars(self) if name.endswith(("_scales", "_channels"))):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # lists in config.json
        if self.guide not in GUIDES:
            raise ConfigError(unknown("guide", self.guide, GUIDES))
        if self.sigma not in SIGMAS:
            raise ConfigError(unknown("sigma", self.sigma, SIGMAS))
        if not self.width > 0:
            raise ConfigError("config.width", width=self.width)
        if self.size % 32 or self.top % 32 or not 0 <= self.top < self.size:
            raise ConfigError("config.size_top")
        if self.references < 1 or (self.references > 1 and not self.motion):
            raise ConfigError("config.renderer")
        for sizes in (self.spade_scales, self.fusion_scales):
            self.levels(sizes)

    def levels(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """Levels of a decoder, 0 the full picture, that have these feature sizes at 192 px.

        Raises:
            ConfigError: a size that no level has. The coarsest one of the encoder is none of the decoder's.
        """
        known = {192 >> level: level for level in range(len(self.inpaint_channels) - 1)}
        for size in sizes:
            if size not in known:
                raise ConfigError(unknown("kind.feature_size", str(size), map(str, known)))
        return tuple(known[size] for size in sizes)

    def channels(self, published: tuple[int, ...]) -> tuple[int, ...]:
        """Channel counts of levels that have ``published`` channels at width 1."""
        return tuple(max(8, round(count * self.width)) for count in published)


@dataclass(frozen=True)
class VisualDubbingConfig:
    """A whole core: both stages."""

    expression: ExpressionConfig = field(default_factory=ExpressionConfig)
    renderer: RendererConfig = field(default_factory=RendererConfig)
    # 3D face model that the coefficients belong to, as for ``lipsync.faces.model3d.load.load_morphable``:
    # "" is ICT-FaceKit, "embedded" the one that ships.
    morphable: str = ""
    # With little data: further networks of stage 1, whose predictions are averaged with ``expression``'s. The
    # paper has one. Where one of them errs, another that was trained on other features often does not.
    averaged: tuple[ExpressionConfig, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.expression, dict):
            object.__setattr__(self, "expression", _expression(self.expression))
        averaged = tuple(_expression(one) if isinstance(one, dict) else one for one in self.averaged)
        object.__setattr__(self, "averaged", averaged)
        if any(one.semantic_images or one.relative != self.expression.relative for one in averaged):
            raise ConfigError("config.averaged")
        if isinstance(self.renderer, dict):
            object.__setattr__(self, "renderer", RendererConfig(**completed(self.renderer)))


def _expression(saved: dict[str, Any]) -> ExpressionConfig:
    return ExpressionConfig(**current_settings(ExpressionConfig, saved))


def completed(saved: dict[str, Any]) -> dict[str, Any]:
    """A saved renderer's settings, those of before a setting came with what it stood for then.

    There was one reference, and a SPADE size that no level of the decoder has was passed over.
    """
    levels = len(saved.get("inpaint_channels", RendererConfig.inpaint_channels)) - 1
    sizes = [size for size in saved.get("spade_scales", ()) if size in {192 >> n for n in range(levels)}]
    return {"references": 1, **saved, **({"spade_scales": sizes} if "spade_scales" in saved else {})}


# Table 3. Its third change, no shape loss, is a weight of the training: ``stage.shape_weight=0``.
EXPRESSION_ABLATIONS: Registry[ExpressionConfig] = Registry("kind.ablation_expression")
for _name, _stage1 in {
    "base": ExpressionConfig(semantic_images=False, attention=False),  # and no shape loss
    "without-semantic-images": ExpressionConfig(semantic_images=False),
    "without-attention": ExpressionConfig(attention=False),
    "without-shape-loss": ExpressionConfig(),
    "full": ExpressionConfig(),
}.items():
    EXPRESSION_ABLATIONS.register(_name, _stage1)

# Tables 4 to 6. What is a matter of training: ``stage.correspondence_weight=0``, ``stage.staged=false``.
RENDERER_ABLATIONS: Registry[RendererConfig] = Registry("kind.ablation_renderer")
for _name, _stage2 in {
    "base": RendererConfig(references=1, motion=False, texture=False, fusion=False),
    "without-texture": RendererConfig(texture=False, fusion=False),
    "without-correspondence": RendererConfig(),
    "without-fusion": RendererConfig(fusion=False),
    "without-stages": RendererConfig(),
    "full": RendererConfig(),
    "sigma-zero": RendererConfig(sigma="zero"),
    "sigma-one": RendererConfig(sigma="one"),
    "fusion-high": RendererConfig(fusion_scales=(192,)),
    "fusion-low": RendererConfig(fusion_scales=(48,)),
}.items():
    RENDERER_ABLATIONS.register(_name, _stage2)


def expression_config(ablation: str = "full", width: float = 1.0) -> ExpressionConfig:
    """Stage 1 of one row of Table 3.

    Raises:
        ConfigError: unknown name, or a width that is not positive.
    """
    return replace(EXPRESSION_ABLATIONS.get(ablation), width=width)


def renderer_config(ablation: str = "full", width: float = 1.0) -> RendererConfig:
    """Stage 2 of one row of Tables 4 to 6.

    Raises:
        ConfigError: unknown name, or a width that is not positive.
    """
    return replace(RENDERER_ABLATIONS.get(ablation), width=width)


register_rows(ExpressionConfig, EXPRESSION_ABLATIONS, expression_config)
register_rows(RendererConfig, RENDERER_ABLATIONS, renderer_config)
