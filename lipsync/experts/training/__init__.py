"""How the experts are trained."""

from lipsync.training.stages import STAGES

STAGES.register(
    "activity",
    "lipsync.experts.training.activity_stage:ActivityStage",
    help="stage.activity",
)
STAGES.register(
    "cover",
    "lipsync.experts.training.cover_stage:CoverStage",
    help="stage.cover",
)
STAGES.register(
    "teacher",
    "lipsync.experts.training.teacher_stage:TeacherStage",
    help="stage.teacher",
)
STAGES.register("mouth", "lipsync.experts.training.mouth_stage:MouthStage", help="stage.mouth")
STAGES.register(
    "sync",
    "lipsync.experts.training.sync_stage:SyncStage",
    help="stage.sync",
)
STAGES.register(
    "lip-reader",
    "lipsync.experts.training.lip_reader_stage:LipReaderStage",
    help="stage.lip_reader",
)
STAGES.register(
    "syncx",
    "lipsync.experts.training.syncx_stage:SyncXStage",
    help="stage.syncx",
)
STAGES.register(
    "lip-points",
    "lipsync.experts.training.lip_points_stage:LipPointsStage",
    help="stage.lip_points",
)
STAGES.register(
    "lip-motion",
    "lipsync.experts.training.lip_motion_stage:LipMotionStage",
    help="stage.lip_motion",
)
