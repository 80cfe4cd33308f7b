"""The form of keys: learned from texts, it writes others like them.

A key is runs of letters and of digits, with marks between. What many keys share in a place, such as a country
in front, is told as it is, and can be learned beside the other columns; what differs from key to key is made
anew of the same sort.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from synthgan.layout import IntArray

#: How keys are taken apart, from the finest; patterns are told by what the pieces are replaced by.
_PIECES = (
    (re.compile(r"([^\W\d_]+|\d+)"), lambda piece: "0" if piece.isdecimal() else "a"),
    (re.compile(r"([^\W_]+)"), lambda piece: "a"),
    (re.compile(r"(.+)", re.DOTALL), lambda piece: "a"),
)
#: So many patterns cover this share of the keys, each of them this share at least.
_MAX_PATTERNS, _SHARE_OF_PATTERNS, _SHARE_OF_PATTERN = 32, 0.9, 0.005
#: Patterns that are few, however few coarser pieces would come in.
_FEW_PATTERNS = 4
#: A word is told as it is that so many keys have in its place, where such words make up so much of the place.
_MIN_KEYS, _SHARE_OF_WORDS = 5, 0.95
#: Words are learned of which so many keys are there in the mean; so many sorts of keys at most.
_KEYS_OF_SORT, _MAX_SORTS = 20, 64
#: How often each character of an alphabet was seen in the mean, if those that were not are none of it.
_SEEN_OF_EACH = 20
#: Keys that the form is learned from.
_MAX_LEARNED = 50_000
#: The most digits that a whole number is counted with.
_MAX_DIGITS = 17
_ALPHABETS = ("0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
#: Words that one of several turns has to choose from at least, where there are so many.
_WORDS_OF_TURN = 2**20


@dataclass(frozen=True)
class Turn:
    """Which of all keys one of several drawers may draw, so that none draws what another does.

    Parameters
    ----------
    index, n_turns
        Of all words, those whose number leaves `index` when it is divided by `n_turns`.
    first_row
        Rows that are drawn in the turns before, by which whole numbers are counted on.
    """

    index: int = 0
    n_turns: int = 1
    first_row: int = 0

    def numbers(self, n: int, below: int, rng: np.random.Generator) -> IntArray:
        """Return numbers of this turn from 0 to below some number, which is no less than `n_turns`."""
        n_own = -(-(below - self.index) // self.n_turns)
        return self.index + self.n_turns * rng.integers(n_own, size=n)


@dataclass(frozen=True)
class Word:
    """What may stand in one place of a key.

    Parameters
    ----------
    words, counts
        The words that many keys have there, and how many; empty if they differ from key to key.
    pools
        The characters that each position may have.
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
        positions = (Counter(word[i] for word in words if len(word) > i) for i in range(lengths[-1]))
        alphabets = _alphabets(Counter("".join(words)))
        return cls([], [], [_pool(counts, alphabets) for counts in positions], lengths, None)

    @property
    def is_free(self) -> bool:
        """Whether words differ from key to key."""
        return not self.words

    def draw(
        self, n: int, growth: int, rng: np.random.Generator, turn: Turn | None = None
    ) -> npt.NDArray[np.str_]:
        """Return `n` words; with each step of growth from four times as many numbers, or a digit longer.

        Of words that differ from key to key, a turn has words of its own.
        """
        if self.is_free and turn is not None and turn.n_turns > 1:
            return self._of_turn(n, growth, rng, turn)
        if self.words:
            shares = np.array(self.counts) / sum(self.counts)
            return np.array(self.words)[rng.choice(len(self.words), size=n, p=shares)]
        if self.numbers is not None:
            low, high = self.numbers
            drawn = rng.integers(low, high, size=n, endpoint=True, dtype=np.int64)
            return (drawn + (high - low + 1) * rng.integers(4**growth, size=n)).astype(str)
        pools = [*self.pools, *[_ALPHABETS[0]] * growth]
        lengths = rng.choice(self.lengths, size=n) + growth
        letters = np.stack([rng.choice(list(pool), size=n) for pool in pools], axis=1)
        return _spelt(letters, lengths)

    def _of_turn(self, n: int, growth: int, rng: np.random.Generator, turn: Turn) -> npt.NDArray[np.str_]:
        """Return `n` words of a turn."""
        if self.numbers is not None:
            low, high = self.numbers
            span = high - low + 1
            while span * 4**growth < turn.n_turns:
                growth += 1
            return (low + turn.numbers(n, span * 4**growth, rng)).astype(str)
        sizes = [len(pool) for pool in self.pools]
        while any(math.prod(sizes[:length]) * 10**growth < turn.n_turns for length in self.lengths):
            growth += 1
        pools = [*self.pools, *[_ALPHABETS[0]] * growth]
        # Words that have grown are longer than all that have not, or one turn's could be another's.
        lengths = rng.choice(self.lengths[-1:] if growth else self.lengths, size=n) + growth
        letters = np.stack([rng.choice(list(pool), size=n) for pool in pools], axis=1)
        for length in np.unique(lengths).tolist():
            rows = np.flatnonzero(lengths == length)
            first, n_words = length, 1
            while first and n_words < turn.n_turns * _WORDS_OF_TURN:
                first -= 1
                n_words *= len(pools[first])
            numbers = turn.numbers(len(rows), n_words, rng)
            for place in range(length - 1, first - 1, -1):
                numbers, digits = np.divmod(numbers, len(pools[place]))
                letters[rows, place] = np.array(list(pools[place]))[digits]
        return _spelt(letters, lengths)


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
    told
        Which of the words can be learned beside other columns.
    """

    count: int
    marks: list[str]
    words: list[Word]
    told: list[int]

    def draw(
        self, told: Mapping[int, str], n: int, growth: int, rng: np.random.Generator, turn: Turn
    ) -> npt.NDArray[np.str_]:
        """Return `n` keys of which some words are told; of free ones the last grows, and is the turn's."""
        free = [i for i, word in enumerate(self.words) if word.is_free]
        keys = np.full(n, self.marks[0])
        for i, (word, mark) in enumerate(zip(self.words, self.marks[1:], strict=True)):
            is_last = i in free[-1:]
            drawn = told[i] if i in told else word.draw(n, growth * is_last, rng, turn if is_last else None)
            keys = np.char.add(np.char.add(keys, drawn), mark)
        if free:
            return keys
        if turn.n_turns > 1:
            width = growth + len(str(turn.n_turns))
            return np.char.add(keys, np.char.zfill(turn.numbers(n, 10**width, rng).astype(str), width))
        return np.char.add(keys, rng.integers(10**growth, size=n).astype(str)) if growth else keys


@dataclass(frozen=True)
class KeyForm:
    """The patterns of keys.

    Parameters
    ----------
    level
        How keys are taken apart: from 0, in runs of letters and digits, to 2, not at all.
    patterns
        What is frequent.
    sorts
        Which pattern keys have and which words that are told, where many keys have the same; and first -1
        for the others, if there are some.
    """

    level: int
    patterns: list[Pattern]
    sorts: list[tuple[int, list[str]]]

    @classmethod
    def learn(cls, keys: Sequence[str]) -> Self:
        """Return the form of some keys, by the finest pieces in which few patterns cover and free them."""
        some = keys[:: max(1, len(keys) // _MAX_LEARNED)]
        forms: list[Self] = []
        for level in range(len(_PIECES)):
            found = _by_pattern(some, level)
            covers = sum(map(len, found.values())) >= _SHARE_OF_PATTERNS * len(some)
            if covers and (not forms or len(found) < len(forms[-1].patterns)):
                forms.append(cls._of_patterns(some, level, found))
        # Finer pieces tell more, unless they come in many patterns, as digits anywhere among letters do.
        fewest = len(forms[-1].patterns)
        free = [form for form in forms if form.is_free]
        few = [form for form in free if len(form.patterns) <= max(_FEW_PATTERNS, 2 * fewest - 1)]
        return (few or free or forms)[0]

    @classmethod
    def _of_patterns(cls, keys: Sequence[str], level: int, found: dict[str, list[list[str]]]) -> Self:
        """Return the form of keys whose pieces are given by pattern."""
        patterns = [_pattern(rows) for rows in found.values()]
        sorts: list[tuple[int, list[str]]] = []
        for index, (pattern, rows) in enumerate(zip(patterns, found.values(), strict=True)):
            counts = Counter(tuple(pieces[1::2][i] for i in pattern.told) for pieces in rows)
            sorts += [(index, list(words)) for words, count in counts.most_common() if count >= _KEYS_OF_SORT]
        form = cls(level, patterns, [(-1, []), *sorts[:_MAX_SORTS]])
        return form if 0 in form.sort_of(keys) else cls(level, patterns, form.sorts[1:])

    @property
    def is_free(self) -> bool:
        """Whether some word differs from key to key, in nearly all keys."""
        free = (p.count for p in self.patterns if any(word.is_free for word in p.words))
        return sum(free) >= _SHARE_OF_PATTERNS * sum(pattern.count for pattern in self.patterns)

    def sort_of(self, keys: Sequence[str]) -> IntArray:
        """Return of which sort keys are, shape ``(n_keys,)``; of the first, where they are of none."""
        number = {(index, tuple(words)): i for i, (index, words) in enumerate(self.sorts)}
        pieces_of, name_of = _PIECES[self.level]
        named = {
            _name(_pieces_of(pattern), name_of): (index, pattern.told)
            for index, pattern in enumerate(self.patterns)
        }
        sorts = np.zeros(len(keys), dtype=np.int64)
        for row, key in enumerate(keys if len(self.sorts) > 1 else ()):
            pieces = pieces_of.split(key)
            if (found := named.get(_name(pieces, name_of))) is not None:
                index, told = found
                sorts[row] = number.get((index, tuple(pieces[2 * i + 1] for i in told)), 0)
        return sorts

    def draw(
        self, sorts: IntArray, growth: int, rng: np.random.Generator, turn: Turn = Turn()
    ) -> npt.NDArray[Any]:
        """Return keys of some sorts, shape ``(n,)``, some alike, but none to those of another turn.

        With each step of growth they are longer or larger than those that were seen.
        """
        keys = np.empty(len(sorts), dtype=object)
        counts = np.array([pattern.count for pattern in self.patterns])
        for sort in np.unique(sorts).tolist():
            rows = np.flatnonzero(sorts == sort)
            index, words = self.sorts[sort]
            if index >= 0:
                told = dict(zip(self.patterns[index].told, words, strict=True))
                keys[rows] = self.patterns[index].draw(told, len(rows), growth, rng, turn)
                continue
            which = rng.choice(len(self.patterns), size=len(rows), p=counts / counts.sum())
            for index, pattern in enumerate(self.patterns):
                own = rows[which == index]
                keys[own] = pattern.draw({}, len(own), growth, rng, turn)
        return keys

    def state(self) -> dict[str, Any]:
        """Return the form as values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Return the form that `state` returned."""
        patterns = [
            Pattern(**{**pattern, "words": [Word(**word) for word in pattern["words"]]})
            for pattern in state["patterns"]
        ]
        return cls(state["level"], patterns, [(index, words) for index, words in state["sorts"]])


def _spelt(letters: npt.NDArray[Any], lengths: IntArray) -> npt.NDArray[np.str_]:
    """Return words of so many of the letters ``(n_words, longest)``, which are overwritten."""
    letters[np.arange(letters.shape[1]) >= lengths[:, None]] = ""
    return np.ascontiguousarray(letters).view(f"<U{letters.shape[1]}").ravel()


def _by_pattern(keys: Sequence[str], level: int) -> dict[str, list[list[str]]]:
    """Return the pieces of keys, marks and words in turn, by pattern; of patterns that are frequent."""
    pieces_of, name_of = _PIECES[level]
    found: dict[str, list[list[str]]] = {}
    for key in keys:
        pieces = pieces_of.split(key)
        found.setdefault(_name(pieces, name_of), []).append(pieces)
    enough = max(_MIN_KEYS, _SHARE_OF_PATTERN * len(keys)) if level < len(_PIECES) - 1 else 1
    by_count = sorted(found.items(), key=lambda item: -len(item[1]))
    return {name: rows for name, rows in by_count[:_MAX_PATTERNS] if len(rows) >= enough}


def _name(pieces: Sequence[str], name_of: Any) -> str:
    """Return a text that pieces of one pattern have in common."""
    return "".join(name_of(piece) if i % 2 else piece for i, piece in enumerate(pieces))


def _pieces_of(pattern: Pattern) -> list[str]:
    """Return pieces of a pattern, with one word in each place that it may have."""
    words = [
        word.words[0] if word.words else "0" if word.numbers else word.pools[0][0] for word in pattern.words
    ]
    pieces = [pattern.marks[0]]
    for word, mark in zip(words, pattern.marks[1:], strict=True):
        pieces += [word, mark]
    return pieces


def _pattern(rows: list[list[str]]) -> Pattern:
    """Return the pattern of keys that are given in pieces."""
    words = [Word.learn(column) for column in zip(*(pieces[1::2] for pieces in rows), strict=True)]
    told: list[int] = []
    n_sorts = 1
    for i, word in sorted(enumerate(words), key=lambda item: len(item[1].words)):
        if len(word.words) > 1 and n_sorts * len(word.words) * _KEYS_OF_SORT <= len(rows):
            told.append(i)
            n_sorts *= len(word.words)
    return Pattern(len(rows), rows[0][::2], words, sorted(told))


def _pool(counts: Counter[str], alphabets: Sequence[set[str]]) -> str:
    """Return the characters that a position may have, given how often each was seen.

    Those that were seen, where there is hardly another to be seen; else also all others of their sort.
    """
    seen = set(counts)
    if min(counts.values()) >= _MIN_KEYS:
        return "".join(sorted(seen))
    return "".join(sorted(seen.union(*(alphabet for alphabet in alphabets if seen & alphabet))))


def _alphabets(counts: Counter[str]) -> list[set[str]]:
    """Return the sorts of characters that words have, given how often each was seen in any position.

    Of many characters all that there are have been seen, and hexadecimal numbers have no letters beyond f.
    """
    alphabets = []
    for alphabet in map(set, _ALPHABETS):
        own = alphabet & set(counts)
        is_many = sum(counts[letter] for letter in own) >= _SEEN_OF_EACH * len(alphabet)
        is_hexadecimal = len(own) > 3 and own <= set("abcdef") | set("ABCDEF")
        sixth = alphabet & (set("abcdef") | set("ABCDEF"))
        alphabets.append(own if is_many else sixth if is_hexadecimal else alphabet)
    return alphabets
