"""Files under random names for a browser to fetch; it can fetch no others."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from pathlib import Path

from lipsync.ui.markup import address

FOLDER = "shown"  # in the data folder, so that a link needs no copy
UNFIT = re.compile(r'[\\/:*?"<>|\x00-\x1f#%]')
LONGEST = 60  # characters of a name; three bytes each they still fit into a file system
LIFETIME = 24 * 3600.0  # s that a link is good


class Links:
    """Gives files random addresses. Only linked files can be fetched, not their neighbours.

    Args:
        data: the data folder; ``folder`` in it must be among the launch's ``allowed_paths``.
    """

    def __init__(self, data: Path) -> None:
        self.folder = data.resolve() / FOLDER
        self.folder.mkdir(parents=True, exist_ok=True)

    def url(self, path: Path) -> str:
        """The address of a file, relative to the page; another one each time.

        Raises:
            FileNotFoundError: it is gone.
        """
        link, address = self.place(f"v{path.suffix.lower()}")
        try:
            os.link(path, link)
        except FileNotFoundError:
            link.parent.rmdir()
            raise
        except OSError:  # another disk, or one without links
            shutil.copyfile(path, link)
        return address

    def place(self, name: str) -> tuple[Path, str]:
        """A path for a file that is to be fetched, and its address.

        Args:
            name: that it is saved under; signs that a file name may not hold become a hyphen.
        """
        self._sweep()
        folder = self.folder / secrets.token_hex(12)
        folder.mkdir()
        stem, dot, suffix = name.rpartition(".")
        path = folder / (UNFIT.sub("-", stem).strip(" .")[:LONGEST] + dot + suffix)
        return path, address(path)

    def _sweep(self) -> None:
        for place in self.folder.iterdir():
            try:
                if time.time() - place.stat().st_mtime > LIFETIME:
                    shutil.rmtree(place, ignore_errors=True)
            except FileNotFoundError:  # another process was faster
                continue
