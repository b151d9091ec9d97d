"""The table of metrics: what each is called, which way is better, what it needs, what it means.

Tabs, command line and exports read their columns, arrows and explanations from here; how a metric
is computed is in the module of `eval.functional` that its entry names.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Literal

from lipsync.registry import Registry

Better = Literal["higher", "lower", "zero"]
Need = Literal["reference", "landmarks", "audio", "network"]

_ARROWS: dict[Better, str] = {"higher": "↑", "lower": "↓", "zero": "→ 0"}


@dataclass(frozen=True)
class Metric:
    """One column of a table of scores.

    Attributes:
        name: the key, in files and on the command line.
        label: the heading, as papers print it.
        better: which way is better; ``zero`` for a signed offset.
        english, chinese: one sentence on what it says.
        needs: what must be at hand. ``reference``: a ground-truth video (or, for CSIM, a picture).
        unit: of the number; empty where it has none.
        low, high: the range it can take; the size without sign for ``zero``.
        decimals: digits worth printing.
        artefacts: weights that serve it, in order of preference; numbers from different ones cannot
            be compared.
        by_region: whether it looks at a region of the picture (face, mouth, full) of one's choice.
        module: file of `eval.functional` with its update, compute and public function; empty where
            it is called as the metric.
    """

    name: str
    label: str
    better: Better
    english: str
    chinese: str
    needs: tuple[Need, ...]
    unit: str = ""
    low: float = 0.0
    high: float = inf
    decimals: int = 3
    artefacts: tuple[str, ...] = ()
    by_region: bool = False
    module: str = ""

    @property
    def functions(self) -> str:
        """Dotted name of the module with its functions."""
        return f"eval.functional.{self.module or self.name}"

    @property
    def arrow(self) -> str:
        """The sign papers put beside the heading."""
        return _ARROWS[self.better]

    def badness(self, score: float) -> float:
        """A number that is smaller the better the score is: the key to sort and to mark the best by."""
        return {"higher": -score, "lower": score, "zero": abs(score)}[self.better]


_LANDMARKER = ("face_landmarker",)
_SYNCNET = ("syncnet_v2",)

TABLE: tuple[Metric, ...] = (
    Metric(
        "psnr", "PSNR", "higher",
        "How little the pixels differ from the reference, averaged over frames.",
        "像素与参考视频的差异有多小，按帧取平均。",
        needs=("reference",), unit="dB", high=100.0, decimals=2, by_region=True,
    ),
    Metric(
        "psnr_pooled", "PSNR (pooled)", "higher",
        "PSNR of the error pooled over all frames, which a few exact frames cannot raise.",
        "由全部帧的总误差算出的 PSNR，不会被少数完全相同的帧拉高。",
        needs=("reference",), unit="dB", high=100.0, decimals=2, by_region=True, module="psnr",
    ),
    Metric(
        "ssim", "SSIM", "higher",
        "How well local brightness, contrast and structure agree with the reference.",
        "局部亮度、对比度和结构与参考视频的一致程度。",
        needs=("reference",), low=-1.0, high=1.0, by_region=True,
    ),
    Metric(
        "lpips", "LPIPS", "lower",
        "Perceptual difference from the reference, in network features calibrated on people's judgements.",
        "与参考视频的感知差异，由按人的判断校准过的网络特征给出。",
        needs=("reference", "network"), artefacts=("lpips_alex", "lpips_vgg"), by_region=True,
    ),
    Metric(
        "lmd", "LMD", "lower",
        "How far the 20 mouth landmarks are from the reference's, in pixels of the 256-pixel face region.",
        "20 个嘴部关键点与参考视频的平均距离，以 256 像素人脸区域的像素计。",
        needs=("reference", "landmarks"), unit="px", decimals=2, artefacts=_LANDMARKER,
    ),
    Metric(
        "lmd_all68", "LMD (68)", "lower",
        "The same distance over all 68 landmarks of the face.",
        "同样的距离，但按全脸 68 个关键点计算。",
        needs=("reference", "landmarks"), unit="px", decimals=2, artefacts=_LANDMARKER, module="lmd",
    ),
    Metric(
        "lmd_normalised", "LMD / eyes", "lower",
        "The distance of the mouth landmarks as a share of the distance between the eyes.",
        "嘴部关键点距离与两眼间距之比。",
        needs=("reference", "landmarks"), decimals=4, artefacts=_LANDMARKER, module="lmd",
    ),
    Metric(
        "lmd_vico", "LipLMD (ViCo)", "lower",
        "Mean absolute difference of the mouth landmarks' coordinates, raw pixels, as in the ViCo challenge.",
        "嘴部关键点坐标的平均绝对差（原始像素），即 ViCo 挑战赛的定义。",
        needs=("reference", "landmarks"), unit="px", decimals=2, artefacts=_LANDMARKER, module="lmd",
    ),
    Metric(
        "csim", "CSIM", "higher",
        "Whether it still looks like the same person: cosine similarity of face-recognition embeddings.",
        "看起来是否仍是同一个人：人脸识别特征的余弦相似度。",
        needs=("reference", "network"), low=-1.0, high=1.0, artefacts=("facenet_vggface2", "sface"),
    ),
    Metric(
        "fid", "FID", "lower",
        "How far the whole set of faces is from the set of real ones; needs 2,048 frames to be trusted.",
        "生成人脸整体分布与真实人脸分布的距离；至少 2048 帧才可信。",
        needs=("reference", "network"), decimals=2, artefacts=("inception_fid",),
    ),
    Metric(
        "aed", "AED", "lower",
        "How far the facial expression coefficients are from the reference's.",
        "面部表情系数与参考视频的平均差异。",
        needs=("reference", "landmarks"), decimals=4, artefacts=("ict_facekit", *_LANDMARKER),
    ),
    Metric(
        "lse_d", "LSE-D", "lower",
        "Distance between lips and sound at the best audio shift; read it with the offset.",
        "唇动与语音在最佳音频偏移下的距离；须与偏移一起看。",
        needs=("audio", "network"), artefacts=_SYNCNET, module="lse",
    ),
    Metric(
        "lse_c", "LSE-C", "higher",
        "How much better the best audio shift fits the lips than the others do; read it with the offset.",
        "最佳音频偏移比其他偏移更贴合唇动的程度；须与偏移一起看。",
        needs=("audio", "network"), artefacts=_SYNCNET, module="lse",
    ),
    Metric(
        "offset", "Offset", "zero",
        "Frames of 40 ms by which the video is late (positive) or early, which LSE-D and LSE-C cannot see.",
        "画面滞后（正）或超前的帧数（每帧 40 毫秒），LSE-D 和 LSE-C 看不到它。",
        needs=("audio", "network"), unit="frames", high=15.0, decimals=0, artefacts=_SYNCNET, module="lse",
    ),
    Metric(
        "lipcorr", "LipCorr", "higher",
        "Whether the mouth opens when the reference's does: correlation at one shift for all clips.",
        "嘴是否与参考视频同时张开：全部片段共用一个偏移的相关系数，无需同步网络。",
        needs=("reference", "landmarks"), low=-1.0, high=1.0, artefacts=_LANDMARKER,
    ),
)  # fmt: skip

METRICS: Registry[Metric] = Registry("kind.metric")
for _entry in TABLE:
    METRICS.register(_entry.name, _entry)
