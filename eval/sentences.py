"""Chinese for the sentences that scoring says to a person: templates as in `lipsync.sentences`."""

SENTENCES: tuple[tuple[str, str], ...] = (
    ("Choose at least one generated video first.", "请先选择至少一个生成的视频。"),
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
        "Many videos are waiting to be scored; try again in a few minutes.",
        "待评分的视频很多，请几分钟后再试。",
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
)
