"""The metrics, one object each, in a folder per subject; a file put into one is found by itself.

Importing this loads no network: what is heavy is imported by the verb that needs it.
"""

import importlib
import pkgutil

from eval.scoring.metrics.base import METRICS, Direction, Metric, register_metric

__all__ = ["METRICS", "Direction", "Metric", "register_metric"]

for _module in pkgutil.walk_packages(__path__, f"{__name__}."):
    importlib.import_module(_module.name)
