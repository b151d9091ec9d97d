"""A core for the Hub on this machine, and what is looked at there."""

from pathlib import Path

from lipsync.methods.hub_name import HubCore

REPO = "someone/core"
CORE = HubCore(REPO)
SMALL = ("config.json", "README.md")  # not in large file storage


def files_of(net, folder: Path) -> dict[str, bytes]:
    """A network as the files of its repository."""
    net.save_pretrained(folder)
    return {name: (folder / name).read_bytes() for name in ("config.json", "model.safetensors")}


def downloads(hub) -> int:
    """How often large files were fetched."""
    return len(hub.seen("GET", "/storage/"))


def blobs(tmp_path: Path) -> list[str]:
    """What lies in the client's cache: blobs and halves of them."""
    return sorted(path.name for path in (tmp_path / "hub").rglob("blobs/*"))
