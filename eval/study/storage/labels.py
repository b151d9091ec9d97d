"""Default texts of a study whose author gave none: the three questions, the scale, instructions, consent."""

from __future__ import annotations

from dataclasses import dataclass

from lipsync.errors import StudyError

LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class BilingualText:
    """One text in English and Chinese; if the author gave only one language, both fields hold it."""

    en: str
    zh: str

    def to_dict(self) -> dict[str, str]:
        return {"en": self.en, "zh": self.zh}


@dataclass(frozen=True)
class Question:
    """One question that raters answer for every clip.

    Attributes:
        key: short name in tables and exports, such as "sync".
        text: the question.
        labels: what the marks mean: in rating mode five, for the marks 1 (worst) to 5; in pairwise mode
            three, for the marks 0 (no difference), 1 (the left one) and 2 (the right one).
    """

    key: str
    text: BilingualText
    labels: tuple[BilingualText, ...]

    @property
    def marks(self) -> tuple[int, ...]:
        """The valid marks."""
        return (1, 2, 3, 4, 5) if len(self.labels) == 5 else (0, 1, 2)

    def check(self, mark: object) -> int:
        """The mark itself.

        Raises:
            StudyError: not one of :attr:`marks`; 3.0, "3" and True are none.
        """
        if type(mark) is not int or mark not in self.marks:
            raise StudyError("session.whole_marks", first=self.marks[0], last=self.marks[-1])
        return mark


# The five-grade absolute category rating scale of ITU-T P.910.
ACR = (
    BilingualText("bad", "很差"),
    BilingualText("poor", "差"),
    BilingualText("fair", "一般"),
    BilingualText("good", "好"),
    BilingualText("excellent", "很好"),
)
SIDES = (
    BilingualText("no difference", "没有差别"),
    BilingualText("the left one", "左边"),
    BilingualText("the right one", "右边"),
)

RATING_QUESTIONS = (
    Question("sync", BilingualText("How well do the lips match the speech?", "嘴型与语音是否同步？"), ACR),
    Question("quality", BilingualText("How good does the picture look?", "画面质量如何？"), ACR),
    Question("overall", BilingualText("How good is the clip overall?", "整体效果如何？"), ACR),
)
PAIRWISE_QUESTIONS = (Question("overall", BilingualText("Which one is better?", "哪一个更好？"), SIDES),)

RATING_INSTRUCTIONS = BilingualText(
    "You will see short clips of people talking. Play each clip to the end with the sound on, then give "
    "every mark from 1 (bad) to 5 (excellent). There are no right or wrong answers. Use headphones if you "
    "can. Some clips check that you are paying attention and tell you what to choose.",
    "您将看到一些人物说话的短片。请打开声音，把每段短片看完，然后打分，从 1（很差）到 5（很好）。"
    "答案没有对错之分，建议佩戴耳机。个别短片用来确认您在认真观看，会直接告诉您选择几分。",
)
PAIRWISE_INSTRUCTIONS = BilingualText(
    "You will see pairs of short clips of the same person saying the same words. Play both to the end with "
    "the sound on, then choose the better one, or that there is no difference. There are no right or wrong "
    "answers. Use headphones if you can.",
    "您将看到成对的短片，画面中是同一个人说同样的话。请打开声音，把两段都看完，然后选择较好的一段，"
    "或选择没有差别。答案没有对错之分，建议佩戴耳机。",
)
CONSENT = BilingualText(
    "Taking part is voluntary and you can stop at any time. Your marks are stored under a random name; no "
    "name and no e-mail address is asked for or stored. You get a code with which you can come back later "
    "and have your data deleted.",
    "参加完全自愿，您可以随时退出。评分以随机代号保存，不询问也不保存姓名和电子邮箱。"
    "您会得到一个代码，以后可用它继续评分，也可用它删除您的数据。",
)
