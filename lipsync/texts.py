"""What the pages say, in English and Chinese.

A page keeps its words in one table, key to (English, Chinese), and shows them in two ways:

- ``say(key)`` for labels, buttons and choices: a marker that the browser replaces, so switching the
  language needs no server and keeps every input;
- ``both(key, ...)`` inside HTML: both sentences are in the markup and the style sheet shows the one
  of the page's language.
"""

import json
from collections.abc import Mapping
from html import escape

Table = Mapping[str, tuple[str, str]]

# Browsers name Chinese in several ways; all of them get the one Chinese column.
CHINESE = ("zh-CN", "zh-TW", "zh")


def say(key: str) -> str:
    """The marker that the browser replaces by the text of ``key`` in the page's language."""
    return "__i18n__" + json.dumps({"__type__": "translation_metadata", "key": key})


def pair(english: str, chinese: str) -> str:
    """HTML that shows one of two texts by the page's language; the texts are HTML already."""
    return f'<span class="en" lang="en">{english}</span><span class="zh" lang="zh-CN">{chinese}</span>'


def both(key: str, table: Table | None = None, /, **values: object) -> str:
    """HTML with the text of ``key`` in both languages.

    Args:
        key: of ``table``.
        table: the page's table; the Generate page's without it.
        values: fill the text's ``{name}`` fields; they are escaped.

    Raises:
        KeyError: no such key, or a field without a value.
    """
    english, chinese = (TEXTS if table is None else table)[key]
    safe = {name: escape(str(value)) for name, value in values.items()}
    return pair(escape(english).format_map(safe), escape(chinese).format_map(safe))


def translations(*tables: Table) -> dict[str, dict[str, str]]:
    """All tables by locale, as the browser wants them.

    Raises:
        ValueError: two tables use the same key for different texts.
    """
    joined: dict[str, tuple[str, str]] = {}
    for table in tables:
        for key, texts in table.items():
            if joined.setdefault(key, texts) != texts:
                raise ValueError(f"the text {key!r} is in two tables and differs")
    locales = {"en": {key: texts[0] for key, texts in joined.items()}}
    for locale in CHINESE:
        locales[locale] = {key: texts[1] for key, texts in joined.items()}
    return locales


TEXTS: dict[str, tuple[str, str]] = {
    "page.title": ("Lip sync", "口型同步"),
    "page.purpose": (
        "Make a face speak: a video or photo and speech in, a video with matching lips out.",
        "让人脸开口说话：输入视频或照片和语音，得到口型一致的视频。",
    ),
    "page.theme": ("Light / dark", "浅色 / 深色"),
    "page.programs": ("For programs: the API", "供程序调用：API"),
    "generate.tab": ("Generate", "生成"),
    # Face
    "face.heading": ("Face", "人脸"),
    "face.upload": ("File", "文件"),
    "face.camera": ("Camera", "摄像头"),
    "face.file": ("Video or photo of a face", "含人脸的视频或照片"),
    "face.record": ("Record yourself", "录制自己"),
    "face.preview": ("First picture with a face", "第一张含人脸的画面"),
    "face.which": ("Whose lips move", "谁的口型"),
    "face.which.info": (
        "Numbered from left to right; a click on the picture chooses too.",
        "从左到右编号，也可以直接点击画面选择。",
    ),
    "face.largest": ("Largest face", "最大的脸"),
    "face.facts.video": (
        "{width} × {height} px, {fps} frames/s, {seconds} s",
        "{width} × {height} 像素，{fps} 帧/秒，{seconds} 秒",
    ),
    "face.facts.photo": ("Photo, {width} × {height} px", "照片，{width} × {height} 像素"),
    "face.one": ("one face", "一张脸"),
    "face.many": ("{count} faces", "{count} 张脸"),
    "face.consent": (
        "I am this person, or this person has agreed to this video.",
        "我就是视频中的人，或者此人已同意制作该视频。",
    ),
    # Speech
    "speech.heading": ("Speech", "语音"),
    "speech.file": ("Speech to follow: a file or the microphone", "要对上的语音：文件或麦克风"),
    "speech.video": ("Take the sound of a video file", "使用视频文件中的声音"),
    "speech.own": ("Use the face video's own sound", "使用人脸视频自带的声音"),
    # Examples
    "example.english": ("Video, English speech", "视频＋英文语音"),
    "example.chinese": ("Video, Chinese speech", "视频＋中文语音"),
    "example.photo": ("Photo, English speech", "照片＋英文语音"),
    # Method
    "method.heading": ("Method", "方法"),
    "method.paper": ("Paper", "论文"),
    "method.resolution": ("Resolution of the drawn face", "生成人脸的分辨率"),
    "method.pixels": ("{pixels} × {pixels} px", "{pixels} × {pixels} 像素"),
    "method.speed": ("Speed here", "本机速度"),
    "method.speed.value": ("{fps} frames/s in the last run", "上一次运行 {fps} 帧/秒"),
    "method.speed.unknown": ("measured with the first run", "首次运行后给出"),
    "method.licence": ("Licence", "许可"),
    "method.weights": ("Weights", "权重"),
    "method.model_card": ("Model card: data, training, scores", "模型卡：数据、训练与得分（英文）"),
    "method.ready": ("on this machine", "本机已有"),
    "method.absent": ("not on this machine yet; fetched with the first run", "本机尚无，首次运行时下载"),
    "method.offline": ("not on this machine, and offline mode is on", "本机尚无，且已开启离线模式"),
    "method.fetch": ("must be fetched: {size} MB", "需要下载：{size} MB"),
    "method.auto": (
        "Automatic\nThe best core that is here or can be fetched",
        "自动\n本机已有或可下载的最佳模型",
    ),
    "method.auto.about": (
        "Takes the first of these that can be had. The order follows from the project's measured scores; the "
        "result says which one was taken.",
        "依次选用下列模型中第一个可用的。顺序由本项目实测得分决定，结果会注明所用的模型。",
    ),
    # A core on the Hub
    "hub.heading": ("Core from the Hub", "来自 Hub 的模型"),
    "hub.name": ("Its name on the Hugging Face Hub", "在 Hugging Face Hub 上的名称"),
    "hub.name.info": (
        "organisation/name; with /path/file.pth a published Wav2Lip checkpoint; @revision pins it. It is "
        "fetched with the first run and stays on this machine.",
        "组织/名称；后加 /路径/文件.pth 为公开的 Wav2Lip 检查点；@版本 固定版本。"
        "首次运行时下载并保留在本机。",
    ),
    "hub.use": ("Use this core", "使用该模型"),
    # Advanced
    "advanced.heading": ("Advanced", "高级设置"),
    "opening.label": ("Mouth opening", "张嘴幅度"),
    "opening.info": (
        "1 as the speech asks for, more opens further; only for methods that can.",
        "1 为语音本身的幅度，越大张得越开；仅部分方法支持。",
    ),
    "sharpen.label": ("Sharpen the mouth", "嘴部锐化"),
    "sharpen.info": (
        "0 as the method draws it, 1 with detail as strong as that of the skin around it.",
        "0 为方法原样，1 为细节与周围皮肤同样清晰。",
    ),
    "learn.label": ("Learn this face first", "先学习这张脸"),
    "learn.info": (
        "For a video of 4 s or more of one person who speaks, better half a minute: the method is tuned on "
        "it, and stays in the menu for this browser.",
        "适用于单人说话、4 秒以上（最好半分钟）的视频：方法会在该视频上微调，之后保留在本浏览器的菜单中。",
    ),
    "learn.minutes": ("Minutes of learning", "学习时间（分钟）"),
    "learn.delete": ("Delete what was learned of this face", "删除对这张脸的学习结果"),
    "learn.deleted": ("Deleted. Nothing of it is kept.", "已删除，没有保留任何内容。"),
    "length.label": ("Length of the result", "结果长度"),
    "length.audio": ("as the speech; the video plays back and forth", "与语音相同，视频来回播放"),
    "length.video": ("as the video", "与视频相同"),
    "mark.label": ("Visible “AI-generated” mark", "可见的“AI 生成”标记"),
    "mark.info": (
        "The mark in the file's metadata is always written.",
        "文件元数据中的标记始终会写入。",
    ),
    # Live
    "live.heading": ("Live: speak, and the face speaks with you", "实时：您说话，人脸同步说话"),
    "live.about": (
        "Uses the face, the method and the mouth opening chosen here. Press record and speak; nothing is "
        "kept.",
        "使用此处所选的人脸、方法和张嘴幅度。按下录音并说话；不保存任何内容。",
    ),
    "live.microphone": ("Microphone", "麦克风"),
    "live.wait": ("The face is being prepared", "正在准备人脸"),
    "live.ready": ("Ready: speak now", "准备就绪，请说话"),
    "live.method": ("method {method}", "方法 {method}"),
    "live.delay": ("about {ms} ms from sound to picture", "声音到画面约 {ms} 毫秒"),
    "live.shown": ("{fps} frames/s shown", "显示 {fps} 帧/秒"),
    "live.drawn": ("{ms} ms to draw a frame", "生成一帧 {ms} 毫秒"),
    # Job
    "job.start": ("Generate", "生成"),
    "job.cancel": ("Cancel", "取消"),
    "job.empty": ("The result appears here.", "结果会显示在这里。"),
    "job.empty.how": (
        "An example is loaded: press Generate, or choose your own face and speech first.",
        "示例已经载入：直接点“生成”，或先选择自己的人脸和语音。",
    ),
    "job.waiting": ("Waiting for {ahead} other job(s)", "排队中，前面还有 {ahead} 个任务"),
    "job.weights": ("Loading the method", "正在载入方法"),
    "job.face": ("Cutting the face out of the video", "正在从视频中截取人脸"),
    "job.learn": ("Learning this face", "正在学习这张脸"),
    "job.seconds": ("{done} of {total} s", "{done} / {total} 秒"),
    "job.audio": ("Listening to the speech", "正在分析语音"),
    "job.references": ("Choosing reference frames", "正在选择参考帧"),
    "job.frames": ("Tracking the face and drawing the lips", "正在跟踪人脸并生成口型"),
    "job.finish": ("Writing the video", "正在写入视频"),
    "job.count": ("{done} of {total} frames", "{done} / {total} 帧"),
    "job.count.open": ("{done} frames", "{done} 帧"),
    "job.bytes": ("{done} of {total} MB", "{done} / {total} MB"),
    "job.fps": ("{fps} frames/s", "{fps} 帧/秒"),
    "job.left": ("about {seconds} s left", "约剩 {seconds} 秒"),
    "job.cancelled": ("Cancelled. Nothing was kept.", "已取消，没有保留任何文件。"),
    "job.failed": ("This did not work", "没有成功"),
    "job.bug": (
        "Something unexpected went wrong; the log of the server says what. Your inputs are still here.",
        "发生了意外错误，服务器日志中有详情。您的输入仍在这里。",
    ),
    "job.reload": (
        "You can reload or leave this page; the result is kept for {minutes} minutes.",
        "可以刷新或离开本页，结果会保留 {minutes} 分钟。",
    ),
    # Result
    "result.view": ("Show", "显示"),
    "result.view.result": ("Result", "结果"),
    "result.view.input": ("Input", "输入"),
    "result.view.both": ("Both", "并排"),
    "result.video": ("Result", "结果"),
    "result.input": ("Input", "输入"),
    "result.repeat": ("Repeat", "循环播放"),
    "result.download": ("Download", "下载"),
    "result.compare": ("Send to Compare", "发送到对比"),
    "result.score": ("Send to Score", "发送到评分"),
    "facts.frames": ("{frames} frames", "{frames} 帧"),
    "facts.without": ("{count} without a face", "{count} 帧没有人脸"),
    "facts.length": ("{seconds} s of video", "视频 {seconds} 秒"),
    "facts.size": ("{width} × {height} px", "{width} × {height} 像素"),
    "facts.made": ("made in {seconds} s ({fps} frames/s)", "用时 {seconds} 秒（{fps} 帧/秒）"),
    "facts.references": ("Reference frames, from the most closed mouth", "参考帧，从闭嘴到张嘴"),
    "facts.reference": ("at {seconds} s", "第 {seconds} 秒"),
    "facts.revision": ("revision {revision}", "版本 {revision}"),
    "facts.auto": (
        "chosen automatically: {method}, weights {sha}",
        "自动选择：{method}，权重 {sha}",
    ),
    "facts.method": ("method {method}, weights {sha}", "方法 {method}，权重 {sha}"),
}
