"""Chinese for the sentences that errors and notes carry.

The library speaks English; each sentence it can say to a person is listed here as a template with
fields numbered in order, and its Chinese uses the same fields. A field may hold reasons that are
listed themselves, separated by semicolons. What is not listed stays English.
"""

import re
from functools import cache

Sentences = tuple[tuple[str, str], ...]
SENTENCES: Sentences = (
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
    ("Stopped.", "已停止。"),
    # Starting the portal
    (
        "PORT is {0}; set it to a number from 1 to 65535, such as 7860.",
        "PORT 的值是 {0}，请设为 1 到 65535 之间的数字，例如 7860。",
    ),
    (
        "{0} is {1}; set it to a number of seconds, such as {2}.",
        "{0} 的值是 {1}，请设为秒数，例如 {2}。",
    ),
    (
        "LIPSYNC_MAX_UPLOAD is {0}; set it to a size such as 500mb or 2gb.",
        "LIPSYNC_MAX_UPLOAD 的值是 {0}，请设为大小，例如 500mb 或 2gb。",
    ),
    (
        "HOST is {0}, which is no address; try 127.0.0.1 or 0.0.0.0.",
        "HOST 的值是 {0}，不是有效地址，请试 127.0.0.1 或 0.0.0.0。",
    ),
    (
        "The portal cannot listen on {0}, port {1} ({2}); choose another HOST or PORT.",
        "无法在 {0} 的 {1} 端口上监听（{2}），请换 HOST 或 PORT。",
    ),
    # Media
    ("{0} is a folder; choose a video, photo or sound file.", "{0} 是文件夹，请选择视频、照片或声音文件。"),
    ("There is no file {0}; check the name.", "没有文件 {0}，请检查名称。"),
    ("{0} cannot be opened ({1}).", "无法打开 {0}（{1}）。"),
    (
        "{0} is empty (0 bytes); it was probably not copied to the end.",
        "{0} 是空文件（0 字节），可能没有复制完整。",
    ),
    (
        "{0} is named {1} but holds no photo; choose another file.",
        "{0} 的扩展名是 {1}，但内容不是照片，请换一个文件。",
    ),
    (
        "{0} is a HEIC photo, which cannot be read; save it as JPEG or PNG.",
        "{0} 是 HEIC 照片，无法读取，请另存为 JPEG 或 PNG。",
    ),
    (
        'The tower "encoder" and the name of an encoder belong together.',
        "语音塔 “encoder” 与编码器名称须同时给出。",
    ),
    (
        "{0} is cut short or damaged (its index is missing); copy or export it again.",
        "{0} 不完整或已损坏（缺少索引），请重新复制或导出。",
    ),
    (
        "{0} is not a video, photo or sound file that can be read: it is damaged, or its content is not "
        "what its name says.",
        "{0} 不是可读取的视频、照片或声音文件：文件已损坏，或内容与名称不符。",
    ),
    (
        "{0} has too many pixels; make it smaller than {1} a side.",
        "{0} 的像素太多，请缩小到每边不超过 {1}。",
    ),
    (
        "{0} is a damaged or unfinished photo; save or copy it again.",
        "照片 {0} 已损坏或不完整，请重新保存或复制。",
    ),
    (
        "{0} is named {1} but holds a {2} photo; give it the right ending.",
        "{0} 的扩展名是 {1}，内容却是 {2} 照片，请改正扩展名。",
    ),
    ("{0} holds no frame that can be decoded; it is damaged.", "{0} 中没有可解码的画面，文件已损坏。"),
    ("{0} holds neither picture nor sound that can be decoded.", "{0} 中没有可解码的画面或声音。"),
    ("{0} holds no video frame; it may be cut short or damaged.", "{0} 中没有视频画面，可能不完整或已损坏。"),
    ("{0} has no picture; choose a video or a photo.", "{0} 没有画面，请选择视频或照片。"),
    (
        "{0} has sound but no picture. Choose a video or a photo of a face.",
        "{0} 只有声音没有画面，请选择含人脸的视频或照片。",
    ),
    (
        "{0} is a photo and has no sound; choose a sound file or a video with speech.",
        "{0} 是照片，没有声音，请选择声音文件或有语音的视频。",
    ),
    ("{0} has no sound track; choose a file with speech.", "{0} 没有音轨，请选择有语音的文件。"),
    ("{0} has no sound of its own. Add a recording of speech.", "{0} 自身没有声音，请添加语音录音。"),
    (
        "The sound track of {0} holds no samples; choose a file with speech.",
        "{0} 的音轨是空的，请选择有语音的文件。",
    ),
    (
        "The sound of {0} ends before its picture begins; choose another file.",
        "{0} 的声音在画面开始前就结束了，请换一个文件。",
    ),
    ("{0} is silent. Choose a recording with speech.", "{0} 没有声音（静音），请选择有语音的录音。"),
    ("{0} ends before frame {1}.", "{0} 在第 {1} 帧之前就结束了。"),
    ("{0} cannot be played backwards; convert it to an H.264 MP4.", "{0} 无法倒放，请转换为 H.264 MP4。"),
    ("{0} cannot be written: the name must end in {1}.", "无法写入 {0}：扩展名必须是 {1}。"),
    ("{0} cannot be written: there is no folder {1}.", "无法写入 {0}：没有文件夹 {1}。"),
    ("{0} was not written: there was no frame.", "没有写入 {0}：没有任何画面。"),
    ("{0} cannot be written ({1}).", "无法写入 {0}（{1}）。"),
    # Faces
    (
        "{0} shows no face in its first minute; cut it so that it begins with one.",
        "{0} 的第一分钟内没有人脸，请剪掉开头没有人脸的部分。",
    ),
    (
        "{0} shows no face; use one where a face is large and well lit.",
        "{0} 中没有人脸，请换一个人脸较大且光线充足的文件。",
    ),
    (
        "No face was found in {0}. Choose a picture in which the face is larger, brighter and turned "
        "towards the camera.",
        "在 {0} 中没有找到人脸。请选择人脸更大、更亮且正对镜头的画面。",
    ),
    ("The video shows {0} face{1}; choose 0{2}", "视频中有 {0} 张脸，请从 0 起选择。"),
    (
        "There is no face near ({0}, {1}); point at one of the faces shown.",
        "({0}, {1}) 附近没有人脸，请指向画面中的某张脸。",
    ),
    (
        "The face landmarker is not installed, so the mouth was placed by five points only, which looks "
        "less fine. `make app` fetches it; or put face_landmarker.task into the folder named by "
        "LIPSYNC_WEIGHTS.",
        "没有安装人脸关键点模型，嘴部只按五个点定位，效果较粗。`make app` 会下载它；也可把 "
        "face_landmarker.task 放到 LIPSYNC_WEIGHTS 指定的文件夹。",
    ),
    # Speech activity
    (
        "Nobody was heard to speak in the recording, so the lips rest. Was it the right file?",
        "录音中没有听到人声，因此嘴唇保持静止。是否选错了文件？",
    ),
    (
        "Labels of speech activity need onnxruntime: pip install onnxruntime.",
        "语音活动标注需要 onnxruntime：pip install onnxruntime。",
    ),
    # The 3D face
    (
        "{0} of {1} frames kept their own mouth, because the 3D face did not fit them. That happens when "
        "the head is turned far to the side or the landmarks are lost.",
        "{1} 帧中有 {0} 帧保留了原来的嘴部，因为三维人脸无法与其拟合；头部侧转过大或关键点丢失时会如此。",
    ),
    ("There is no 3D face model at {0}. {1}", "{0} 处没有三维人脸模型。{1}"),
    ("{0} lacks the array {1}. {2}", "{0} 缺少数组 {1}。{2}"),
    ("The arrays of {0} do not fit each other. {1}", "{0} 中的数组互不相符。{1}"),
    ("{0} cannot be read as a 3D face model. {1}", "{0} 无法作为三维人脸模型读取。{1}"),
    (
        "Expected is a .mat or .npz file with the arrays meanshape, idBase (80), exBase (64), meantex, "
        "texBase (80), tri and keypoints (68), as BFM_model_front.mat of Deng et al.'s "
        "Deep3DFaceReconstruction. Ask for the Basel Face Model 2009 at https://faces.dmi.unibas.ch/bfm/ "
        "(free for research) and build the file with that project, or leave the option out to use "
        "ICT-FaceKit.",
        "需要 .mat 或 .npz 文件，含数组 meanshape、idBase（80）、exBase（64）、meantex、texBase（80）、"
        "tri 和 keypoints（68），即 Deng 等人 Deep3DFaceReconstruction 的 BFM_model_front.mat。请到 "
        "https://faces.dmi.unibas.ch/bfm/ 申请 Basel Face Model 2009（研究免费），并用该项目生成此文件；"
        "或不加此选项，改用 ICT-FaceKit。",
    ),
    ("{0} is not ICT-FaceKit's ict_facekit.npz.", "{0} 不是 ICT-FaceKit 的 ict_facekit.npz。"),
    (
        "{0} holds no 3D face. `python -m lipsync fit-face-model` makes one.",
        "{0} 中没有三维人脸模型。可用 `python -m lipsync fit-face-model` 生成。",
    ),
    (
        "A 3D face is learnt from at least 3 people; {0} has {1}.",
        "学习三维人脸至少需要 3 个人的片段；{0} 中只有 {1} 人。",
    ),
    ("{0} holds no network for expression scores.", "{0} 中没有计算表情系数的网络。"),
    (
        "{0} is not a fitted 3D face. Run `python -m lipsync fit` on its folder first.",
        "{0} 不是拟合好的三维人脸。请先对其文件夹运行 `python -m lipsync fit`。",
    ),
    # Job
    ("The batch size must be 1 or more, not {0}.", "批大小必须至少为 1，不能是 {0}。"),
    ("Sharpening must be from 0 to 1, not {0}.", "锐化程度须在 0 到 1 之间，不能是 {0}。"),
    ("The mouth opening must be from 0.2 to 3, not {0}.", "张嘴幅度须在 0.2 到 3 之间，不能是 {0}。"),
    (
        "{0} cannot change how far the mouth opens. Set it to 1.",
        "{0} 不能调整张嘴幅度，请设为 1。",
    ),
    (
        "How far the mouth opens can only be changed with the face landmarker, which is not here. Fetch it "
        "with `python -m lipsync weights --fetch face_landmarker`, or set the opening to 1.",
        "调整张嘴幅度需要人脸关键点模型，本机没有。请用 `python -m lipsync weights --fetch face_landmarker` "
        "下载，或把幅度设为 1。",
    ),
    (
        "The drawn mouths could not be measured, so how far they open cannot be changed. Set it to 1, or "
        "choose a video in which the face is larger and turned towards the camera.",
        "无法测量生成的嘴部，因此不能调整张嘴幅度。请设为 1，或换一个人脸更大、正对镜头的视频。",
    ),
    (
        "{0} has to hear more of the speech in advance than live mode waits for ({1} s). Choose another "
        "method, or generate a video.",
        "{0} 需要预先听到的语音比实时模式等待的（{1} 秒）更长，请换一种方法，或生成视频。",
    ),
    # Learning a face
    (
        "{0} is a photo: to learn a face, choose a video in which the person speaks.",
        "{0} 是照片：要学习人脸，请选择此人说话的视频。",
    ),
    (
        "{0} has sound but no picture: to learn a face, choose a video in which the person speaks.",
        "{0} 只有声音没有画面：要学习人脸，请选择此人说话的视频。",
    ),
    (
        "{0} has no sound: to learn a face, choose a video in which the person is heard speaking.",
        "{0} 没有声音：要学习人脸，请选择能听到此人说话的视频。",
    ),
    (
        "{0} is silent or holds no speech: to learn a face, choose a video in which the person is heard "
        "speaking.",
        "{0} 是静音的或没有语音：要学习人脸，请选择能听到此人说话的视频。",
    ),
    (
        "In {0} somebody speaks for {1} s only: to learn a face, {2} s of speech or more are needed, better "
        "half a minute.",
        "{0} 中只有 {1} 秒的语音：要学习人脸，至少需要 {2} 秒语音，最好半分钟。",
    ),
    (
        "{0} lasts {1} s: to learn a face, {2} s or more are needed, better half a minute.",
        "{0} 只有 {1} 秒：要学习人脸，至少需要 {2} 秒，最好半分钟。",
    ),
    (
        "{0} shows several people: to learn a face, cut it so that only one of them is seen.",
        "{0} 中有多个人：要学习人脸，请剪成只有其中一人的视频。",
    ),
    (
        "The face in {0} can be followed for {1} s only: to learn it, choose a video in which it is seen "
        "from the front, large and well lit.",
        "{0} 中的人脸只能跟踪 {1} 秒：要学习它，请选择人脸正对镜头、较大且光线充足的视频。",
    ),
    (
        "The lips in {0} hardly move: to learn a face, choose a video in which the person shown is the one "
        "who speaks.",
        "{0} 中的嘴唇几乎不动：要学习人脸，请选择画面中的人自己在说话的视频。",
    ),
    (
        "{0} cannot learn a face. Choose M-CSAWav2Lip, Wav2Lip, multi-reference fusion or visual dubbing.",
        "{0} 不能学习人脸，请选择 M-CSAWav2Lip、Wav2Lip、多参考帧融合或视觉配音。",
    ),
    (
        "The minutes of learning must be from {0} to {1}, not {2}.",
        "学习时间须在 {0} 到 {1} 分钟之间，不能是 {2}。",
    ),
    (
        "{0} exists already: choose another name, or delete it first.",
        "{0} 已存在，请换一个名称，或先删除它。",
    ),
    (
        "Another run is about to write {0}: wait for it, or choose another name.",
        "另一个任务正要写入 {0}，请等它结束，或换一个名称。",
    ),
    (
        "{0} could not be written ({1}). Make room, then try again.",
        "无法写入 {0}（{1}）。请腾出空间后重试。",
    ),
    (
        "{0} cannot be the name of a core: use letters, digits, '-', '_' and '.', a letter or digit first.",
        "{0} 不能作为模型名称：请只用字母、数字、“-”、“_”和“.”，并以字母或数字开头。",
    ),
    (
        "There is no adapted core {0}; it may have been deleted. `python -m lipsync adapt --list` shows "
        "those that are here.",
        "没有学习得到的模型 {0}，可能已被删除。`python -m lipsync adapt --list` 会列出现有的模型。",
    ),
    ("{0} cannot be deleted ({1}).", "无法删除 {0}（{1}）。"),
    (
        "{0} does not describe an adapted core. Adapt the core again.",
        "{0} 描述的不是学习得到的模型，请重新学习。",
    ),
    (
        "adapt needs --face VIDEO and --out CORE, or --list, or --delete NAME.",
        "adapt 需要 --face VIDEO 和 --out CORE，或 --list，或 --delete NAME。",
    ),
    (
        "Learning the face in {0} brought no gain on the last fifth of the video, so the core is the "
        "untouched original.",
        "学习 {0} 中的人脸在视频最后五分之一上没有带来提升，因此保留原来的模型不变。",
    ),
    (
        "The face in {0} was learned in {1} s: on the last fifth of the video the mouth's {2} distance from "
        "the real one went from {3} to {4}.",
        "已用 {1} 秒学习 {0} 中的人脸：在视频最后五分之一上，嘴部与真实画面的 {2} 距离由 {3} 变为 {4}。",
    ),
    ("learned from a video of one person", "由一个人的视频学习得到"),
    # Speech encoders
    (
        "The speech encoder {0} needs the package {1}, which is not installed. Run `pip install {2}`, or "
        "choose a method with the encoder 'mel'.",
        "语音编码器 {0} 需要软件包 {1}，本机未安装。请运行 `pip install {2}`，"
        "或选择使用 'mel' 编码器的方法。",
    ),
    (
        "The speech encoder 'mel' has no weights; leave them out.",
        "语音编码器 'mel' 没有权重，请不要指定。",
    ),
    (
        "{0} holds no Whisper model of CTranslate2 ({1}).",
        "{0} 中没有 CTranslate2 格式的 Whisper 模型（{1}）。",
    ),
    (
        "{0} has other convolutions than HuBERT and wav2vec 2.0 have.",
        "{0} 的卷积层与 HuBERT 和 wav2vec 2.0 不同。",
    ),
    ("{0} is a {1}, not a HuBERT or wav2vec 2.0.", "{0} 是 {1}，不是 HuBERT 或 wav2vec 2.0。"),
    (
        "The speech encoder {0} cannot be had from {1} ({2}). Give a folder of its weights, or choose a "
        "method with the encoder 'mel'.",
        "无法从 {1} 取得语音编码器 {0}（{2}）。请指定权重文件夹，或选择使用 'mel' 编码器的方法。",
    ),
    ("The result would overwrite {0}; give it another name.", "结果会覆盖 {0}，请换一个名称。"),
    ("length must be 'audio' or 'video', not {0}.", "长度只能是 audio 或 video，不能是 {0}。"),
    (
        "The result would last {0} s; the limit here is {1} s. Cut the input, or use the command line, "
        "which has no limit.",
        "结果将长达 {0} 秒，此处上限为 {1} 秒。请剪短输入，或使用没有上限的命令行。",
    ),
    # The automatic choice
    ("A better core is unavailable: {0}.", "有更好的模型，但无法使用：{0}。"),
    ("Better cores are unavailable: {0}.", "有更好的模型，但无法使用：{0}。"),
    ("No core can be used: {0}.", "没有可以使用的模型：{0}。"),
    (
        "{0} needs {1}, which is not here and could not be fetched ({2})",
        "{0} 需要 {1}，本机没有，也无法下载（{2}）",
    ),
    ("{0} cannot be loaded ({1})", "无法载入 {0}（{1}）"),
    ("The table of scores {0} cannot be read ({1}).", "无法读取得分表 {0}（{1}）。"),
    # Weights
    (
        "There is no checkpoint {0}. Check the path, or fetch the weights first.",
        "没有检查点 {0}，请检查路径，或先下载权重。",
    ),
    (
        "{0} is not a checkpoint format: use .safetensors, .pth, .pt or .model.",
        "{0} 不是检查点格式，请使用 .safetensors、.pth、.pt 或 .model。",
    ),
    (
        "{0} is not a checkpoint: it holds a {1}, not named weights.",
        "{0} 不是检查点：其中是 {1}，而不是命名的权重。",
    ),
    (
        "{0} is a TorchScript program, not a checkpoint: give its state dict.",
        "{0} 是 TorchScript 程序而不是检查点，请提供它的 state dict。",
    ),
    (
        "{0} holds more than weights ({1}) and is not opened, because that could run code. Save its state "
        "dict alone, best as .safetensors.",
        "{0} 除权重外还含有 {1}，打开它可能会运行代码，因此没有打开。"
        "请只保存 state dict，最好存为 .safetensors。",
    ),
    (
        "{0} is damaged or not a checkpoint{1}. Fetch or copy it again.",
        "{0} 已损坏或不是检查点{1}，请重新下载或复制。",
    ),
    ("{0} cannot be read ({1}). Fetch or copy it again.", "无法读取 {0}（{1}），请重新下载或复制。"),
    ("Cannot read {0}: {1}.", "无法读取 {0}：{1}。"),
    (
        "Cannot write {0}: {1}. Make room, or set {2} to a folder you can write.",
        "无法写入 {0}：{1}。请腾出空间，或把 {2} 设为可写的文件夹。",
    ),
    (
        "{0} is not a checkpoint of the SyncNet v2 architecture: it {1}. Give a file of that architecture.",
        "{0} 不是 SyncNet v2 结构的检查点（{1}），请提供该结构的文件。",
    ),
    ("{0} does not hold the generator expected: {1}.", "{0} 中不是所需的生成器：{1}。"),
    ("width must be above 0, not {0}.", "width 必须大于 0，不能是 {0}。"),
    ("{0} does not describe {1}.", "{0} 描述的不是{1}。"),
    ("{0} does not describe {1} ({2}).", "{0} 描述的不是{1}（{2}）。"),
    ("{0} does not hold {1}: {2}", "{0} 中不是{1}：{2}"),
    ("a generator of LSTM-CBAM", "LSTM-CBAM 的生成器"),
    ("a generator of the Wav2Lip family", "Wav2Lip 系列的生成器"),
    (
        "The weights of {0} are not here and nobody publishes them: train them with `python -m lipsync "
        "train` and give their folder as --checkpoint, or put it at {1}.",
        "本机没有 {0} 的权重，也没有公开发布的权重：请用 `python -m lipsync train` 训练，"
        "再用 --checkpoint 指定其文件夹，或把它放到 {1}。",
    ),
    # Why a file could not be fetched
    (
        "offline mode is on (LIPSYNC_OFFLINE or HF_HUB_OFFLINE)",
        "已开启离线模式（LIPSYNC_OFFLINE 或 HF_HUB_OFFLINE）",
    ),
    ("it has no source on the network", "没有网络来源"),
    ("{0}: cannot be reached ({1})", "{0}：无法连接（{1}）"),
    ("{0}: the archive cannot be reached ({1})", "{0}：无法连接（{1}）"),
    ("{0}: pip cannot be asked ({1})", "{0}：无法使用 pip（{1}）"),
    ("{0}: answered {1}", "{0}：服务器回答 {1}"),
    ("{0}: no answer within {1} s", "{0}：{1} 秒内没有应答"),
    ("another job is fetching it", "另一个任务正在下载"),
    ("{0}: the package index does not have it", "{0}：软件包索引中没有"),
    ("{0}: the package index cannot be used ({1})", "{0}：无法使用软件包索引（{1}）"),
    ("{0}: is not this file (its checksum differs)", "{0}：不是该文件（校验和不同）"),
    ("{0}: is not this file ({1} bytes instead of {2})", "{0}：不是该文件（{1} 字节，应为 {2} 字节）"),
    ("at {0}, or in any folder that LIPSYNC_WEIGHTS names", "到 {0}，或 LIPSYNC_WEIGHTS 指定的任一文件夹"),
    ("at {0}", "到 {0}"),
    (
        "{0} ({1}) is not here and could not be fetched: {2}. Put it by hand {3} (SHA-256 {4}).",
        "本机没有 {0}（{1}），也无法下载：{2}。请手动放{3}（SHA-256 {4}）。",
    ),
    ("There is no checkpoint {0}.", "没有检查点 {0}。"),
    (
        "{0} is not the published weights file (sha256 differs); delete it and fetch it again.",
        "{0} 不是公开发布的权重文件（SHA-256 不符），请删除后重新下载。",
    ),
    ("The weights {0} cannot be read: {1}.", "无法读取权重 {0}：{1}。"),
    ("{0} is not a pickle of plain arrays: {1}.", "{0} 不是只含数组的 pickle 文件：{1}。"),
    ("The LPIPS weights do not fit the {0} network: {1}.", "LPIPS 权重与 {0} 网络不符：{1}。"),
    ("There is no {0} {1}. Did you mean {2}?", "没有名为 {1} 的 {0}，是否想用 {2}？"),
    ("There is no {0} {1}. Choose one of: {2}.", "没有名为 {1} 的 {0}，可选：{2}。"),
    # Cores on the Hub
    (
        "{0} names no model on the Hub; write hub:organisation/name, with /path/file.pth for a published "
        "checkpoint and @revision to pin it.",
        "{0} 不是 Hub 上的模型；请写成 hub:组织/名称，公开的检查点再加 /路径/文件.pth，用 @版本 固定版本。",
    ),
    (
        "{0} is not on this machine, and offline mode is on (LIPSYNC_OFFLINE or HF_HUB_OFFLINE).",
        "本机没有 {0}，并且已开启离线模式（LIPSYNC_OFFLINE 或 HF_HUB_OFFLINE）。",
    ),
    ("{0} could not be fetched: {1}.", "无法下载 {0}：{1}。"),
    (
        "{0} holds no core of this project: there is no {1} in it. For a published checkpoint name its file, "
        "as in hub:{2}/path/file.pth.",
        "{0} 中不是本项目的模型：缺少 {1}。公开的检查点请写明文件，例如 hub:{2}/path/file.pth。",
    ),
    (
        "{0} holds no core of this project: its {1} describes another network.",
        "{0} 中不是本项目的模型：其 {1} 描述的是另一种网络。",
    ),
    ("{0} of {1} has {2} GB; up to {3} GB are fetched.", "{1} 的 {0} 有 {2} GB，最多下载 {3} GB。"),
    ("Hub {0}: {1}", "Hub {0}：{1}"),
    (
        "asks for permission: accept its terms on the Hub and set HF_TOKEN",
        "需要许可：请在 Hub 上接受其条款并设置 HF_TOKEN",
    ),
    (
        "no such repository, or it is private and HF_TOKEN does not open it",
        "没有该仓库，或它是私有的而 HF_TOKEN 无权访问",
    ),
    ("no such revision {0}", "没有版本 {0}"),
    ("no such file in the repository", "仓库中没有该文件"),
    ("wants a token: set HF_TOKEN", "需要令牌：请设置 HF_TOKEN"),
    ("refuses access to this token", "拒绝该令牌访问"),
    ("answered 429: too many requests from here, try again later", "服务器回答 429：请求过多，请稍后再试"),
    ("answered {0}", "服务器回答 {0}"),
    ("cannot be reached ({0})", "无法连接（{0}）"),
    ("broke off ({0})", "连接中断（{0}）"),
    (
        "what came is not the file that the Hub names (its checksum differs); it was removed",
        "收到的不是 Hub 所指的文件（校验和不同），已删除",
    ),
    ("{0} is no repository's name; write organisation/name.", "{0} 不是仓库名称，请写成 组织/名称。"),
    (
        "{0} is not the folder of a trained model (config.json and model.safetensors).",
        "{0} 不是训练好的模型的文件夹（应有 config.json 和 model.safetensors）。",
    ),
    (
        "{0} has no model card: write README.md in it, as in {1}.",
        "{0} 没有模型卡：请在其中写 README.md，例如 {1}。",
    ),
    ("The metadata of {0} cannot be read ({1}).", "无法读取 {0} 的元数据（{1}）。"),
    ("The metadata of {0} needs {1}, {2}; see {3} for one.", "{0} 的元数据缺少 {1}（{2}），示例见 {3}。"),
    (
        "{0} could not be written: {1}. HF_TOKEN has to be a token that may write there.",
        "无法写入 {0}：{1}。HF_TOKEN 须为有写权限的令牌。",
    ),
    ("The Hub did not take the files for {0} ({1}).", "Hub 没有接受 {0} 的文件（{1}）。"),
    ("LIPSYNC_MCP is {0}; set it to 1 or 0.", "LIPSYNC_MCP 的值是 {0}，请设为 1 或 0。"),
    (
        "LIPSYNC_MCP is 1, but a package is missing: pip install 'gradio[mcp]'.",
        "LIPSYNC_MCP 为 1，但缺少软件包：pip install 'gradio[mcp]'。",
    ),
    # A Space
    (
        "This took longer than {0} s, the limit here, and was stopped. Cut the input.",
        "任务超过了此处的上限 {0} 秒，已停止。请剪短输入。",
    ),
    (
        "The result would last {0} s; the GPU of this Space is lent for up to {1} s of video. Cut the input.",
        "结果将长达 {0} 秒，此 Space 的 GPU 最多用于 {1} 秒的视频。请剪短输入。",
    ),
    (
        "This Space got no GPU for the job ({0}). Try again later.",
        "此 Space 没有得到 GPU（{0}），请稍后再试。",
    ),
    ("as its page on the Hub says", "见其 Hub 页面"),
    ("The job failed; the portal's log says why.", "任务失败，原因见门户的日志。"),
    # Networks
    (
        "Chinese text becomes pinyin by the package pypinyin, which is not installed. Run {0}.",
        "汉字转拼音需要 pypinyin 包，但尚未安装。请运行 {0}。",
    ),
    (
        "The speech around a frame is an odd number of vectors with a spacing of 1 or more, not {0} "
        "with {1}.",
        "一帧周围的语音须为奇数个向量，间隔至少为 1，而不是 {0} 个、间隔 {1}。",
    ),
    (
        "With {0} levels and shrink {1} size must be a multiple of {2}, not {3}.",
        "{0} 层且 shrink 为 {1} 时，尺寸须为 {2} 的倍数，而不是 {3}。",
    ),
    ("visible must be above 0 and at most 0.5, not {0}.", "visible 须大于 0 且不超过 0.5，而不是 {0}。"),
    (
        "The network needs a reference or more, a width above 0 and no more SPADE blocks than levels.",
        "网络至少需要一张参考帧，宽度大于 0，且 SPADE 块不多于层数。",
    ),
    ("window must be 0 or more frames, not {0}.", "window 至少为 0 帧，而不是 {0}。"),
    (
        "The renderer needs a reference, and motion where there are several: it warps and joins them.",
        "渲染网络至少需要一张参考图；有多张时须启用 motion，由它变形并合并参考图。",
    ),
    (
        "size and top must be multiples of 32 pixels, top the smaller one.",
        "size 和 top 须为 32 像素的倍数，且 top 较小。",
    ),
    (
        "OpenCV cannot read the face encoder {0}; delete it and fetch it again.",
        "OpenCV 无法读取人脸编码器 {0}，请删除后重新获取。",
    ),
    # Methods
    ("ships with the project", "随项目提供"),
    (
        "ships with the project; {0} ({1}) is fetched on first use",
        "随项目提供；{0}（{1}）首次使用时下载",
    ),
    ("trained by yourself; none are published", "自行训练；没有公开发布的权重"),
    ("that of the weights you train", "取决于自行训练的权重"),
    ("Hugging Face Hub, fetched on first use", "Hugging Face Hub，首次使用时下载"),
    ("research use only (weights by their authors)", "仅限研究使用（权重由原作者发布）"),
    ("Apache-2.0 (research footage, see the model card)", "Apache-2.0（研究用素材，见模型说明）"),
)


@cache
def _patterns(more: Sentences) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Templates as patterns; most fixed text first, for a short one would swallow a longer sentence."""
    longest = sorted((*SENTENCES, *more), key=lambda entry: -len(re.sub(r"\{\d+\}", "", entry[0])))
    return tuple((_pattern(english), translation) for english, translation in longest)


def _pattern(template: str) -> re.Pattern[str]:
    fixed = re.split(r"\{\d+\}", template)
    return re.compile("(.*?)".join(re.escape(part) for part in fixed), re.DOTALL)


def chinese(sentence: str, more: Sentences = ()) -> str:
    """The Chinese of a sentence of this library, or the sentence itself where there is none.

    Args:
        sentence: what a person is told.
        more: templates of another package, which may hold sentences of this one as reasons.
    """
    for pattern, translation in _patterns(more):
        found = pattern.fullmatch(sentence)
        if found:
            return translation.format(*(_reasons(field, more) for field in found.groups()))
    return sentence


def _reasons(field: str, more: Sentences) -> str:
    return "；".join(_reason(reason, more) for reason in field.split("; "))


def _reason(reason: str, more: Sentences) -> str:
    """The Chinese of a reason, which may be a sentence that lost its full stop to the one around it."""
    translation = chinese(reason, more)
    return chinese(f"{reason}.", more).rstrip(".。") if translation == reason else translation
