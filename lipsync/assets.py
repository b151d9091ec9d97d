"""Where to find what ships beside the code: examples, models, scripts and styles of the pages."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_assets"  # setup.py puts them there
_FOLDER = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "assets"


def asset(*parts: str) -> Path:
    """The file or folder at that place of ``assets``, in a checkout as in an installed package."""
    return _FOLDER.joinpath(*parts)
