"""A number line cut into codes: numbers in, codes and values out, and back.

Numerical and datetime columns differ in how they become numbers; from there on they share this. An `Axis`
is an increasing row of *pieces*; each piece is a point (one frequent value) or a stretch of the line with
its own knots, between which a value moves linearly.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from synthgan.layout import FloatArray, IntArray
from synthgan.preprocessing.base import BoolArray, CodingOptions

#: Knots inside one piece, at evenly spaced ranks: enough to carry the shape of a tail and what is repeated
#: in it. A piece of fewer distinct numbers keeps them all.
_KNOTS_PER_PIECE = 64
#: Columns with at most this many distinct values are all points, where enough rows stand for each.
_MAX_POINTS = 200
_ROWS_PER_POINT = 20
#: Rows of an even piece for each further place; with fewer, a place would point at single rows.
_ROWS_PER_PLACE = 16
#: What lies between the points is cut as finely as if it were at least this share of the rows.
_MIN_SHARE_TO_SPLIT = 0.25
#: An empty stretch as wide as this share of the middle nine tenths of the numbers, with this many rows and
#: this share of them on either side, parts two groups.
_WIDE_GAP, _ROWS_ASIDE, _SHARE_ASIDE = 0.2, 10, 0.02
#: In standardised coding, a value held by at least this share of the rows is a point.
_STANDARD_POINT_SHARE = 0.05


@dataclass(frozen=True)
class Axis:
    """The pieces of a number line.

    A number has a *place* in its piece, from 0 to 1: the share of the piece's rows below it. Between knots
    places grow evenly; a value of several rows has two knots, and every place between them.

    Parameters
    ----------
    knots
        The knots of all pieces, growing, shape ``(n_knots,)``.
    places
        The index of each knot's piece plus its place there, growing, shape ``(n_knots,)``.
    starts
        Index of the first knot of each piece, and at the end ``n_knots``; shape ``(n_pieces + 1,)``.
    positions
        The middle quantile of each piece, scaled to [-1, 1]; shape ``(n_pieces,)``.
    n_places
        In how many equal parts a place is told.
    center, scale
        In standardised coding, the mean and standard deviation that values are given in; a scale of 0
        says that values are places.
    """

    knots: FloatArray
    places: FloatArray
    starts: IntArray
    positions: FloatArray
    n_places: int = 1
    center: float = 0.0
    scale: float = 0.0

    @classmethod
    def fit(cls, numbers: FloatArray, options: CodingOptions) -> Self:
        """Cut the line along the quantiles of `numbers`, frequent values apart."""
        if len(numbers) == 0:
            return cls(np.empty(0), np.empty(0), np.zeros(1, dtype=np.int64), np.empty(0))
        distinct, counts = np.unique(numbers, return_counts=True)
        n = len(numbers)
        if options.numbers == "standard":
            frequent = counts >= max(2.0, _STANDARD_POINT_SHARE * n)
            n_pieces, opens = 1, frequent
        else:
            n_pieces = int(np.clip(np.sqrt(n), 4, options.max_pieces))
            all_points = len(distinct) <= min(_MAX_POINTS, max(2, n // _ROWS_PER_POINT))
            frequent = np.full(len(distinct), True) if all_points else counts >= max(2.0, 0.5 * n / n_pieces)
            opens = frequent | _follows_gap(distinct, np.where(frequent, 0, counts))
        piece_of = _cut(counts, frequent, opens, n_pieces)
        knots, places, starts = _place_knots(distinct, counts, piece_of)
        mass = np.bincount(piece_of, weights=counts) / n
        positions = 2 * (np.cumsum(mass) - mass / 2) - 1
        if options.numbers == "standard" and not frequent.all():
            rest = np.repeat(distinct[~frequent], counts[~frequent])
            unit = np.abs(rest).max() or 1.0  # keeps squares within float64
            center, scale = float((rest / unit).mean() * unit), float((rest / unit).std() * unit)
            return cls(knots, places, starts, positions, 1, center, scale or 1.0)
        n_places = min(1 + n // n_pieces // _ROWS_PER_PLACE, options.max_places)
        return cls(knots, places, starts, positions, n_places)

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def shares(self) -> FloatArray:
        """The share of the numbers in each piece, shape ``(n_pieces,)``."""
        middles = (self.positions + 1) / 2
        above = np.zeros(len(self))
        for piece, middle in enumerate(middles):  # a piece ends as far above its middle as it begins below
            above[piece] = 2 * middle - (above[piece - 1] if piece else 0.0)
        return np.diff(above, prepend=0.0)

    @property
    def quantiles(self) -> tuple[FloatArray, FloatArray]:
        """The share of the numbers below each knot, and the knots."""
        piece = np.minimum(self.places.astype(np.int64), len(self) - 1)
        piece = np.minimum(piece, np.searchsorted(self.starts, np.arange(len(self.knots)), side="right") - 1)
        above = np.cumsum(self.shares)
        return above[piece] - self.shares[piece] * (1 - (self.places - piece)), self.knots

    @property
    def is_standardised(self) -> bool:
        """Whether values are standardised numbers rather than places."""
        return self.scale > 0

    @property
    def stretches(self) -> BoolArray:
        """Which pieces hold more than one number, shape ``(n_pieces,)``."""
        first, last = self._ends
        return np.asarray(first < last)

    @property
    def _ends(self) -> tuple[FloatArray, FloatArray]:
        return self.knots[self.starts[:-1]], self.knots[self.starts[1:] - 1]

    def encode(self, numbers: FloatArray) -> tuple[IntArray, FloatArray]:
        """Return the piece that holds each number, or the nearest one, and the value within it.

        Equal numbers that have a range of places are spread over it.
        """
        first, last = self._ends
        codes = np.clip(np.searchsorted(first, numbers, side="right") - 1, 0, len(self) - 1)
        following = np.minimum(codes + 1, len(self) - 1)
        # Halved first, because the sum of two numbers may overflow.
        is_nearer_to_following = numbers > last[codes] / 2 + first[following] / 2
        codes = np.where(is_nearer_to_following, following, codes)
        if self.is_standardised:
            values = (numbers - self.center) / self.scale
        else:
            inside = np.clip(numbers, first[codes], last[codes])
            values = np.clip(self._places_of(inside) - codes, 0.0, 1.0)
        return codes, np.where(self.stretches[codes], values, 0.0)

    def _places_of(self, numbers: FloatArray) -> FloatArray:
        """Return piece index plus place of numbers that lie in pieces."""
        low = np.searchsorted(self.knots, numbers, side="left")
        high = np.searchsorted(self.knots, numbers, side="right") - 1
        between = np.interp(numbers, self.knots, self.places)
        spread = self.places[low] + evenly_spread(numbers) * (self.places[high] - self.places[low])
        return np.where(high >= low, spread, between)

    def decode(self, codes: IntArray, values: FloatArray) -> FloatArray:
        """Return the number for each piece and value, never outside the piece."""
        first, last = self._ends
        if self.is_standardised:
            inside = self.center + self.scale * values
        else:
            inside = np.interp(codes + values, self.places, self.knots)
        return np.clip(inside, first[codes], last[codes])

    def between(self, low: float, high: float) -> FloatArray:
        """Return from where to where numbers between two ends lie, piece plus place: shape ``(1, 2)``.

        ``(0, 2)`` if no number that was seen, and no stretch between such numbers, lies there.
        """
        first = int(np.searchsorted(self.knots, low, side="left"))
        last = int(np.searchsorted(self.knots, high, side="right")) - 1
        if first == len(self.knots) or last < 0:
            return np.empty((0, 2))
        ends = [self.places[first], self.places[last]]
        if self.knots[first] > low and first not in self.starts:
            ends[0] = np.interp(low, self.knots[first - 1 : first + 1], self.places[first - 1 : first + 1])
        if self.knots[last] < high and last + 1 not in self.starts:
            ends[1] = np.interp(high, self.knots[last : last + 2], self.places[last : last + 2])
        return np.array([ends]) if ends[0] <= ends[1] else np.empty((0, 2))


def _follows_gap(distinct: FloatArray, counts: IntArray) -> Any:
    """Return which values lie beyond a wide empty stretch with rows enough on both sides.

    No piece reaches over such a stretch, so that two groups of numbers are never mixed.
    """
    total, above = counts.sum(), np.cumsum(counts)
    if total == 0:
        return np.full(len(distinct), False)
    halves = distinct / 2  # the difference of two numbers may overflow
    low, high = halves[np.searchsorted(above, [0.05 * total, 0.95 * total])]
    is_wide = np.diff(halves, prepend=halves[0]) > _WIDE_GAP * (high - low)
    n_aside = np.minimum(above - counts, total - above + counts)
    return is_wide & (n_aside >= max(_ROWS_ASIDE, _SHARE_ASIDE * total))


def _cut(counts: IntArray, frequent: Any, opens: Any, n_pieces: int) -> IntArray:
    """Return the piece of each distinct value: points alone, the rest in pieces of about equal mass.

    A value that opens is the first of its piece.
    """
    rest = counts[~frequent].sum()
    target = max(rest, _MIN_SHARE_TO_SPLIT * counts.sum()) / n_pieces
    block = np.cumsum(opens)  # a block is what lies between two points or gaps
    mass = np.where(frequent, 0, counts).astype(np.float64)
    block_mass = np.bincount(block, weights=mass)
    pieces_in_block = np.maximum(1, np.round(block_mass / target))
    before = np.cumsum(mass) - mass - (np.cumsum(block_mass) - block_mass)[block]
    share = (before + mass / 2) / np.maximum(block_mass[block], 1.0)
    within = np.minimum(np.floor(share * pieces_in_block[block]), pieces_in_block[block] - 1)
    # A point opens its block, so it comes before the pieces of that block.
    key = block * (n_pieces + 3.0) + np.where(frequent, 0, within + 1)
    return np.unique(key, return_inverse=True)[1].astype(np.int64)


def _place_knots(
    distinct: FloatArray, counts: IntArray, piece_of: IntArray
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return knots, their places, and where each piece starts."""
    mass = np.bincount(piece_of, weights=counts)[piece_of]
    is_first = np.diff(piece_of, prepend=-1) > 0
    is_last = np.diff(piece_of, append=piece_of[-1] + 1) > 0
    above = np.cumsum(counts)
    above = above - (above - counts)[is_first][piece_of]  # rows of the piece up to each value
    low, high = (above - counts) / mass, above / mass
    is_knot = is_first | is_last | (np.floor(low * _KNOTS_PER_PIECE) < np.floor(high * _KNOTS_PER_PIECE))
    is_single = (counts == 1) & ~(is_first & is_last)
    start = np.where(is_single & ~is_first, (low + high) / 2, low)
    end = np.where(is_single & ~is_last, (low + high) / 2, high)
    start, end = np.where(is_single & is_last, 1.0, start), np.where(is_single & is_first, 0.0, end)
    knots = np.repeat(distinct[is_knot], 2)
    places = np.repeat(piece_of[is_knot], 2) + np.stack([start[is_knot], end[is_knot]], axis=1).ravel()
    piece_of = np.repeat(piece_of[is_knot], 2)
    kept = np.concatenate([[True], (np.diff(knots) > 0) | (np.diff(places) > 0)])
    starts = np.searchsorted(piece_of[kept], np.arange(piece_of[-1] + 2))
    return knots[kept], places[kept], starts.astype(np.int64)


def evenly_spread(numbers: FloatArray) -> FloatArray:
    """Return shares of (0, 1), evenly spaced among equal numbers, in an order that means nothing."""
    shuffled = np.random.default_rng(0).permutation(len(numbers))
    order = shuffled[np.argsort(numbers[shuffled], kind="stable")]
    _, first, counts = np.unique(numbers[order], return_index=True, return_counts=True)
    shares = np.empty(len(numbers))
    shares[order] = (np.arange(len(numbers)) - np.repeat(first, counts) + 0.5) / np.repeat(counts, counts)
    return shares
