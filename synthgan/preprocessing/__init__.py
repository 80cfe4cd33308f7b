"""Tables to codes and values, and back; every module of this folder that defines an encoder takes part.

`table` joins it all. One column: `base` is the contract, `inference` says which kind a column is, and the
kinds are in `categorical` (with `profiles`), `numerical`, `datetime`, `date` (these three of a `number_line`,
cut by `axis` and `grid`) and `key` (with `key_form`); `plain` brings other dtypes to these.
What goes together in a row: `ties` joins `calendar` (with `calendar_parts`), `functions` (with
`function_search`), `formulas` and `combinations`; `relations` are of columns that are often equal. What users
say: `rules` that are `declared`, `proposals` of some, and `conditions` (with `wishes` and `choices`).
"""

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
