"""Chinese for the sentences that comparing says to a person: templates as in `lipsync.sentences`."""

SENTENCES: tuple[tuple[str, str], ...] = (
    # Sets
    (
        "There is no comparison set {0}; it may have been deleted.",
        "没有对比集 {0}，可能已被删除。",
    ),
    (
        "The index of the comparison set {0} is damaged; import the set again.",
        "对比集 {0} 的索引已损坏，请重新导入。",
    ),
    ("{0} sets are called {1}; name one by its id.", "有 {0} 个对比集都叫 {1}，请用编号指定。"),
    ("The set {0} has no item {1}.", "对比集 {0} 中没有片段 {1}。"),
    ("The set {0} has no method {1}.", "对比集 {0} 中没有方法 {1}。"),
    ("The set {0} has no item yet.", "对比集 {0} 中还没有片段。"),
    ("The set {0} has no video to score.", "对比集 {0} 中没有可评分的视频。"),
    ("The set {0} is not scored yet; add --score.", "对比集 {0} 尚未评分，请先评分。"),
    (
        "Name a set with --set, or make one with --make; --list lists them.",
        "请用 --set 指定对比集，或用 --make 新建；--list 列出全部。",
    ),
    ("There is no video of {0} for {1}.", "{1} 没有方法 {0} 的视频。"),
    ("There is no video of {0} to show.", "{0} 没有可显示的视频。"),
    ("There are two videos for {0} and {1}; keep one.", "{0}、{1} 有两个视频，请只保留一个。"),
    ("The item {0} has two references; give it one.", "片段 {0} 有两个参考视频，请只给一个。"),
    ("The {0} has no name; give it one.", "{0}没有名称，请填写。"),
    (
        "The {0} {1}… has a name of over {2} characters; shorten it.",
        "{0} {1}… 的名称超过 {2} 个字符，请缩短。",
    ),
    (
        "The {0} {1} holds a line break or control character; take it out.",
        "{0} {1} 含有换行或控制字符，请去掉。",
    ),
    ("title", "标题"),
    ("item", "片段"),
    ("method", "方法"),
    # Videos
    ("{0} is {1}; a comparison needs a video.", "{0} 是{1}，对比需要视频。"),
    ("a photo", "照片"),
    ("a sound file", "声音文件"),
    # Folders and archives
    ("There is no folder {0}; check the name.", "没有文件夹 {0}，请检查名称。"),
    (
        "{0} holds no video named item/method.mp4.",
        "{0} 中没有按“片段/方法.mp4”命名的视频。",
    ),
    (
        "{0} holds {1}; every file in it must be a video named item/method.mp4.",
        "{0} 中有 {1}；其中每个文件都必须是按“片段/方法.mp4”命名的视频。",
    ),
    (
        "{0} is no zip file, or it is damaged; pack or copy it again.",
        "{0} 不是 zip 文件或已损坏，请重新打包或复制。",
    ),
    (
        "{0} is packed in a way that cannot be read; pack it as a plain zip.",
        "{0} 的压缩方式无法读取，请打包为普通 zip。",
    ),
    (
        "{0} holds {1} files; {2} is the most that is taken.",
        "{0} 中有 {1} 个文件，最多接受 {2} 个。",
    ),
    (
        "{0} unpacks to over 2 GB, which is the most that is taken; split it.",
        "{0} 解压后超过 2 GB 的上限，请分成几份。",
    ),
    ("{0} holds {1} twice.", "{0} 中有两个 {1}。"),
    (
        "{0} holds {1}, a name that leads out of its folder; it was not opened.",
        "{0} 中的名称 {1} 指向文件夹之外，没有打开。",
    ),
    (
        "{0} holds {1}, a name with control characters; it was not opened.",
        "{0} 中的名称 {1} 含有控制字符，没有打开。",
    ),
    (
        "{0} holds {1}, a link and not a file; it was not opened.",
        "{0} 中的 {1} 是链接而不是文件，没有打开。",
    ),
    ("{0} is protected by a password; pack it without one.", "{0} 有密码保护，请不加密码重新打包。"),
    (
        "{0} holds another archive, {1}; unpack that one first.",
        "{0} 中还有压缩包 {1}，请先将其解压。",
    ),
    ("There is not enough room on the disk to unpack {0}.", "磁盘空间不足，无法解压 {0}。"),
    (
        "{0} unpacks to more than it says; it was not opened.",
        "{0} 解压后的大小超过其声明，没有打开。",
    ),
    (
        "The file {0} in {1} is damaged or does not fit the videos; export the set again, or leave that "
        "file out.",
        "{1} 中的 {0} 已损坏或与视频不符，请重新导出，或去掉该文件。",
    ),
    ("{0} cannot be written ({1}); choose another place.", "无法写入 {0}（{1}），请换一个位置。"),
    # Manifest
    (
        "The manifest {0} cannot be read as a CSV file ({1}).",
        "无法将清单 {0} 读作 CSV 文件（{1}）。",
    ),
    (
        "{0} lacks the column {1}; its first line must name {2}.",
        "{0} 缺少列 {1}，第一行必须写明 {2}。",
    ),
    ("{0}, line {1}: the column {2} is empty.", "{0} 第 {1} 行：列 {2} 为空。"),
    ("{0} has two rows for item {1} and method {2}.", "{0} 中片段 {1}、方法 {2} 有两行。"),
    ("{0} lists no video.", "{0} 中没有视频。"),
    # Curves
    ("the video", "该视频"),
    ("the reference", "参考视频"),
    (
        "The face landmarker is not here, so mouth openings cannot be measured.",
        "本机没有人脸关键点模型，无法测量张口度。",
    ),
    ("No face was found, so there is no mouth opening.", "没有找到人脸，因此没有张口度。"),
    ("No face was found, so the whole frames were compared.", "没有找到人脸，因此比较了整帧。"),
    (
        "No face was found in the videos of {0}, so no mouth can be shown large.",
        "在 {0} 的视频中没有找到人脸，无法放大嘴部。",
    ),
    # Table and pictures
    (
        "{0} of {1} videos are not scored yet; score the set again.",
        "{1} 个视频中有 {0} 个尚未评分，请再次评分。",
    ),
    (
        "There is nothing to plot yet; score the set first.",
        "还没有可绘制的内容，请先评分。",
    ),
    (
        "{0} cannot be written: the name of a plot must end in {1}.",
        "无法写入 {0}：图的扩展名必须是 {1}。",
    ),
    (
        "{0} cannot be written: the name of a contact sheet must end in .png.",
        "无法写入 {0}：画面对照图的扩展名必须是 .png。",
    ),
    ("Name the frames of the contact sheet, such as 10,20,30.", "请指定对照图的帧号，例如 10,20,30。"),
    ("{0} has no frame {1}; its frames are 0 to {2}.", "{0} 没有第 {1} 帧，帧号为 0 到 {2}。"),
    ("A contact sheet shows at most 50 frames; choose fewer.", "对照图最多显示 50 帧，请减少。"),
    (
        "There is no sound of {0} for {1}; choose another one.",
        "{1} 没有 {0} 的声音，请另选一个。",
    ),
    (
        "--frames takes whole numbers such as 10,20,30, not {0}.",
        "--frames 需要整数，例如 10,20,30，不能是 {0}。",
    ),
    ("--workers must be 1 or more.", "--workers 必须至少为 1。"),
)
