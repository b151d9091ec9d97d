"""Stands in for the package ``spaces`` of a ZeroGPU Space: what is decorated runs in a forked process.

As the real one does, it asks for the duration before the fork, brings back what a generator yields as
pickles, hides every exception but Gradio's own, and stops the child when the generator is closed. Calls are
kept in ``CALLS``; ``REFUSE`` makes the lender refuse.
"""

import functools
import multiprocessing
import os
import pickle

import gradio as gr
from gradio.context import LocalContext

CALLS: list[dict] = []
REFUSE = ""
_context = multiprocessing.get_context("fork")


def GPU(task=None, *, duration=None):
    if task is None:
        return functools.partial(GPU, duration=duration)

    @functools.wraps(task)
    def handler(*arguments):
        asked = LocalContext.request.get(None)
        CALLS.append({"duration": duration(*arguments), "request": asked, "parent": os.getpid()})
        if REFUSE:
            raise gr.Error(REFUSE)
        ours, theirs = _context.Pipe()
        stop = _context.Event()
        child = _context.Process(target=_iterate, args=(task, arguments, theirs, stop), daemon=True)
        child.start()
        theirs.close()
        CALLS[-1]["child"] = child.pid
        try:
            while (told := ours.recv())[0] != "end":
                if told[0] == "error":
                    raise gr.Error(f"GPU task failed: {told[1]}", title="ZeroGPU worker error")
                yield told[1]
        except GeneratorExit:
            stop.set()
            raise
        finally:
            while child.is_alive() and ours.poll(60):
                try:
                    if ours.recv()[0] == "end":
                        break
                except EOFError:
                    break
            child.join(60)
            CALLS[-1]["exit"] = child.exitcode

    return handler


def _iterate(task, arguments, pipe, stop):
    steps = task(*pickle.loads(pickle.dumps(arguments)))
    try:
        for step in steps:
            if stop.is_set():
                steps.close()
                break
            pipe.send(("step", step))
    except Exception as problem:
        pipe.send(("error", type(problem).__name__))
    pipe.send(("end", None))
