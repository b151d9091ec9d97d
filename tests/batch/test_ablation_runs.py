"""The papers' ablation tables as runs: what rows share, what they differ in, and going on after a stop."""

import json
from dataclasses import replace

import pytest

from eval.batch.ablation import TABLES, Budget, Part, finished, full_steps, rows_of, table_named, train_part
from lipsync.errors import ConfigError
from lipsync.experts.sync_expert import SyncExpert
from lipsync.methods.lstm_cbam.config import discriminator_config
from lipsync.methods.mcsawav2lip.config import generator_config, sync_expert_config
from lipsync.methods.stages import recipe
from lipsync.methods.visual_dubbing.config import expression_config, renderer_config
from lipsync.training.loop import RunConfig
from tests.training.toy import toy_folder

CPU = ("run.device=cpu", "run.threads=1", "run.precision=fp32")
SMALL = (*CPU, "stage.model.width=0.03", "sync:stage.clips=2")


def test_table_2_trains_eight_generators_and_three_experts(tmp_path):
    rows = rows_of(table_named("2"), tmp_path, Budget(7, 5, seed=3))
    assert [row.name for row in rows] == ["wav2lip", "mfcc", "m", "ca", "sa", "csa", "full", "audio-channel"]
    kinds = {}
    for row in rows:
        sync, last = row.parts
        assert (sync.kind, last.kind) == ("sync", "generator")
        assert sync.config.stage.model == sync_expert_config(row.name)
        assert last.config.stage.model.audio.kind == sync.config.stage.model.audio.kind
        wanted = replace(generator_config(row.name), audio=last.config.stage.model.audio)
        assert last.config.stage.model == wanted
        assert last.config.stage.sync_expert == str(sync.folder / "sync-expert")
        assert (sync.config.run.steps, last.config.run.steps) == (5, 7)
        assert sync.config.run.seed == last.config.run.seed == 3
        # The rest is the paper's recipe, the same for all rows.
        assert (last.config.stage.windows, last.config.stage.sync_weight) == (48, 0.03)
        kinds.setdefault(sync.folder, []).append(row.name)
    assert list(kinds.values()) == [["wav2lip", "ca", "sa", "csa"], ["mfcc"], ["m", "full", "audio-channel"]]
    assert len({row.parts[1].folder for row in rows}) == 8
    assert full_steps(table_named("2")) == 300_000


def test_table_1_trains_a_discriminator_for_every_row(tmp_path):
    rows = rows_of(table_named("lstm-1"), tmp_path, Budget(7, 5))
    assert [row.name for row in rows] == ["without-both", "without-lstm", "without-cbam", "lstm-cbam"]
    assert len({row.parts[0].folder for row in rows}) == 4
    for row in rows:
        sync, last = row.parts
        assert sync.config.stage.model == discriminator_config(row.name)
        assert last.config.stage.discriminator == str(sync.folder / "sync-expert")
    assert len({str(replace(row.parts[1].config.stage, discriminator="")) for row in rows}) == 1


def test_visual_dubbing_varies_one_stage_and_shares_the_other(tmp_path):
    sets = ["expression:stage.semantic=images"]
    rows = rows_of(table_named("dubbing-3"), tmp_path, Budget(7, 5), sets=sets)
    assert [row.name for row in rows][:2] == ["base", "without-semantic-images"]
    assert len({row.parts[0].folder for row in rows}) == 1
    for row in rows:
        dubbing, last = row.parts
        assert (dubbing.kind, last.kind) == ("dubbing", "expression")
        assert dubbing.config.stage.model == renderer_config("full")
        assert last.config.stage.model == expression_config(row.name)
        assert last.config.stage.renderer == str(dubbing.folder / "generator")
        assert last.config.stage.shape_weight == (0 if row.name in ("base", "without-shape-loss") else 0.5)
    runs = {}
    for number in "456":
        for row in rows_of(table_named(f"dubbing-{number}"), tmp_path, Budget(7, 5), sets=sets):
            first, last = row.parts
            assert first.config.stage.model == expression_config("full")
            assert last.config.stage.model == renderer_config(row.name)
            assert last.config.stage.expression == str(first.folder / "expression")
            stage = last.config.stage
            assert (stage.correspondence_weight == 0) == (row.name == "without-correspondence")
            assert stage.staged == (row.name != "without-stages")
            # A row that stands in two tables is the same run in both.
            assert runs.setdefault(row.name, row) == row
    assert len(runs) == 10


def test_a_recipe_takes_the_papers_place_but_not_what_rows_differ_in(tmp_path):
    recipe = tmp_path / "small.toml"
    recipe.write_text("[stage]\nfaces = 5\n[stage.model]\nwidth = 0.25\n")
    rows = rows_of(table_named("dubbing-6"), tmp_path, Budget(1, 1), recipes={"dubbing": recipe})
    assert [row.parts[1].config.stage.model.fusion_scales for row in rows] == [(192,), (48,), (48, 96, 192)]
    assert {row.parts[1].config.stage.faces for row in rows} == {5}
    with pytest.raises(ConfigError, match="'dubbing'"):
        rows_of(table_named("dubbing-6"), tmp_path, Budget(1, 1), recipes={"dubing": recipe})
    recipe.write_text("[stage.model]\nfusion_scales = [48]\n")
    with pytest.raises(ConfigError, match="fusion-high and fusion-low would be trained alike"):
        rows_of(table_named("dubbing-6"), tmp_path, Budget(1, 1), recipes={"dubbing": recipe})


@pytest.mark.parametrize("name", ["dubbing-3", "dubbing-4", "dubbing-6"])
def test_the_recipes_for_a_small_budget_keep_all_rows_apart(tmp_path, name):
    recipes = {kind: recipe(f"ablation-{kind}") for kind in ("expression", "dubbing")}
    rows = rows_of(TABLES[name], tmp_path, Budget(1, 1), recipes=recipes)
    models = {
        "dubbing-3": lambda m: (m.semantic_images, m.attention),
        "dubbing-4": lambda m: (m.motion, m.texture, m.fusion),
        "dubbing-6": lambda m: m.fusion_scales,
    }
    published = {"dubbing-3": expression_config}.get(name, renderer_config)
    for row in rows:
        differs = models[name]
        assert differs(row.parts[1].config.stage.model) == differs(published(row.name))


def test_settings_reach_both_stages_or_one(tmp_path):
    sets = ["stage.model.width=0.5", "sync:stage.clips=3", "generator:stage.windows=4", "run.precision=fp32"]
    sync, last = rows_of(table_named("2"), tmp_path, Budget(1, 1), sets=sets)[0].parts
    assert sync.config.stage.model.width == last.config.stage.model.width == 0.5
    assert (sync.config.stage.clips, last.config.stage.windows) == (3, 4)
    assert sync.config.run.precision == last.config.run.precision == "fp32"
    with pytest.raises(ConfigError, match="'generator'"):
        rows_of(table_named("2"), tmp_path, Budget(1, 1), sets=["generater:stage.windows=4"])
    with pytest.raises(ConfigError, match="'windows'"):
        rows_of(table_named("lstm-1"), tmp_path, Budget(1, 1), sets=["joint:stage.window=4"])
    with pytest.raises(ConfigError, match="'lstm-1'"):
        table_named("lstm1")


@pytest.fixture
def sync_part(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    toy_folder(data, ("train", "train"), frames=40)
    row = rows_of(
        table_named("lstm-1"), tmp_path / "out", Budget(1, 2), sets=[*SMALL, "joint:stage.windows=1"]
    )[-1]
    return row, data


def test_finished_runs_are_left_alone_and_others_go_on(sync_part):
    (sync, joint), data = sync_part[0].parts, sync_part[1]
    said: list[str] = []
    train_part(sync, data, said.append)
    assert finished(sync, data)
    assert not finished(joint, data)
    assert SyncExpert.from_pretrained(str(sync.folder / "sync-expert")).config == sync.config.stage.model
    weights = (sync.folder / "sync-expert" / "model.safetensors").read_bytes()
    train_part(sync, data, said.append)
    assert said == [f"{sync.folder.name}: training, 2 steps"]
    # A run that was stopped goes on; its end is the same.
    mark = sync.folder / "ablation.json"
    mark.write_text(mark.read_text().replace("true", "false"))
    train_part(sync, data, said.append)
    assert said[-1] == f"{sync.folder.name}: going on, 2 steps"
    assert (sync.folder / "sync-expert" / "model.safetensors").read_bytes() == weights
    # Other settings or other clips in the same folder are refused.
    other = Part(sync.folder, "sync", replace(sync.config, run=RunConfig(steps=9)))
    with pytest.raises(ConfigError, match="other settings"):
        train_part(other, data, said.append)
    train_part(joint, data, said.append)
    assert (sync_part[0].generator / "model.safetensors").is_file()
    assert json.loads((joint.folder / "train.json").read_text())["kind"] == "joint"
    manifest = data / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("p1", "p9"))
    assert not finished(sync, data)
    with pytest.raises(ConfigError, match="other clips"):
        train_part(sync, data, said.append)
