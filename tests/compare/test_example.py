"""The example that the pages open: a set with its scores, and a study of it."""

from pathlib import Path

from eval.compare.names import REFERENCE
from eval.compare.sets import EXAMPLE, Sets
from eval.compare.table import scored
from eval.study.statistics.results import evaluate
from eval.study.storage.store import Store
from eval.ui.study.example_study import example_study
from lipsync.media import probe


def test_the_example_comes_scored_and_each_has_a_copy_of_their_own(tmp_path: Path) -> None:
    sets = Sets(tmp_path)
    mine = sets.example("ann")
    assert sets.example("ann") == mine  # not once more
    assert sets.example("bo") != mine
    set_ = sets.open(mine)
    assert (set_.maker, set_.published) == ("ann", False)
    assert [(item.name, len(item.clips), item.clip(REFERENCE) is not None) for item in set_.items] == [
        ("english", 3, True),
        ("chinese", 3, True),
    ]
    for item in set_.items:
        for clip in (*item.clips.values(), item.reference):
            assert clip is not None
            assert probe(clip.path).has_audio
    table = scored(set_)
    assert table is not None
    assert tuple(table.methods) == set_.methods
    assert {"lse_d", "ssim", "lpips", "lmd"} <= {column.metric for column in table.columns}
    sets.rename(mine, "Mine")
    assert sets.example("ann") != mine  # a changed copy stays, a new one comes
    assert EXAMPLE.joinpath("index.json").is_file()


def test_the_example_study_has_marks_of_raters_whose_names_say_what_they_are(tmp_path: Path) -> None:
    store = Store(folder=tmp_path)
    study = example_study(store)
    assert example_study(store).id == study.id
    assert (study.state, study.clips, study.raters) == ("open", 8, 12)
    assert study.counted < study.wanted  # anybody may try to rate
    assert "simulated" in study.spec.title.en
    assert all(name.startswith("simulated") for name in store.raters(study.id)["rater"])
    found = evaluate(store, study.id)
    means = {method: outcome.corrected for (key, method), outcome in found.outcomes.items() if key == "sync"}
    assert max(means, key=means.__getitem__) == REFERENCE
    store.close()
