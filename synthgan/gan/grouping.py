"""Which columns are drawn together: codes of a table in, how much columns say of each other, groups out.

Columns of one group are drawn in one round, independently given the columns of earlier rounds, so a group
loses what its columns say of each other. Groups are made of columns that have little to say.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from synthgan.layout import EncodedTable, Layout

#: In how many rounds a row is drawn: so many, as few as lose little, or (None) one for each column.
Rounds = int | Literal["auto"] | None

#: Rows that are looked at, fewer where there are many pairs of columns.
_MAX_ROWS, _MAX_CELLS_OF_PAIRS = 20_000, 200_000_000
#: Information, in nats a row, that "auto" may lose.
_MAX_LOST = 0.15


def dependence(table: EncodedTable, layout: Layout) -> npt.NDArray[np.float32]:
    """Return the mutual information of each pair of columns, in nats; shape ``(n_columns, n_columns)``.

    From the shares of pairs of codes, less the excess that independent columns would show by chance [1]_.

    References
    ----------
    .. [1] Miller (1955). Note on the bias of information estimates. Information Theory in Psychology.
    """
    n_columns = len(layout)
    n_rows = min(len(table), _MAX_ROWS, max(200, _MAX_CELLS_OF_PAIRS // n_columns**2))
    codes = table.codes[:: max(1, len(table) // n_rows)].astype(np.int64)
    information = np.zeros((n_columns, n_columns), dtype=np.float32)
    for place, first in enumerate(layout.coded):
        for second in layout.coded[place + 1 :]:
            sizes = int(layout.sizes[first]), int(layout.sizes[second])
            counts = np.bincount(codes[:, first] * sizes[1] + codes[:, second], minlength=sizes[0] * sizes[1])
            information[first, second] = _mutual_information(counts.reshape(sizes))
    return information + information.T


def _mutual_information(counts: npt.NDArray[np.int64]) -> float:
    total = counts.sum()
    joint = counts / total
    rows, columns = joint.sum(1), joint.sum(0)
    seen = counts > 0
    apart = np.outer(rows, columns)[seen]
    by_chance = ((rows > 0).sum() - 1) * ((columns > 0).sum() - 1) / (2 * total)
    return max(0.0, float((joint[seen] * np.log(joint[seen] / apart)).sum() - by_chance))


def group(columns: Sequence[int], information: npt.NDArray[np.float32], n_groups: int) -> list[list[int]]:
    """Return the columns in groups of about equal size, each column where it says least of the others.

    The order of the columns counts: another order gives other groups.
    """
    most = -(-len(columns) // n_groups)
    groups: list[list[int]] = [[] for _ in range(n_groups)]
    for column in columns:
        is_open = [members for members in groups if len(members) < most]
        costs = [(information[column, members].sum(), len(members)) for members in is_open]
        is_open[costs.index(min(costs))].append(column)
    return [members for members in groups if members]


def enough_rounds(columns: Sequence[int], information: npt.NDArray[np.float32]) -> int:
    """Return the fewest rounds in which the groups of some columns lose little."""
    by_weight = sorted(columns, key=lambda column: (-information[column, columns].sum(), column))
    for n_rounds in range(1, len(columns)):
        groups = group(by_weight, information, n_rounds)
        if sum(information[np.ix_(members, members)].sum() / 2 for members in groups) <= _MAX_LOST:
            return n_rounds
    return max(len(columns), 1)
