"""Faces in pictures and videos: find, choose, track, crop, blend back."""

from lipsync.faces.blend import paste
from lipsync.faces.tracking.choose import Choice, faces_in, preview
from lipsync.faces.tracking.crop import Pose, crop_face, crop_matrix
from lipsync.faces.tracking.detect import Face, FaceDetector
from lipsync.faces.tracking.track import FaceTracker, Tracked

__all__ = [
    "Choice",
    "Face",
    "FaceDetector",
    "FaceTracker",
    "Pose",
    "Tracked",
    "crop_face",
    "crop_matrix",
    "faces_in",
    "paste",
    "preview",
]
