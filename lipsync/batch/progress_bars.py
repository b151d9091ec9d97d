"""Progress of long work on the command line."""

from __future__ import annotations

from typing import Any


class ProgressBars:
    """A bar for each stage of a command, with the time that is left; closed where the block ends.

    Each is made when it is first called for, so that what was done before does not count as quick work.
    """

    def __enter__(self) -> ProgressBars:
        self._bars: dict[str, Any] = {}
        return self

    def __call__(self, title: str, done: int, total: int) -> None:
        """Show how much of a stage is done; the title may be empty."""
        from tqdm import tqdm

        if title not in self._bars:
            form = f"{title} {{n_fmt}}/{{total_fmt}} {{bar}} {{elapsed}}<{{remaining}}".lstrip()
            self._bars[title] = tqdm(total=total, initial=done, bar_format=form)
        self._bars[title].update(done - self._bars[title].n)
        if done == total:
            self._bars[title].close()

    def __exit__(self, *_: object) -> None:
        for bar in self._bars.values():
            bar.close()
