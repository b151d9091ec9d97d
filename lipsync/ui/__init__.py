"""The Generate tab, its twin for programs, and the look of all pages: the only part that imports Gradio."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


class _WithoutStubs(MetaPathFinder):
    """Imports Gradio without what takes half of that time: it writes the type stubs that it ships anew."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "gradio.component_meta":
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def run(module: ModuleType) -> None:
                load(module)
                _write_no_stubs(module)

            spec.loader.exec_module = run  # type: ignore[method-assign]
        return spec


def _write_no_stubs(module: ModuleType) -> None:
    module.create_or_modify_pyi = lambda *_: None  # type: ignore[attr-defined]


if "gradio.component_meta" in sys.modules:  # else a stub would be written beside our own component
    _write_no_stubs(sys.modules["gradio.component_meta"])
else:
    sys.meta_path.insert(0, _WithoutStubs())
