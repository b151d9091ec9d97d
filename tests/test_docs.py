"""The documents: every command runs or is at least understood, links lead somewhere, both READMEs agree."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml

from lipsync.errors import LipSyncError
from lipsync.media import VideoWriter, WriterOptions, read_frames

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "assets" / "examples"
MODELS = ROOT / "assets" / "models"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CARDS = sorted(path for path in (ROOT / "assets").rglob("*.md"))
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
STARTS = ("lipsync", "python -m ", "make ", "torchrun ", "pip ", "curl ", "export ", "source ")
SETTING = re.compile(r"[A-Z][A-Z0-9_]*=\S*")

# Commands that are parsed by their own parser and not run, by how they begin, with the reason.
NOT_RUN = {
    r"make (app|demo|test)": "installs packages and fetches weights; tests/ui serve the portal",
    r"export |source ": "prepares the shell",
    r"pip ": "installs packages; test_package builds and installs this one",
    r"torchrun|lipsync train|lipsync fit|lipsync prepare --videos": "needs footage, and hours",
    r"lipsync export": "needs a finished run; see tests/training/test_export.py",
    r"lipsync-eval (ablate|core|sync-expert)": "needs footage, and minutes; see tests/scoring",
    r"python -m lipsync\.data\.transcripts": "needs footage and a speech recogniser",
    r"python -m tests\.benchmarks": "measures for minutes",
    r"lipsync adapt --face": "learns for minutes; see tests/test_adapt.py",
    r"lipsync adapt --delete|.*--method adapted:": "needs what the command before it learned",
    r"lipsync weights --fetch|.*--method (wav2lip_gan|hub:)": "needs the network; see tests/weights",
    r".*--captions": "needs a speech recogniser; see tests/test_captioned_results.py",
    r"lipsync speak": "needs a speech engine; see tests/audio/test_text_to_speech.py",
    r".*--method visual-dubbing": "needs the face landmarker, which is downloaded",
    r".*deploy .*--(space \S+$|hardware)": "uploads to the Hub; see tests/test_deploy.py",
    r"curl": "needs a portal that runs; see tests/ui/test_api.py",
    r"lipsync-eval batch .*--metrics": "needs the videos of that table",
    r"lipsync-eval bench (?!.*--clips 1)": "needs videos, or a minute; see tests/batch/test_bench.py",
    r".*--predict-mos": "needs a finished study; see tests/study/test_results_command.py",
}


@dataclass(frozen=True)
class Command:
    """One command of a document, without its comment."""

    page: Path
    text: str

    @property
    def words(self) -> list[str]:
        """What the shell makes of it, without the settings in front."""
        words = shlex.split(self.text)
        while words and SETTING.fullmatch(words[0]):
            words.pop(0)
        return words

    @property
    def why_not(self) -> str | None:
        """The reason not to run it, if there is one."""
        text = shlex.join(self.words)
        return next((why for pattern, why in NOT_RUN.items() if re.match(pattern, text)), None)


def fences(path: Path, language: str) -> list[str]:
    """The fenced blocks of a language in a document."""
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(path: Path) -> list[Command]:
    """The commands of a document: of its fenced shell blocks, and the indented ones of a model card."""
    blocks = fences(path, "bash")
    if path in CARDS:
        lines = re.findall(r"^    (?:.*\\\n)*.*$", path.read_text(encoding="utf-8"), re.MULTILINE)
        blocks += [line.strip() for line in lines if line.strip().startswith(STARTS)]
    found = []
    for block in blocks:
        for line in re.sub(r"\\\n\s*", "", block).splitlines():
            text = shlex.join(shlex.split(line, comments=True))
            if text:
                found.append(Command(path, text))
    return found


class Parsed(Exception):
    """A parser took a command; carries its options."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__()
        self.options = options


def start(words: list[str]) -> object:
    """Run a command in this process as the shell would start it; what its main function returns."""
    if words[0] == "torchrun":
        words = ["python", *words[words.index("-m") :]]
    if words[:2] == ["python", "-m"]:
        module, arguments = words[2], words[3:]
        place = {"lipsync": PROJECT["scripts"]["lipsync"], "eval": PROJECT["scripts"]["lipsync-eval"]}
        name, function = place.get(module, f"{module}:main").split(":")
    else:
        name, function = PROJECT["scripts"][words[0]].split(":")
        arguments = words[1:]
    before, sys.argv = sys.argv, [name, *arguments]
    try:
        return getattr(importlib.import_module(name), function)()
    except SystemExit as end:
        return end.code
    finally:
        sys.argv = before


def parse(words: list[str], monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace | None:
    """The options of a command by its own parser; None where it has none.

    Raises:
        AssertionError: it is not understood.
    """
    if words[0] in ("export", "source", "curl", "pip"):
        return None
    if words[0] == "make":
        subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, check=True, capture_output=True)
        return None
    if words[:3] == ["python", "-m", "lipsync"] and words[3:4] == ["ablate"]:
        words = ["lipsync-eval", *words[3:]]
    if "argparse" not in source(words):
        assert len(words) == 3, f"{words[2]} takes no arguments"
        return None
    original = argparse.ArgumentParser.parse_args

    def stop(parser: argparse.ArgumentParser, *given: object) -> None:
        raise Parsed(original(parser, *given))  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", stop)
        try:
            code = start(words)
        except Parsed as parsed:
            return parsed.options
    assert code == 0, shlex.join(words)  # --help and the like
    return None


def source(words: list[str]) -> str:
    """The text of the module that a command starts, ``argparse`` for those with a parser elsewhere."""
    if words[:2] != ["python", "-m"] or not words[2].startswith("tests."):
        return "argparse"
    return (ROOT / (words[2].replace(".", "/") + ".py")).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", [*PAGES, *CARDS], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_are_understood_by_their_own_parsers(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for command in commands(page):
        words = command.words
        options = parse(words, monkeypatch) if words else None
        if options is not None and getattr(options, "config", None):
            check_training(options)


def check_training(options: argparse.Namespace) -> None:
    """A training command names a configuration that is there, and settings that its stage has."""
    from lipsync.methods.stages import read_config, recipe
    from lipsync.training.config import read_toml

    path = ROOT / options.config if options.config.suffix else recipe(str(options.config))
    assert read_config(options.stage, read_toml(path), options.set)


def test_no_reason_is_left_over() -> None:
    texts = [shlex.join(command.words) for page in PAGES for command in commands(page)]
    unused = [pattern for pattern in NOT_RUN if not any(re.match(pattern, text) for text in texts)]
    assert unused == []


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the documents speak of, as small as they can be."""
    folder = tmp_path_factory.mktemp("kit")
    frames = [frame.image for frame, _ in zip(read_frames(EXAMPLES / "portrait.mp4", 25), range(35))]  # noqa: B905
    speech = EXAMPLES / "english.wav"
    for name, images in (
        ("me.mp4", frames),
        ("two.mp4", [np.concatenate([image, image[:, ::-1]], axis=1) for image in frames]),
    ):
        height, width = images[0].shape[:2]
        with VideoWriter(
            folder / name, width, height, 25, audio=speech, options=WriterOptions(duration=len(images) / 25)
        ) as out:
            for image in images:
                out.write(image)
    shutil.copyfile(EXAMPLES / "portrait.jpg", folder / "me.jpg")
    shutil.copyfile(folder / "me.mp4", folder / "speech.wav")  # any file with sound will do
    for name in ("g.mp4", "r.mp4", "clips/one/wav2lip.mp4", "clips/one/reference.mp4"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / "me.mp4", folder / name)
    with zipfile.ZipFile(folder / "RESULTS.zip", "w") as archive:
        for name in ("one/ours.mp4", "one/reference.mp4"):
            archive.write(folder / "me.mp4", name)
    (folder / "videos.csv").write_text("item,method,generated,reference\none,ours,g.mp4,r.mp4\n")
    (folder / "pairs.csv").write_text("item;face;audio;reference\ngreeting;me.jpg;speech.wav;me.mp4\n")
    (folder / "RESULTS").mkdir()
    (folder / "RESULTS" / "videos.csv").write_text("item,method,control,PSNR\none,wav2lip,,31.5\n")
    (folder / "BENCH").mkdir()
    shutil.copyfile(EXAMPLES / "report.json", folder / "BENCH" / "report.json")
    study = yaml.safe_load(fences(ROOT / "docs" / "user-study.md", "yaml")[0])
    study["source"] = {"folder": "clips"}
    (folder / "study.yaml").write_text(yaml.safe_dump(study, allow_unicode=True), encoding="utf-8")
    shutil.copytree(MODELS / "mcsawav2lip-embedded", folder / "my-core")
    return folder


@pytest.fixture
def scratch(kit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with them, from which nothing leads to a network or to other folders of the portal."""
    folder = tmp_path / "scratch"
    shutil.copytree(kit, folder)
    monkeypatch.chdir(folder)
    for name in ("LIPSYNC_WEIGHTS", "DATABASE_URL", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LIPSYNC_OFFLINE", "1")
    monkeypatch.setenv("LIPSYNC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LIPSYNC_DATA", str(tmp_path / "data"))
    return folder


RUN = [page for page in PAGES if page.name != "README.zh.md" and any(not c.why_not for c in commands(page))]


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_run(page: Path, scratch: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the order of the page, in one folder: what one writes, the next may read."""
    study = ""
    for command in commands(page):
        words = [study if word == "ID" else word for word in command.words]
        if command.why_not:
            continue
        try:
            code = start(words)
        except LipSyncError as problem:
            pytest.fail(f"{command.text}: {problem}")
        said = capsys.readouterr()
        assert code in (0, None), f"{command.text}\n{said.err}"
        if words[1:3] == ["study", "create"]:
            study = said.out.split()[0]


def python_blocks() -> Iterator[tuple[Path, str]]:
    """Those of all pages but the API's, which tests/ui/test_api.py runs against a portal."""
    seen = set()
    for page in PAGES:
        for block in fences(page, "python"):
            if page.name != "api.md" and block not in seen:
                seen.add(block)
                yield page, block


@pytest.mark.parametrize(("page", "block"), list(python_blocks()))
def test_python_runs(page: Path, block: str, scratch: Path) -> None:
    from lipsync.media import read_audio

    samples = read_audio(Path("speech.wav"))
    shown: list[object] = []
    values = {"microphone": np.array_split(samples, 4), "show": shown.extend}
    exec(compile(block, str(page), "exec"), values)
    result = values.get("result")
    assert shown or (result is not None and result.path.is_file())


def anchors(path: Path) -> set[str]:
    """What can follow ``#`` in a link to a document, as GitHub makes it of the headings."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", [*PAGES, *CARDS], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        links = re.findall(r"\]\(([^)\s#:]+)", page.read_text(encoding="utf-8"))
        waiting += [(page.parent / link).resolve() for link in links]
    assert set(PAGES) <= reached
    assert {MODELS / "EXPERIMENTS.md", MODELS / "ABLATIONS.md"} <= reached


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def outline(path: Path) -> dict[str, list[object]]:
    """What both READMEs must have in common."""
    text = path.read_text(encoding="utf-8")
    body = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return {
        "headings": [len(marks) for marks in re.findall(r"^(#+) ", body, re.MULTILINE)],
        "pictures": re.findall(r"!\[.*?\]\((.*?)\)", body),
        "links": sorted(set(re.findall(r"\]\(([^)]*)\)", body)) - {"README.md", "README.zh.md"}),
        "commands": [command.text for command in commands(path)],
        "python": fences(path, "python"),
        "figures": [re.findall(r"(?<=\| )(?:`[\w-]+`|[-–\d.]+)(?= )", row) for row in table(body)],
    }


def table(text: str) -> list[str]:
    """The lines of the table of models."""
    return [line for line in text.splitlines() if line.startswith("|") and re.search(r"\d\.\d{3}", line)]


@pytest.mark.parametrize("part", ["headings", "pictures", "links", "commands", "python", "figures"])
def test_the_chinese_readme_is_in_step(part: str) -> None:
    english, chinese = outline(ROOT / "README.md"), outline(ROOT / "README.zh.md")
    assert english[part]
    assert chinese[part] == english[part]


def test_the_table_of_models_shows_the_scores() -> None:
    """README's figures are those of the table that ``auto`` is ordered by."""
    import csv

    with (MODELS / "scores.csv").open(encoding="utf-8", newline="") as file:
        scores = {row["method"]: row for row in csv.DictReader(file)}
    rows = {re.findall(r"[\w-]+(?: frame)?", row)[0]: row for row in table((ROOT / "README.md").read_text())}
    assert set(rows) == set(scores)
    for name, row in rows.items():
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        for column, cell in (("lipcorr_own", 1), ("lmd", 6), ("lpips", 7), ("psnr", 8)):
            assert float(cells[cell]) == float(scores[name][column]), (name, column)


def test_the_architecture_names_what_is_there() -> None:
    """Every file that it names is in the tree, and every name that it gives to a file is defined there."""
    page = " ".join((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split())
    paths = set(re.findall(r"`([\w/]+/\w+\.(?:py|md))`", page))
    assert len(paths) > 20
    assert [path for path in sorted(paths) if not (ROOT / path).is_file()] == []
    places = re.findall(r"`(\w+)`(?:\(\))? (?:in |\()`([\w/]+\.py)`", page)
    assert len(places) > 20
    for name, path in places:
        code = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"^(?:def|class) {name}\b", code, re.MULTILINE), (name, path)


def test_every_setting_is_documented() -> None:
    code = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("lipsync", "eval", "spaces_config")
        for path in (ROOT / folder).rglob("*.py")
    )
    named = set(re.findall(r"\bLIPSYNC_[A-Z_]+\b", code))
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert named <= set(re.findall(r"^\| `(LIPSYNC_[A-Z_]+)`", page, re.MULTILINE))


def test_every_metric_is_documented() -> None:
    from eval.scoring.metrics import METRICS

    page = (ROOT / "docs" / "score.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == set(METRICS)


def test_the_citation_names_the_papers() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["version"] == PROJECT["version"]
    assert len(citation["references"]) == 5  # the four systems and Wav2Lip
    assert all({"type", "title", "authors"} <= set(reference) for reference in citation["references"])


def test_the_workflow_calls_make_test() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    steps = workflow["jobs"]["test"]["steps"]
    assert "make test" in [step.get("run") for step in steps]
