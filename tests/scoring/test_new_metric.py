"""docs/add-a-metric.md, followed to the letter in a copy of the package, gives a metric all over it."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from lipsync.media import VideoWriter, WriterOptions, read_frames

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "add-a-metric.md"
MENUS = """
import gradio as gr
from eval.ui.score import score_api, score_page
from eval.ui.score.score_queue import ScoreQueue

with gr.Blocks() as pages:
    works = ScoreQueue()
    with gr.Tabs():
        score_page.build(works)
    score_api.add_score(works)
menus = [block for block in pages.blocks.values() if isinstance(block, gr.CheckboxGroup)]
print("menus", [any(value == "mae" for _, value in menu.choices) for menu in menus])
print("first choice", [menu.value for menu in menus if menu.value][0][-1])
works.close()
"""


@pytest.fixture(scope="module")
def followed(tmp_path_factory) -> Path:
    """A tree with the page's files in their places, and nothing else changed."""
    tree = tmp_path_factory.mktemp("tree")
    shutil.copytree(ROOT / "eval", tree / "eval", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("lipsync", "assets", "spaces_config"):
        (tree / name).symlink_to(ROOT / name)
    steps = re.findall(r"in `([\w/]+\.py)`.*?```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert len(steps) == 3
    for path, block in steps:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(textwrap.dedent(block), encoding="utf-8")
    return tree


@pytest.fixture(scope="module")
def table(followed) -> Path:
    """The folder of a batch of two videos that are scored with the new metric and an old one."""
    rng = np.random.default_rng(0)
    for name in ("a", "b", "real"):
        with VideoWriter(followed / f"{name}.mp4", 64, 64, 25, options=WriterOptions(crf=12)) as writer:
            for picture in rng.integers(0, 256, (6, 64, 64, 3), dtype=np.uint8):
                writer.write(picture)
    lines = ["item,method,generated,reference", "one,A,a.mp4,real.mp4", "one,B,b.mp4,real.mp4"]
    (followed / "manifest.csv").write_text("\n".join(lines) + "\n")
    run(followed, "-m", "eval", "batch", "--manifest", "manifest.csv", "--out", "results", "--region", "full",
        "--metrics", "mae", "ssim")  # fmt: skip
    return followed / "results"


def run(tree: Path, *arguments: str) -> str:
    """What Python prints in a tree."""
    env = {**os.environ, "PYTHONPATH": str(tree), "LIPSYNC_OFFLINE": "1", "GRADIO_ANALYTICS_ENABLED": "False"}
    done = subprocess.run([sys.executable, *arguments], cwd=tree, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_its_own_test_passes(followed):
    assert "1 passed" in run(followed, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/functional")


def test_it_is_among_the_choices_of_commands_pages_and_api(followed):
    for command in ("score", "batch"):
        assert re.search(r"lip_dynamics,\s+mae\b", run(followed, "-m", "eval", command, "--help"))
    said = run(followed, "-c", MENUS)
    assert "menus [True, True]" in said  # of the page and of the API
    assert "first choice mae" in said  # with all the others


def test_it_is_in_every_export(table):
    pictures = {
        name: np.stack([f.image for f in read_frames(table.parent / f"{name}.mp4", fps=25)]).astype(float)
        for name in ("a", "b", "real")
    }
    expected = {name.upper(): np.abs(pictures[name] - pictures["real"]).mean() for name in ("a", "b")}
    with (table / "summary.csv").open() as file:
        lines = [line for line in csv.DictReader(file) if line["metric"] == "MAE"]
    assert {line["method"]: float(line["mean"]) for line in lines} == pytest.approx(expected, rel=1e-5)
    with (table / "videos.csv").open() as file:
        values = {line["method"]: float(line["MAE"]) for line in csv.DictReader(file)}
    assert values == pytest.approx(expected, rel=1e-5)
    columns = json.loads((table / "summary.json").read_text())["columns"]
    column = next(column for column in columns if column["metric"] == "mae")
    assert column["methods"]["A"]["mean"] == pytest.approx(expected["A"])
    assert column["protocol"].startswith("protocol 1; MAE; 25 fps; full frame")
    best = min(expected.values())
    assert "| MAE ↓ |" in (table / "table.md").read_text()
    assert f"| {best:.3f} |" in (table / "table.md").read_text()  # of one video no method is the best
    assert "MAE $\\downarrow$" in (table / "table.tex").read_text()
    assert f"{best:.3f}" in (table / "table.tex").read_text()
    frames = next((table / "frames").glob("one--A*.csv")).read_text()
    assert frames.splitlines()[0] == "frame,time,ssim,mae,reason"


def test_listing_metrics_imports_no_network():
    said = run(ROOT, "-c", "import sys, eval.scoring.metrics; print('torch' in sys.modules)")
    assert said.strip() == "False"
