"""Python packages whose code must never run, as a package index has them."""

from __future__ import annotations

import io
import tarfile
import zipfile


def wheel(name: str, files: dict[str, bytes]) -> bytes:
    """A wheel whose code must never be imported, with these files in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}/__init__.py", "raise SystemExit('a mirror package was imported')\n")
        for path, content in files.items():
            archive.writestr(path, content)
    return buffer.getvalue()


def sdist(name: str, version: str, files: dict[str, bytes], setup: str = "") -> bytes:
    """An sdist with these files in it, and a setup.py that must never run."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        everything = {"setup.py": (setup or "raise SystemExit('a mirror package ran')\n").encode()} | files
        for path, content in everything.items():
            entry = tarfile.TarInfo(f"{name}-{version}/{path}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
