"""Chinese for the sentences that studies say to raters and authors: templates as in `lipsync.sentences`."""

SENTENCES: tuple[tuple[str, str], ...] = (
    # To raters
    ("There is no such study; check the link.", "没有这项研究，请检查链接。"),
    ("This study has not begun yet; come back later.", "这项研究尚未开始，请稍后再来。"),
    ("This study is closed; no more answers are taken.", "这项研究已结束，不再接受评分。"),
    (
        "This study has all the answers it needs; thank you for your interest.",
        "这项研究已收集到足够的评分，感谢您的关注。",
    ),
    (
        "Someone at your network address has taken part already; each person can once.",
        "您所在的网络地址已有人参加过；每人只能参加一次。",
    ),
    (
        "The portal is being started again; try again in a minute.",
        "门户正在重新启动，请一分钟后再试。",
    ),
    ("The answer could not be kept safely yet; send it again.", "评分尚未安全保存，请再次提交。"),
    (
        "LIPSYNC_STUDY_REPO is {0}, which cannot be used: {1}. HF_TOKEN has to be a token that may write "
        "there.",
        "LIPSYNC_STUDY_REPO 的值是 {0}，无法使用：{1}。HF_TOKEN 须为有写权限的令牌。",
    ),
    (
        "LIPSYNC_STUDY_REPO is for the portal's own database; unset DATABASE_URL.",
        "LIPSYNC_STUDY_REPO 用于门户自带的数据库，请取消 DATABASE_URL。",
    ),
    ("LIPSYNC_STUDY_WAIT is {0}; set it to 1 or 0.", "LIPSYNC_STUDY_WAIT 的值是 {0}，请设为 1 或 0。"),
    ("This study is not held in that language.", "这项研究不提供该语言。"),
    (
        "This session has ended, because the study was opened again elsewhere or its data was deleted.",
        "本次会话已结束：研究已在别处打开，或数据已被删除。",
    ),
    ("This clip was not handed to you; reload the page.", "这段短片不是分配给您的，请刷新页面。"),
    ("This is the first clip; there is none before it.", "这是第一段短片，前面没有了。"),
    ("Play the clip to its end first; {0} s are left.", "请先把短片看完，还剩 {0} 秒。"),
    ("Give one mark for each question.", "请为每个问题打分。"),
    ("Every mark must be a whole number from {0} to {1}.", "每个评分必须是 {0} 到 {1} 的整数。"),
    (
        "The answer came without its token; reload the page and send it again.",
        "提交的内容不完整，请刷新页面后重新提交。",
    ),
    (
        "You have finished this study; its marks can no longer be changed.",
        "您已完成这项研究，评分不能再修改。",
    ),
    ("{0} clips are left to rate.", "还有 {0} 段短片没有评分。"),
    ("There is no data under this code; check its letters.", "没有与此代码对应的数据，请检查代码。"),
    ("Too many requests came from here; wait a minute and try again.", "请求过于频繁，请一分钟后再试。"),
    ("The studies cannot be reached now ({0}); try again.", "暂时无法访问研究数据（{0}），请重试。"),
    ("too many at once", "同时访问的人太多"),
    # At the admin's door
    ("That is not right; check it and try again.", "不正确，请检查后重试。"),
    ("Enter first; you are let in for 12 hours.", "请先登录，登录有效期为 12 小时。"),
    ("This account is not an owner of the portal.", "此帐号不是本站的所有者。"),
    (
        "This page answers only on the machine itself, until LIPSYNC_ADMIN_PASSWORD is set there.",
        "在设置 LIPSYNC_ADMIN_PASSWORD 之前，本页面只能在运行它的机器上使用。",
    ),
    (
        "LIPSYNC_ADMIN_PASSWORD must have at least {0} signs.",
        "LIPSYNC_ADMIN_PASSWORD 至少需要 {0} 个字符。",
    ),
    # What a study is
    (
        "{0} must be text; in YAML, put numbers, yes and no in quotes.",
        "{0} 必须是文本；YAML 中的数字、yes 和 no 请加引号。",
    ),
    ("{0} is too long: {1} characters, {2} are possible.", "{0} 太长：{1} 个字符，最多 {2} 个。"),
    ("{0} must be plain text without HTML.", "{0} 必须是不含 HTML 的纯文本。"),
    (
        '{0} must be a list of names with values, such as "title: My study".',
        "{0} 必须由名称和值组成，例如 “title: My study”。",
    ),
    ("A {0} has no {1}; it has {2}.", "{0} 没有 {1}；可用：{2}。"),
    ("{0} must be one of {1}, not {2}.", "{0} 必须是 {1} 之一，不能是 {2}。"),
    ("{0} must be a whole number of {1} or more, not {2}.", "{0} 必须是不小于 {1} 的整数，不能是 {2}。"),
    ("{0} must be true or false, not {1}.", "{0} 必须是 true 或 false，不能是 {1}。"),
    ("{0} has no text; write it in en or zh.", "{0} 没有文本，请用 en 或 zh 填写。"),
    ("The study has no title; add one.", "研究没有标题，请填写。"),
    (
        "The study has no source; name a comparison set or a folder of clips.",
        "研究没有素材来源，请指定对比集或短片文件夹。",
    ),
    (
        "The source must name either a comparison set or a folder of clips.",
        "素材来源必须是一个对比集或一个短片文件夹。",
    ),
    ("A study needs at least one language; name en or zh.", "研究至少需要一种语言：en 或 zh。"),
    ("A study needs at least one question.", "研究至少需要一个问题。"),
    ("Two questions have the same key; give each its own.", "有两个问题的 key 相同，请分别命名。"),
    (
        "The key of a question is up to 32 small letters, digits and _, such as sync; not {0}.",
        "问题的 key 由最多 32 个小写字母、数字和 _ 组成，例如 sync；不能是 {0}。",
    ),
    ("The question {0} needs {1} labels, one for each mark.", "问题 {0} 需要 {1} 个标签，每个分值一个。"),
    ("There is no such question in this study.", "这项研究没有这个问题。"),
    ("A catch clip can only ask for a mark from 1 to 5.", "检查短片只能要求 1 到 5 分。"),
    (
        "Catch clips ask for a mark, which a study of pairs does not have; leave them out.",
        "检查短片要求打分，而成对比较没有分数，请去掉。",
    ),
    ("The study {0} cannot be read ({1}).", "无法读取研究 {0}（{1}）。"),
    ("{0} is not YAML: {1}.", "{0} 不是 YAML：{1}。"),
    # What it is made of
    (
        "There is no video of {0} for the item {1}; add it, or leave one of them out with items or methods.",
        "项目 {1} 缺少 {0} 的视频，请补上，或用 items、methods 去掉其中之一。",
    ),
    ("A study of pairs needs at least two methods.", "成对比较至少需要两种方法。"),
    ("The study has no clip; its source is empty.", "研究没有短片，素材来源是空的。"),
    (
        "stimuli_per_rater is {0}, but there are {1}; lower it.",
        "stimuli_per_rater 是 {0}，但只有 {1} 段，请调低。",
    ),
    ("The source has no {0} {1}; it has {2}.", "素材中没有 {0} {1}；可用：{2}。"),
    (
        "There is no training clip {0}; name item/method of the source, or a video.",
        "没有练习短片 {0}，请用 item/method 指定素材，或给出视频文件。",
    ),
    ("Training on pairs needs two clips of the item {0}.", "成对比较的练习需要项目 {0} 的两段短片。"),
    ("{0} has no sound, but sync is asked for.", "{0} 没有声音，却要评价同步。"),
    (
        "Two catch clips ask for the same mark; name each mark once.",
        "有两段检查短片要求同样的分数，每个分数只能用一次。",
    ),
    (
        "A catch clip with wrong sound needs the question {0}, which is not asked.",
        "声音不符的检查短片需要问题 {0}，而研究没有这个问题。",
    ),
    (
        "{0} catch clips with the sound of another item need {1} items; there are {2}.",
        "{0} 段使用他人声音的检查短片需要 {1} 个项目，现有 {2} 个。",
    ),
    # Exports and databases
    (
        "{0}: this study has no {1} clip of {2} by {3} to rate so.",
        "{0}：这项研究没有 {3} 的 {2}（{1}）可这样评分。",
    ),
    (
        "{0}: the two methods of the pair, or their sides, do not fit this study.",
        "{0}：这一对的两种方法或左右位置与研究不符。",
    ),
    ("{0}, line {1}: the trial {2} is of another clip here.", "{0} 第 {1} 行：试次 {2} 在这里是另一段短片。"),
    (
        "{0}, line {1}: the rater has another clip at this position.",
        "{0} 第 {1} 行：该评分者在此位置已有另一段短片。",
    ),
    ("{0}, line {1}: {2}", "{0} 第 {1} 行：{2}"),
    ("rater and trial must be of small letters and digits.", "rater 和 trial 只能由小写字母和数字组成。"),
    ("the token is damaged.", "token 已损坏。"),
    ("there is no language {0}.", "没有语言 {0}。"),
    ("{0} is no position.", "{0} 不是有效的位置。"),
    ("{0} is no whole number.", "{0} 不是整数。"),
    ("{0} is no time.", "{0} 不是时间。"),
    ("the time {0} does not say its zone.", "时间 {0} 没有时区。"),
    ("{0} cannot be read as a CSV file ({1}).", "无法将 {0} 作为 CSV 文件读取（{1}）。"),
    ("{0} is no export of a study: it lacks the column {1}.", "{0} 不是研究的导出文件：缺少列 {1}。"),
    (
        "DATABASE_URL is no address of a database, such as postgresql://host/name.",
        "DATABASE_URL 不是数据库地址，例如 postgresql://host/name。",
    ),
    (
        "DATABASE_URL must name a SQLite file or a PostgreSQL database, not {0}.",
        "DATABASE_URL 必须是 SQLite 文件或 PostgreSQL 数据库，不能是 {0}。",
    ),
    (
        "DATABASE_URL names a PostgreSQL database, for which the package psycopg is not installed: "
        "pip install 'psycopg[binary]'.",
        "DATABASE_URL 指定了 PostgreSQL 数据库，但没有安装 psycopg：pip install 'psycopg[binary]'。",
    ),
    (
        "The database of studies was made by a newer version of the portal; update the portal.",
        "研究数据库由更新版本的程序建立，请更新程序。",
    ),
    (
        "{0} with {1} ratings of {2} raters would be gone; add --yes.",
        "{0} 及其 {2} 名评分者的 {1} 个评分将被删除；确定请加 --yes。",
    ),
    # The form and the tables of the Results page
    ("Choose a comparison set, or upload a zip of clips.", "请选择一个对比集，或上传短片压缩包。"),
    (
        "A question is written as key | English | Chinese; this line is not: {0}",
        "问题应写成“代号 | 英文 | 中文”，这一行不是：{0}",
    ),
    (
        "MOS: mean over the clips of each clip's mean mark, 1 to 5; bold: best, underlined: second.",
        "MOS：先求每个短片的平均分，再对短片求平均，1 到 5；粗体：最佳，下划线：次佳。",
    ),
    (
        "±: half the 95 % interval of the mean for other raters of the same clips (raters as clusters, t).",
        "±：换一批评分者、短片不变时均值 95% 区间的一半（以评分者为聚类，t 分布）。",
    ),
    (
        "†: differs from the best, p < 0.05 (Wilcoxon signed-rank test over raters, Holm).",
        "†：与最佳方法有显著差异，p < 0.05（以评分者配对的 Wilcoxon 符号秩检验，Holm 校正）。",
    ),
    (
        "DMOS: mark less the mark of the same rater for the hidden reference, plus 5 (ITU-T P.910).",
        "DMOS：评分减去同一评分者对隐藏参考的评分，再加 5（ITU-T P.910）。",
    ),
    (
        "Strength: Bradley-Terry log worth with ties as Davidson, mean 0; in brackets the 95 % interval, "
        "raters as clusters.",
        "强度：Bradley-Terry 对数价值，平局按 Davidson 处理，均值为 0；括号内为 95% 区间，以评分者为聚类。",
    ),
    ("cells are missing: interval approximate", "有缺失的评分，区间为近似值"),
    ("Krippendorff's alpha, ordinal", "Krippendorff α（顺序尺度）"),
)
