"""The commands of ``python -m lipsync``: all that the pages do, and training. One file for each."""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from lipsync.cli.ablate import add_ablate_command
from lipsync.cli.adapt import add_adapt_command
from lipsync.cli.export import add_export_command
from lipsync.cli.fit import add_face_model_command, add_fit_command
from lipsync.cli.generate import add_generate_command
from lipsync.cli.prepare import add_prepare_command
from lipsync.cli.push import add_push_command
from lipsync.cli.speak import add_speak_command
from lipsync.cli.train import add_train_command
from lipsync.cli.weights import add_weights_command
from lipsync.errors import LipSyncError
from lipsync.texts import for_terminal


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it went well, 2 with one sentence on stderr when the person can mend it."""
    parser = argparse.ArgumentParser(prog="python -m lipsync", description=for_terminal("help.lipsync"))
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    add_generate_command(commands)
    add_speak_command(commands)
    add_weights_command(commands)
    add_prepare_command(commands)
    add_train_command(commands)
    add_fit_command(commands)
    add_adapt_command(commands)
    add_face_model_command(commands)
    add_export_command(commands)
    add_push_command(commands)
    add_ablate_command(commands)
    options = parser.parse_args(arguments)
    if threading.current_thread() is threading.main_thread():
        # Whoever ends the process (a scheduler, a closing session) gets what Ctrl-C gives: nothing is left.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return options.handler(options) or 0
    except LipSyncError as problem:
        print(for_terminal(problem.message), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(for_terminal("job.stopped"), file=sys.stderr)
        return 130
