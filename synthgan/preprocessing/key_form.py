"""The form of keys: learned from texts, it writes others like them.

A key is words with marks between, such as a mail address. Its words are drawn from those that many keys have
in that place, or made of letters and digits of the same sort.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

_WORD = re.compile(r"([^\W_]+)")
_DIGITS, _LOWER, _UPPER = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: Marks stand in the same places in this share of the keys at least, in patterns that this share have each.
_SHARE_OF_PATTERNS, _SHARE_OF_PATTERN = 0.9, 0.005
#: A word is told as it is that so many keys have in its place, where such words make up so much of the place.
_MIN_KEYS, _SHARE_OF_WORDS = 5, 0.95
#: The most digits that a whole number is counted with.
_MAX_DIGITS = 17


@dataclass(frozen=True)
class Word:
    """What may stand in one place of a key.

    Parameters
    ----------
    words, counts
        The words that many keys have there, and how many; empty if they differ from key to key.
    pools
        The characters that each position may have: a single one, or all of its sort.
    lengths
        The lengths seen.
    numbers
        The least and largest of what are whole numbers without zeros in front; None for other words.
    """

    words: list[str]
    counts: list[int]
    pools: list[str]
    lengths: list[int]
    numbers: Sequence[int] | None

    @classmethod
    def learn(cls, words: Sequence[str]) -> Self:
        """Return what may stand where some words stood."""
        frequent = {word: count for word, count in Counter(words).items() if count >= _MIN_KEYS}
        if sum(frequent.values()) >= _SHARE_OF_WORDS * len(words):
            return cls(list(frequent), list(frequent.values()), [], [], None)
        lengths = sorted({len(word) for word in words})
        if lengths[-1] <= _MAX_DIGITS and all(word.isdecimal() and str(int(word)) == word for word in words):
            numbers = [int(word) for word in words]
            return cls([], [], [], [], (min(numbers), max(numbers)))
        sorts = [_DIGITS, *(_letters(set().union(*words), sort) for sort in (_LOWER, _UPPER))]
        seen = ({word[i] for word in words if len(word) > i} for i in range(lengths[-1]))
        return cls([], [], [_pool(letters, sorts) for letters in seen], lengths, None)

    def draw(self, n: int, growth: int, rng: np.random.Generator) -> list[str]:
        """Return `n` words; each step of growth doubles the numbers, or adds a digit to other words."""
        if self.words:
            shares = np.array(self.counts) / sum(self.counts)
            return [self.words[i] for i in rng.choice(len(self.words), size=n, p=shares)]
        if self.numbers is not None:
            low, high = self.numbers
            drawn = rng.integers(low, high, size=n, endpoint=True, dtype=np.int64)
            drawn = drawn + (high - low + 1) * rng.integers(2**growth, size=n)
            return [str(number) for number in drawn.tolist()]
        pools = [*self.pools, *[_DIGITS] * growth]
        letters = np.stack([rng.choice(list(pool), size=n) for pool in pools], axis=1)
        lengths = rng.choice(self.lengths, size=n) + growth
        return ["".join(row[:length]) for row, length in zip(letters, lengths, strict=True)]


@dataclass(frozen=True)
class Pattern:
    """A way in which words and marks follow each other.

    Parameters
    ----------
    count
        The keys that have it.
    marks
        What stands before the first word, between any two, and behind the last.
    words
        What stands between the marks.
    """

    count: int
    marks: list[str]
    words: list[Word]

    def draw(self, n: int, growth: int, rng: np.random.Generator) -> list[str]:
        """Return `n` keys; the last place grows in which no word is told as it is, or else the key does."""
        free = [i for i, word in enumerate(self.words) if not word.words]
        grown = free[-1] if free else -1
        columns = [word.draw(n, growth if i == grown else 0, rng) for i, word in enumerate(self.words)]
        rows = zip(*columns, strict=True) if columns else ((),) * n
        keys = [
            self.marks[0] + "".join(word + mark for word, mark in zip(row, self.marks[1:], strict=True))
            for row in rows
        ]
        if free or not growth:
            return keys
        return [f"{key}{more}" for key, more in zip(keys, rng.integers(10**growth, size=n), strict=True)]


@dataclass(frozen=True)
class KeyForm:
    """The patterns of keys."""

    patterns: list[Pattern]

    @classmethod
    def learn(cls, keys: Sequence[str]) -> Self:
        """Return the form of some keys.

        Where marks stand anywhere, as in random text, a key is taken for one word that has them.
        """
        by_marks: dict[tuple[str, ...], list[list[str]]] = {}
        for key in keys:
            pieces = _WORD.split(key)
            by_marks.setdefault(tuple(pieces[::2]), []).append(pieces[1::2])
        frequent = {
            marks: rows
            for marks, rows in by_marks.items()
            if len(rows) >= max(_MIN_KEYS, _SHARE_OF_PATTERN * len(keys))
        }
        if sum(map(len, frequent.values())) < _SHARE_OF_PATTERNS * len(keys):
            return cls([Pattern(len(keys), ["", ""], [Word.learn(keys)])])
        return cls(
            [
                Pattern(len(rows), list(marks), [Word.learn(words) for words in zip(*rows, strict=True)])
                for marks, rows in frequent.items()
            ]
        )

    def draw(self, n: int, growth: int, rng: np.random.Generator) -> npt.NDArray[Any]:
        """Return keys of this form, of which some may be alike.

        Parameters
        ----------
        n
            How many.
        growth
            By how many steps they are longer or larger than those that were seen.
        rng
            Source of randomness.
        """
        counts = np.array([pattern.count for pattern in self.patterns])
        sizes = rng.multinomial(n, counts / counts.sum()).tolist()
        drawn = zip(self.patterns, sizes, strict=True)
        keys = np.array([key for pattern, size in drawn for key in pattern.draw(size, growth, rng)], object)
        rng.shuffle(keys)
        return keys

    def state(self) -> list[dict[str, Any]]:
        """Return the form as values that JSON can hold."""
        return [asdict(pattern) for pattern in self.patterns]

    @classmethod
    def from_state(cls, state: list[dict[str, Any]]) -> Self:
        """Return the form that `state` returned."""
        return cls(
            [
                Pattern(pattern["count"], pattern["marks"], [Word(**word) for word in pattern["words"]])
                for pattern in state
            ]
        )


def _letters(seen: set[str], alphabet: str) -> str:
    """Return the letters that keys have: those of hexadecimal numbers, where there are no others."""
    own = seen & set(alphabet)
    return alphabet[:6] if len(own) > 3 and own <= set(alphabet[:6]) else alphabet


def _pool(seen: set[str], sorts: Sequence[str]) -> str:
    """Return the characters of a position: the one that all keys have there, or all of the sorts seen."""
    if len(seen) == 1:
        return seen.pop()
    return "".join(sorted(seen.union(*(sort for sort in sorts if seen & set(sort)))))
