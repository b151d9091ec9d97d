"""The commands of ``python -m lipsync``: all that the pages do, and training. One file for each."""

from __future__ import annotations

import argparse

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
from lipsync.errors import exit_status
from lipsync.texts import for_terminal


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit status, see `exit_status`."""
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
    return exit_status(lambda: options.handler(options))
