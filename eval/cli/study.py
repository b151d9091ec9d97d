"""The ``study`` command: all that the admin page does with studies."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.cli import study_results
from eval.cli.text_output import put_text
from lipsync.errors import ConfigError
from lipsync.texts import Message, for_terminal

if TYPE_CHECKING:
    from eval.study.storage.store import Store, StudyInfo

EXAMPLE = """\
title: {en: Lip sync of talking heads, zh: 说话人唇形同步}   # or one text for both languages
source: {set: My comparison}     # a comparison set, or {folder: clips} with clips/ITEM/METHOD.mp4
#         besides, items: [...] and methods: [...] to take only some
mode: rating                     # one clip, marks 1-5; pairwise: two clips, which is better
languages: [en, zh]
questions:                       # default: sync, quality, overall
  - sync
  - {key: natural, text: {en: "How natural is the face?", zh: "面部自然吗？"}}   # labels: [...] for others
reference: reference             # the method that is the real video: rated too, without its name
training: [anna/wav2lip, practice.mp4]   # clips to practise on, item/method of the source or files
catch: {choose: [2, 4], desync: 1}       # clips that say which mark to choose, or have another's sound
ratings_per_stimulus: 24         # wanted for each clip (pair), of raters who pass the screening
stimuli_per_rater: 0             # 0: all
instructions: {en: ..., zh: ...}
consent: {en: ..., zh: ...}
completion_code: null            # shown at the end; null: a random one for each rater
addresses: flag                  # keep a keyed hash to see duplicates; refuse a second rater; off: keep none
comments: false                  # ask for a remark at the end
reservation: null                # s after which a rater's place is free; null: a study's length, 2-15 min
leaderboard: false               # true: on the leaderboard, where visitors vote if it is pairwise
suite: null                      # the benchmark's suite whose clips these are, for the leaderboard
"""


def add(commands: Any) -> None:
    """Add the command to the subparsers of ``python -m eval``."""
    parser = commands.add_parser("study", help=for_terminal("help.study.help"))
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser(
        "create",
        help=for_terminal("help.study.create"),
        epilog=for_terminal("help.study.create.spec_form", example=EXAMPLE),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_argument(
        "--spec", type=Path, required=True, metavar="YAML", help=for_terminal("help.study.spec")
    )
    verb.add_argument("--open", action="store_true", help=for_terminal("help.study.open_at_once"))
    verb.set_defaults(run=_create)
    verb = verbs.add_parser("list", help=for_terminal("help.study.list"))
    verb.set_defaults(run=_list)
    for name, run in (("open", _open), ("close", _close)):
        verb = verbs.add_parser(name, help=for_terminal(f"help.study.{name}"))
        _study(verb)
        verb.set_defaults(run=run)
    verb = verbs.add_parser("delete", help=for_terminal("help.study.delete"))
    _study(verb)
    verb.add_argument("--yes", action="store_true", help=for_terminal("help.study.yes"))
    verb.set_defaults(run=_delete)
    verb = verbs.add_parser("export", help=for_terminal("help.study.export"))
    _study(verb)
    verb.add_argument("--out", type=Path, metavar="CSV", help=for_terminal("help.study.out"))
    verb.set_defaults(run=_export)
    verb = verbs.add_parser("import", help=for_terminal("help.study.import"))
    _study(verb)
    verb.add_argument("file", type=Path, metavar="CSV")
    verb.set_defaults(run=_import)
    study_results.add(verbs)


def _study(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--study", required=True, metavar="S", help=for_terminal("help.study.study"))


def _store() -> Store:
    from eval.study.storage.store import Store

    return Store()


def _create(options: argparse.Namespace) -> int:
    from eval.study.storage.create import create
    from eval.study.storage.spec import read_spec

    spec = read_spec(options.spec)
    store = _store()
    made = create(store, spec, options.spec.parent, _show if sys.stderr.isatty() else None)
    if options.open:
        made = store.open_study(made.id)
    print(_line(made))
    return 0


def _list(options: argparse.Namespace) -> int:
    for study in _store().studies():
        print(_line(study))
    return 0


def _open(options: argparse.Namespace) -> int:
    print(_line(_store().open_study(options.study)))
    return 0


def _close(options: argparse.Namespace) -> int:
    print(_line(_store().close_study(options.study)))
    return 0


def _delete(options: argparse.Namespace) -> int:
    store = _store()
    study = store.get(options.study)
    if not options.yes:
        raise ConfigError(
            "study.would_be_gone",
            title=study.spec.title.en,
            ratings=Message("count.ratings", count=study.ratings),
            raters=Message("count.raters", count=study.raters),
        )
    store.delete_study(study.id)
    return 0


def _export(options: argparse.Namespace) -> int:
    from eval.study.storage.csv_import_export import export_csv

    text = export_csv(_store(), options.study)
    put_text(text, options.out)
    return 0


def _import(options: argparse.Namespace) -> int:
    from eval.study.storage.csv_import_export import import_csv

    taken = import_csv(_store(), options.study, options.file)
    print(
        for_terminal(
            "results.taken",
            marks=Message("count.marks", count=taken.marks),
            clips=Message("count.clips", count=taken.trials),
            raters=Message("count.new_raters", count=taken.raters),
        )
    )
    return 0


def _line(study: StudyInfo) -> str:
    made = datetime.fromtimestamp(study.made, UTC).date()
    return for_terminal(
        "cli.study",
        id=study.id,
        state=study.state,
        made=made,
        ratings=study.counted,
        wanted=study.wanted,
        finished=study.finished,
        raters=study.raters,
        link=study.link,
        title=study.spec.title.en,
    )


def _show(done: int, total: int) -> None:
    end = "\n" if done == total else ""
    line = for_terminal("cli.clips", done=done, total=total)
    print(f"\r{line}", end=end, file=sys.stderr, flush=True)
