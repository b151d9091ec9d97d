"""Photos: one upright RGB picture, and pictures larger than their use made smaller."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from lipsync.errors import MediaError
from lipsync.media.animation import is_animated, opaque
from lipsync.media.source import SOUND_SUFFIXES, VIDEO_SUFFIXES, check_file

MAX_PIXELS = 12_000 * 9_000  # what phones take; a file of a few kilobytes may claim far more
SIDE = 10_000  # of a square photo that surely fits
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "AVIF")


@contextmanager
def _open(path: str | Path) -> Iterator[Image.Image | None]:
    """The photo with only its header read, or None when the file is no photo or moves."""
    path = check_file(path)
    try:
        with Image.open(path, formats=FORMATS) as photo:
            if path.suffix.lower() in VIDEO_SUFFIXES | SOUND_SUFFIXES:
                raise MediaError(
                    "photo.other_format", path=path.name, ending=path.suffix, format=photo.format
                )
            if photo.width * photo.height > MAX_PIXELS:
                raise MediaError("photo.too_large", path=path.name, side=SIDE)
            yield None if is_animated(photo) else photo
    except UnidentifiedImageError:
        yield None
    except Image.DecompressionBombError as error:
        raise MediaError("photo.too_large", path=path.name, side=SIDE) from error
    except MediaError:
        raise
    except Exception as error:  # Pillow's decoders raise almost any kind at broken bytes
        raise MediaError("photo.damaged", path=path.name) from error


def photo_size(path: str | Path) -> tuple[int, int, int] | None:
    """Upright width and height and the clockwise rotation it took, or None when this is no photo or moves.

    Raises:
        MediaError: missing, empty, damaged, or a photo that is named like a video.
    """
    with _open(path) as photo:
        if photo is None:
            return None
        orientation = photo.getexif().get(0x0112, 1)
        turned = {3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}.get(orientation, 0)
        width, height = photo.size
    return (height, width, turned) if turned in (90, 270) else (width, height, turned)


def read_photo(path: str | Path, longest: int | None = None) -> np.ndarray | None:
    """The photo as (H, W, 3) uint8 RGB, upright by its EXIF tag, or None when this is no photo or moves.

    Transparency is laid over white; 16-bit greys are scaled to 8 bits. With ``longest`` it is reduced to
    at most so many pixels a side.

    Raises:
        MediaError: as :func:`photo_size`, or the pixels cannot be decoded.
    """
    with _open(path) as photo:
        image = None if photo is None else _to_rgb(_upright(photo))
    return image if image is None or longest is None else reduced(image, longest)


def _upright(photo: Image.Image) -> Image.Image:
    """The photo turned as its EXIF tag says, in place: a copy of a large one would take much memory."""
    ImageOps.exif_transpose(photo, in_place=True)
    return photo


def _to_rgb(photo: Image.Image) -> np.ndarray:
    if photo.mode.startswith("I"):
        grey = (np.asarray(photo).astype(np.float32) / 257.0 + 0.5).clip(0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if photo.has_transparency_data:
        photo = opaque(photo)
    return np.array(photo if photo.mode == "RGB" else photo.convert("RGB"))


def fitting(width: int, height: int, longest: int) -> tuple[int, int]:
    """Width and height with the same shape and at most ``longest`` pixels a side."""
    zoom = min(1.0, longest / max(width, height))
    return max(1, round(width * zoom)), max(1, round(height * zoom))


def reduced(image: np.ndarray, longest: int) -> np.ndarray:
    """The (H, W, 3) uint8 picture at most ``longest`` pixels a side, by area; as it is where it fits."""
    height, width = image.shape[:2]
    if max(width, height) <= longest:
        return image
    return cv2.resize(image, fitting(width, height, longest), interpolation=cv2.INTER_AREA)
