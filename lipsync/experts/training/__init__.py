"""How the experts are trained."""

from lipsync.training.stages import STAGES

STAGES.register(
    "activity",
    "lipsync.experts.training.activity_stage:ActivityStage",
    help="tells speech from everything else, for all methods",
)
STAGES.register(
    "cover",
    "lipsync.experts.training.cover_stage:CoverStage",
    help="finds what is before a mouth, for all methods",
)
STAGES.register(
    "teacher",
    "lipsync.experts.training.teacher_stage:TeacherStage",
    help="reads mouth shapes off a pre-trained speech encoder",
)
STAGES.register("mouth", "lipsync.experts.training.mouth_stage:MouthStage", help="the mouth-shape expert")
STAGES.register(
    "sync",
    "lipsync.experts.training.sync_stage:SyncStage",
    help="the sync expert; with stage.model.ablation=lstm-cbam LSTM-CBAM's discriminator",
)
STAGES.register(
    "lip-reader",
    "lipsync.experts.training.lip_reader_stage:LipReaderStage",
    help="the lip-reading expert of multi-reference fusion",
)
STAGES.register(
    "syncx",
    "lipsync.experts.training.syncx_stage:SyncXStage",
    help="the sync expert of multi-reference fusion",
)
