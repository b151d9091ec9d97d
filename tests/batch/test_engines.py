"""Rows are scored alike by one process, by many and by a Ray cluster; a worker that dies costs its row."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from eval.__main__ import main
from eval.batch.batch_manifest import ManifestRow
from eval.batch.job import ScoringJob
from eval.batch.rows import Options, run
from lipsync.batch.engines import Engine, in_processes, on_ray
from lipsync.errors import ConfigError
from tests.portal import ROOT, free_port

REAL, OTHER = "train/id003_clip04.mp4", "train/id018_clip02.mp4"
METHOD, METHOD2 = "generated/Wav2Lip_id003_clip05.mp4", "generated/Wav2Lip_id018_clip03.mp4"
OPTIONS = Options(metrics=("psnr", "lipcorr"))


def fake(job: ScoringJob) -> dict:
    """A row that ends its process, or is done at once."""
    if job.row.item == "deadly":
        os._exit(1)
    return {"item": job.row.item, "threads": job.threads}


@pytest.fixture
def fakes(tmp_path):
    return [
        ScoringJob(ManifestRow(item, "A", Path("x.mp4")), Options(), tmp_path, "f")
        for item in ("one", "deadly", "two")
    ]


def told(outcome):
    """Results by item; a failed row is also on disk, but does not count as finished."""
    for job, result in outcome:
        assert result["item"] == job.row.item
        assert job.finished() is None
    return {job.row.item: result.get("error", "done") for job, result in outcome}


@pytest.mark.slow
def test_a_process_that_dies_costs_its_row_alone(fakes):
    said = told(list(in_processes(fakes, fake, 2)))
    assert (said["one"], said["two"]) == ("done", "done")
    assert "died" in said["deadly"]


@pytest.fixture(scope="module")
def rows(cut, weights):
    real, other = cut(REAL, 30), cut(OTHER, 30)
    ours, theirs = cut(METHOD, 30), cut(METHOD2, 30)
    return [
        ManifestRow("one", "A", ours, real),
        ManifestRow("two", "A", theirs, other),
        ManifestRow("one", "B", real, real),
    ]


@pytest.fixture(scope="module")
def expected(rows, tmp_path_factory):
    return run(rows, OPTIONS, tmp_path_factory.mktemp("alone"))


def numbers(results):
    return [result["scores"]["scores"] for result in results]


@pytest.mark.slow
def test_processes_give_what_one_process_gives(rows, expected, tmp_path):
    assert numbers(run(rows, OPTIONS, tmp_path, Engine(workers=2))) == numbers(expected)


# --- Ray ---------------------------------------------------------------------------------------------


def test_ray_that_is_not_installed_is_one_sentence(fakes, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match="pip install ray"):
        list(on_ray(fakes, fake, "auto"))


@pytest.mark.parametrize(("address", "said"), [
    ("127.0.0.1:9", "No Ray cluster can be reached at '127.0.0.1:9'"),
    ("cluster", "'cluster' is no address of a Ray cluster"),
    ("nowhere.invalid:6379", "No Ray cluster can be reached"),
])  # fmt: skip
def test_a_cluster_that_is_not_there_is_one_sentence(cut, weights, tmp_path, capsys, address, said):
    manifest = tmp_path / "m.csv"
    manifest.write_text(f"item,method,generated\none,A,{cut(REAL, 30)}\n")
    arguments = ["--manifest", str(manifest), "--out", str(tmp_path / "o"), "--metrics", "lse_d"]
    assert main(["batch", *arguments, "--ray", address]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert said in lines[0]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Address of a Ray cluster with two slots, started as on any machine, and nowhere near this project."""
    pytest.importorskip("ray", reason="Ray is optional")
    port = free_port()
    # Socket paths may have 107 characters; pytest's folders are long.
    folder = Path(f"/tmp/ray-{os.getpid()}")
    log = tmp_path_factory.mktemp("ray") / "log"
    options = f"--head --block --port {port} --node-ip-address 127.0.0.1 --num-cpus 2 --disable-usage-stats "
    options += f"--include-dashboard false --object-store-memory 80000000 --temp-dir {folder}"
    with log.open("wb") as out:
        head = subprocess.Popen(
            [Path(sys.executable).parent / "ray", "start", *options.split()], cwd="/", stdout=out, stderr=out,
            env=os.environ | {"RAY_AUTH_MODE": "disabled"}, start_new_session=True,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 240
        while b"Ray runtime started" not in log.read_bytes():
            assert head.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        head.terminate()  # it takes its processes with it
        with suppress(subprocess.TimeoutExpired):
            head.wait(120)
        with suppress(ProcessLookupError):
            os.killpg(head.pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def ray_environment(monkeypatch, weights):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")


@pytest.mark.slow
@pytest.mark.minutes
def test_a_killed_run_on_a_cluster_goes_on_and_equals_one_process(
    cluster, ray_environment, rows, expected, tmp_path
):
    """The driver is killed after its first row; the next run does the others; all numbers are the same."""
    manifest, out = tmp_path / "m.csv", tmp_path / "out"
    lines = [f"{row.item},{row.method},{row.generated},{row.reference}" for row in rows]
    manifest.write_text("\n".join(["item,method,generated,reference", *lines]) + "\n")
    command = [sys.executable, "-m", "eval", "batch", "--manifest", str(manifest), "--out", str(out)]
    command += ["--metrics", *OPTIONS.metrics, "--ray", cluster]
    first = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    for line in first.stderr:
        if line.startswith("1 of 3"):
            break
    first.kill()
    first.wait(120)
    before = {path.name: path.stat().st_mtime_ns for path in (out / "rows").glob("*.json")}
    assert before
    results = run(rows, OPTIONS, out)
    after = {path.name: path.stat().st_mtime_ns for path in (out / "rows").glob("*.json")}
    assert before.items() <= after.items(), "a finished row was done again"
    assert len(after) == 3
    assert numbers(results) == numbers(expected)
    assert run(rows, OPTIONS, out, Engine(ray="nowhere:1")) == results  # all is done: no cluster is asked for


@pytest.mark.slow
def test_a_worker_of_a_cluster_that_dies_costs_its_row_alone(cluster, ray_environment, fakes):
    import ray

    said = told(list(on_ray(fakes, fake, cluster)))
    assert (said["one"], said["two"]) == ("done", "done")
    assert "died" in said["deadly"]
    assert not ray.is_initialized()
