"""``python -m spaces_config.deploy``: the portal on a Hugging Face Space, in one commit."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from pathlib import Path

from lipsync.errors import ConfigError, LipSyncError
from lipsync.texts import for_terminal
from lipsync.weights.manifest import Artefact, HubFile, table
from lipsync.weights.push import HubRepo, check_repo, upload

TABLE = "lipsync/weights/artefacts.toml"  # in every result, by which it is known again
ROOT = Path(__file__).resolve().parents[1]
HERE = Path(__file__).resolve().parent
PARTS = ("app.py", "LICENSE", "assets", "eval", "lipsync")
# The library's command line, the training of ablations and the README's pictures are not for the portal.
LEFT_OUT = (
    "assets/readme",
    "eval/batch/ablation.py",
    "eval/cli/ablate.py",
    "eval/report/ablation.py",
    "lipsync/__main__.py",
    "lipsync/cli/",
)


def assemble(out: Path) -> list[Path]:
    """Write all that a Space needs into a folder; the files, relative to it, in order.

    Args:
        out: made if missing; must be empty, or hold an earlier result, which is replaced.

    Raises:
        ConfigError: there is something else in it, or it cannot be written.
    """
    if out.is_dir() and any(out.iterdir()):
        if not (out / TABLE).is_file() or (out / ".git").exists():
            raise ConfigError("deploy.not_empty", out=out)
        shutil.rmtree(out)
    try:
        for path in sorted(_needed()):
            place = out / path
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, place)
        (out / "requirements.txt").write_text(requirements(), encoding="utf-8")
        shutil.copyfile(HERE / "packages.txt", out / "packages.txt")
        (out / "README.md").write_text(readme(), encoding="utf-8")
    except OSError as problem:
        raise ConfigError("writer.cannot_write", name=out, problem=problem.strerror) from problem
    return sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file())


def requirements() -> str:
    """The packages of a Space, one a line: the portal's, and what only a Space wants."""
    lines = []
    for path in (ROOT / "requirements.txt", HERE / "requirements.txt"):
        found = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
        lines += [line for line in found if line]
    return "\n".join(lines) + "\n"


def readme() -> str:
    """The README of a Space: the Hub reads from its front matter how the Space is built."""
    from huggingface_hub import SpaceCard

    card = SpaceCard.load(HERE / "README.md")
    pinned = re.search(r"^gradio==(\S+)$", requirements(), re.MULTILINE)
    if pinned is None:
        raise ConfigError("deploy.no_gradio")
    card.data["sdk_version"] = pinned[1]
    card.data["preload_from_hub"] = [_preload(artefact) for artefact in table().values() if artefact.preload]
    return str(card)


def _needed() -> list[Path]:
    found = []
    for part in PARTS:
        root = ROOT / part
        for path in [root] if root.is_file() else root.rglob("*"):
            place = path.relative_to(ROOT)
            hidden = any(name.startswith((".", "__pycache__")) for name in place.parts)
            if path.is_file() and not hidden and not place.as_posix().startswith(LEFT_OUT):
                found.append(place)
    return found


def _preload(artefact: Artefact) -> str:
    """``repository file``, and the commit where one is pinned."""
    source = next((source for source in artefact.sources if isinstance(source, HubFile)), None)
    if source is None:
        raise ConfigError("deploy.no_source", artefact=artefact.name)
    return f"{source.repo} {source.file}" + ("" if source.revision == "main" else f" {source.revision}")


def main(arguments: list[str] | None = None) -> int:
    """Deploy, or write the folder alone; 0 when it went well, 2 with one sentence on stderr."""
    parser = argparse.ArgumentParser(prog="python -m spaces_config.deploy", description=__doc__)
    parser.add_argument("--space", required=True, metavar="USER/NAME", help="made if missing")
    parser.add_argument("--dry-run", action="store_true", help="write the folder, upload nothing")
    parser.add_argument("--out", type=Path, default=Path("build/space"), help="that folder (%(default)s)")
    parser.add_argument("--private", action="store_true", help="make a new Space private")
    parser.add_argument(
        "--hardware", help="of a new Space, such as cpu-upgrade or zero-a10g (default: the free one)"
    )
    options = parser.parse_args(arguments)
    try:
        check_repo(options.space)
        if options.dry_run:
            files = assemble(options.out)
            size = sum((options.out / path).stat().st_size for path in files)
            print(for_terminal("cli.assembled", folder=options.out, count=len(files), size=size / 1e6))
            return 0
        with tempfile.TemporaryDirectory() as work:
            assemble(Path(work))
            space = HubRepo(options.space, "space", options.private, options.hardware)
            _, url = upload(Path(work), space, "Deploy the portal", replace=True)
        print(url)
    except LipSyncError as problem:
        print(for_terminal(problem.message), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
