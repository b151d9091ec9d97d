"""The metrics, one object each; a file put into this folder is found by itself.

Importing this loads no network: what is heavy is imported by the verb that needs it.
"""

import importlib
import pkgutil

from eval.scoring.metrics.base import METRICS, Direction, Metric, register_metric

__all__ = ["METRICS", "Direction", "Metric", "register_metric"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
