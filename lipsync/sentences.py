"""Chinese for the sentences that errors and notes carry.

The library speaks English; each sentence it can say to a person is listed here as a template with
fields numbered in order, and its Chinese uses the same fields. One that is not listed stays English.
"""

import re
from functools import cache

SENTENCES: tuple[tuple[str, str], ...] = (
    # The page
    ("Choose a face first: a video or a photo.", "请先选择人脸：视频或照片。"),
    ("Choose speech first, or use the video's own sound.", "请先选择语音，或使用视频自带的声音。"),
    ("A photo has no sound of its own; choose a speech file.", "照片没有声音，请选择语音文件。"),
    (
        "Confirm that the person in {0} agreed: tick the box under the face.",
        "请确认 {0} 中的人已同意：勾选人脸下方的选项。",
    ),
    ("{0} jobs are waiting already; try again in a few minutes.", "已有 {0} 个任务在排队，请几分钟后再试。"),
    ("Cancelled before it began.", "任务开始前已取消。"),
    # Methods
    ("ships with the project", "随项目提供"),
    ("Hugging Face Hub, fetched on first use", "Hugging Face Hub，首次使用时下载"),
    ("research use only (weights by their authors)", "仅限研究使用（权重由原作者发布）"),
    ("Apache-2.0 (research footage, see the model card)", "Apache-2.0（研究用素材，见模型说明）"),
)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Templates as patterns; most fixed text first, for a short one would swallow a longer sentence."""
    longest = sorted(SENTENCES, key=lambda entry: -len(re.sub(r"\{\d+\}", "", entry[0])))
    return tuple((_pattern(english), translation) for english, translation in longest)


def _pattern(template: str) -> re.Pattern[str]:
    fixed = re.split(r"\{\d+\}", template)
    return re.compile("(.*?)".join(re.escape(part) for part in fixed), re.DOTALL)


def chinese(sentence: str) -> str:
    """The Chinese of a sentence of this library, or the sentence itself where there is none."""
    for pattern, translation in _patterns():
        found = pattern.fullmatch(sentence)
        if found:
            return translation.format(*found.groups())
    return sentence
