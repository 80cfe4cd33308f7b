"""Tables to codes and values, and back; every module of this folder that defines an encoder takes part."""

from importlib import import_module
from pkgutil import iter_modules

from synthgan.preprocessing.base import CodingOptions, ColumnEncoder
from synthgan.preprocessing.conditions import Conditions
from synthgan.preprocessing.inference import infer_schema
from synthgan.preprocessing.key import KeyEncoder
from synthgan.preprocessing.table import TableEncoder

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["CodingOptions", "ColumnEncoder", "Conditions", "KeyEncoder", "TableEncoder", "infer_schema"]
