"""Chinese for the sentences that scoring says to a person: templates as in `lipsync.sentences`."""

from eval.compare.sentences import SENTENCES as COMPARING
from eval.study.sentences import SENTENCES as RATING

SENTENCES: tuple[tuple[str, str], ...] = (
    ("Choose at least one generated video first.", "请先选择至少一个生成的视频。"),
    # The Compare page
    (
        "At most {0} videos play side by side; untick one first.",
        "最多并排播放 {0} 个视频，请先取消勾选一个。",
    ),
    ("Choose videos or a zip first.", "请先选择视频或 zip。"),
    (
        "Give an item and a method for each video: {0} videos, {1} names.",
        "请为每个视频给出片段和方法：视频 {0} 个，名称 {1} 个。",
    ),
    ("Choose either one zip or videos, not both.", "请选择一个 zip 或若干视频，不要同时选择。"),
    ("{0} is not a video file; choose videos or one zip.", "{0} 不是视频文件，请选择视频或一个 zip。"),
    ("Choose at least one method.", "请至少选择一个方法。"),
    (
        "Something unexpected went wrong; the log of the server says what.",
        "发生了意外错误，服务器日志中有详情。",
    ),
    ("Choose at least one metric.", "请至少选择一项指标。"),
    (
        "Every video needs a clip and a method; fill the empty cells.",
        "每个视频都需要片段名和方法名，请填好空格。",
    ),
    (
        "Two videos are called {0}, {1}; give one another method.",
        "有两个视频都叫 {0}、{1}，请改其中一个的方法名。",
    ),
    (
        "None of the chosen metrics can be had without a reference video; name it.",
        "所选指标都需要参考视频，请提供。",
    ),
    (
        "{0} needs a reference video: give one (--reference), or leave it out.",
        "{0} 需要参考视频：请提供，或不选这项指标。",
    ),
    (
        "{0} is {1}, its reference {2}: make them one size, or allow a resize (--resize), which changes PSNR "
        "by many dB.",
        "{0} 的尺寸是 {1}，参考视频是 {2}：请统一尺寸，或允许缩放（PSNR 会相差许多 dB）。",
    ),
    (
        "No face was found in {0}; use a video in which the face is larger, brighter and turned to the "
        "camera, or score whole frames with --region full.",
        "在 {0} 中没有找到人脸，请换一个人脸更大、更亮、正对镜头的视频，或把区域设为整帧。",
    ),
    (
        "No face was found in {0}; choose a picture in which the face is well visible.",
        "在 {0} 中没有找到人脸，请选择人脸清晰可见的照片。",
    ),
    (
        "{0} gets no score: {1} of its frames can be used ({2}), {3} are needed.",
        "{0} 无法评分：可用的画面有 {1} 帧（{2}），至少需要 {3} 帧。",
    ),
    ("that is all there is at 25 fps", "按 25 帧/秒只有这些"),
    (
        "{0} has no face track of {1} frames (1 s) with sound, which LSE needs; use a longer clip.",
        "{0} 中没有满 {1} 帧（1 秒）且带声音的人脸轨迹，无法计算 LSE，请用更长的片段。",
    ),
    (
        "LSE (own expert): SyncNet v2 could not be had; these numbers compare methods with each other, not "
        "with papers. {0}",
        "LSE（own expert，自有网络）：无法取得 SyncNet v2，这些数字只能在各方法之间比较，不能与论文比较。{0}",
    ),
    (
        "The own expert finds the true offset of {0} of {1} unseen clips (by chance: {2}) and prefers the "
        "true sound in {3}.",
        "自有网络在 {1} 个未见过的片段中，有 {0} 个找到真实偏移（随机为 {2}），有 {3} 个认为原声更匹配。",
    ),
    ("How well this own expert judges was not measured.", "自有网络的判断力尚未测量。"),
    (
        "{0} frames of the longer video have no partner and were left out.",
        "较长的视频有 {0} 帧没有对应画面，未计入。",
    ),
    (
        "{0} of {1} videos differ in length from their reference: only the common part was compared.",
        "{1} 个视频中有 {0} 个与参考视频长度不同：只比较共同部分。",
    ),
    (
        "The generated video was resized to its reference, which changes PSNR by many dB.",
        "生成的视频已缩放到参考视频的尺寸，PSNR 会因此相差许多 dB。",
    ),
    (
        "Faces were tracked by five points, because the face landmarker is not here.",
        "本机没有人脸关键点模型，人脸按五个点跟踪。",
    ),
    (
        "FID over {0} frames is biased upwards; it can be trusted from 2,048 on.",
        "FID 只用了 {0} 帧，数值偏高；2,048 帧以上才可信。",
    ),
    (
        "FID is pooled over as few as {0} frames and biased upwards; trust it from 2,048 on.",
        "FID 最少只汇总了 {0} 帧，数值偏高；2,048 帧以上才可信。",
    ),
    ("no face in the reference", "参考视频中没有人脸"),
    ("no face in the generated video", "生成的视频中没有人脸"),
    ("no landmarks", "没有关键点"),
    ("no 3D face fits", "三维人脸无法拟合"),
    ("beyond the common part", "超出共同部分"),
    ("One clip cannot show a significant difference.", "只有一个片段，无法得出显著差异。"),
    (
        "The methods have different clips: compare their means with care.",
        "各方法的片段不同，比较均值时请谨慎。",
    ),
    (
        "With {0} clips no paired difference can reach p < 0.05.",
        "只有 {0} 个片段，配对差异不可能达到 p < 0.05。",
    ),
    # Results of a user study
    ("There are no marks yet.", "还没有评分。"),
    ("Nobody is left: look at the marks without screening.", "没有剩余的评分者：请关闭筛选查看。"),
    ("Left out of the numbers: {0} of {1} raters.", "{1} 名评分者中有 {0} 名未计入。"),
    (
        "Nobody is left out; the screening would leave out {0} of {1} raters.",
        "没有排除任何人；按筛选规则，{1} 名评分者中会排除 {0} 名。",
    ),
    ("No interval, because raters never differ: {0}.", "评分者之间没有差异，没有置信区间：{0}。"),
    (
        "No interval, because no clip has marks from two raters: {0}.",
        "还没有片段得到两名评分者的评分，没有置信区间：{0}。",
    ),
    (
        "No DMOS: nobody has rated a clip and its hidden reference.",
        "没有 DMOS：没有人同时评过片段及其隐藏参考。",
    ),
    (
        "Friedman's test needs two raters who have rated all methods and tell them apart.",
        "Friedman 检验需要至少两名评分者评过所有方法，且评分有差别。",
    ),
    ("all methods", "所有方法"),
    (
        "One rater cannot show a significant difference between methods.",
        "只有一名评分者，无法得出方法之间的显著差异。",
    ),
    (
        "With {0} raters no difference between methods can reach p < 0.05.",
        "只有 {0} 名评分者，方法之间的差异不可能达到 p < 0.05。",
    ),
    (
        "Votes alone give no finite strengths ({0}): a method won or lost all of them, or some were never "
        "compared. Each got half a vote for and half against.",
        "仅凭投票得不到有限的强度（{0}）：有方法全胜或全败，或有方法从未相互比较。"
        "已给每个方法加上半票胜和半票负。",
    ),
    (
        "No interval of the strengths ({0}): every vote says no difference.",
        "强度没有置信区间（{0}）：所有投票都是“没有差别”。",
    ),
    ("Failed {0} of {1} catch clips.", "{1} 个检查片段中答错 {0} 个。"),
    (
        "Answered in {0} % of the time that others took for the same clips.",
        "作答用时只有他人在相同片段上的 {0} %。",
    ),
    (
        "Gave nearly the same mark to {0} clips that others tell apart.",
        "对他人能分出高下的 {0} 个片段几乎都打同样的分。",
    ),
    ("Preferred the left side in {0} of {1} votes.", "{1} 次投票中有 {0} 次选左边。"),
    ("Preferred the right side in {0} of {1} votes.", "{1} 次投票中有 {0} 次选右边。"),
    (
        "{0} of {1} marks lie outside the others' range (BT.500-15).",
        "{1} 个评分中有 {0} 个超出他人的范围（BT.500-15）。",
    ),
    (
        "Marks correlate with those of the others at {0}; half of the raters reach {1}.",
        "评分与他人的相关系数为 {0}，半数评分者达到 {1}。",
    ),
    (
        "Agreement needs at least two clips that two raters have both seen.",
        "计算一致性需要至少两个片段各有两名评分者。",
    ),
    (
        "All marks are the same: agreement cannot be told from habit.",
        "所有评分相同，无法区分一致与习惯。",
    ),
    (
        "Clips with both a score and marks: {0}; {1} are needed.",
        "同时有指标和评分的片段：{0} 个；至少需要 {1} 个。",
    ),
    ("All scores are equal.", "所有指标值相同。"),
    ("All mean marks are equal.", "所有平均分相同。"),
    ("The scores {0} cannot be read ({1}).", "无法读取指标文件 {0}（{1}）。"),
    (
        "The scores {0} need the columns item and method and some rows.",
        "指标文件 {0} 需要 item 和 method 两列，并至少有一行数据。",
    ),
    ("The scores {0} hold no number.", "指标文件 {0} 中没有数值。"),
    *COMPARING,
    *RATING,
)
