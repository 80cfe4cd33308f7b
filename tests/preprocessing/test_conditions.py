"""Conditions: what a row can be asked to have, and what it then has."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from rows_of_encoders import ask, round_trip, written_into

from synthgan.exceptions import ConditionError
from synthgan.preprocessing import CodingOptions, Conditions, TableEncoder

POSSIBLE = [
    ("age", 40, 40),
    ("age", 41, 41),  # not seen, but in the range
    ("age", 40.0, 40),
    ("age", "40", 40),
    ("age", np.int8(40), 40),
    ("score", 0.3, 0.3),
    ("score", "1.25", 1.25),
    ("score", 2, 2.0),
    ("score", None, None),
    ("score", np.nan, None),
    ("score", pd.NA, None),
    ("city", "Bern", "Bern"),
    ("city", None, None),
    ("size", "M", "M"),
    ("size", pd.NA, None),
    ("member", True, True),
    ("member", "true", True),
    ("member", "False", False),
    ("member", 0, False),
    ("since", pd.Timestamp("2020-03-04"), pd.Timestamp("2020-03-04")),
    ("since", "2020-03-04", pd.Timestamp("2020-03-04")),
    ("since", datetime.datetime(2020, 3, 4), pd.Timestamp("2020-03-04")),
    ("since", datetime.date(2020, 3, 4), pd.Timestamp("2020-03-04")),
    ("since", pd.NaT, None),
]


@pytest.mark.parametrize(("name", "value", "cell"), POSSIBLE)
def test_a_condition_holds_exactly_and_keeps_the_dtypes(table, name, value, cell):
    encoder = TableEncoder().fit(table)
    written = written_into(table, encoder, {name: value})
    pd.testing.assert_series_equal(written.dtypes, table.dtypes)
    assert written[name].isna().all() if cell is None else (written[name] == cell).all()
    pd.testing.assert_frame_equal(written.drop(columns=name), table.drop(columns=name))
    known = ask(encoder, {name: value}).known
    (index,) = known.always
    assert 0 <= known.patterns.codes[0, index] < encoder.layout_.spans[index].n_codes


IMPOSSIBLE = [
    ("aeg", 40, r"names column 'aeg', .* it has 'age', .* Did you mean 'age'\?"),
    ("age", 29, "'age' cannot be 29: it holds values from 30 to 62"),
    ("age", 63, "'age' cannot be 63"),
    ("age", 10**30, "'age' cannot be"),
    ("age", 40.5, "'age' cannot be 40.5"),
    ("age", "40.5", "'age' cannot be '40.5'"),
    ("age", "forty", "'age' cannot be 'forty'"),
    ("age", None, "'age' cannot be missing"),
    ("age", pd.NaT, "'age' cannot be missing"),
    ("age", [29, 40], "'age' cannot be 29"),
    ("age", pd.Timestamp("2020"), "'age' cannot be"),
    ("score", 2.5, "'score' cannot be 2.5: it holds values from 0.25 to 2.0"),
    ("score", float("inf"), "'score' cannot be inf"),
    ("score", "nan", "'score' cannot be 'nan'"),
    ("city", "Bärn", r"'city' cannot be 'Bärn': it holds the levels 'Basel', .* Did you mean 'Bern'\?"),
    ("city", 3, "'city' cannot be 3"),
    ("size", "m", r"'size' cannot be 'm'.* Did you mean 'M'\?"),
    ("size", "XL", "'size' cannot be 'XL': it holds the levels 'S', 'M', 'L'"),
    ("member", "yes", "'member' cannot be 'yes'"),
    ("member", 2, "'member' cannot be 2"),
    ("member", None, "'member' cannot be missing"),
    ("since", "2019-12-31", "'since' cannot be '2019-12-31': it holds values from 2020-01-01"),
    ("since", "soon", "'since' cannot be 'soon'"),
    ("since", pd.Timestamp("2020-03-04", tz="UTC"), "'since' cannot be"),
]


@pytest.mark.parametrize(("name", "value", "message"), IMPOSSIBLE)
def test_a_condition_that_no_row_can_meet_is_refused(table, name, value, message):
    with pytest.raises(ConditionError, match=message):
        ask(TableEncoder().fit(table), {name: value})


def test_a_declared_but_unseen_level_and_a_key_are_no_conditions():
    sizes = pd.CategoricalDtype(["S", "M", "never"])
    frame = pd.DataFrame(
        {"size": pd.Series(["S", "M"] * 60, dtype=sizes), "id": [f"K{i:04d}" for i in range(120)]}
    )
    encoder = TableEncoder().fit(frame)
    for conditions in ({"size": "never"}, {"id": "K0000"}):
        with pytest.raises(ConditionError):
            ask(encoder, conditions)


def test_text_names_the_levels_of_any_category():
    days = pd.date_range("2020-01-01", periods=3)
    frame = pd.DataFrame(
        {"n": pd.Categorical([1, 2, 3]), "day": pd.Categorical(days), "cut": pd.cut([1, 3, 5], 2)}
    )
    wanted = {"n": "2", "day": str(days[1]), "cut": str(frame["cut"][0])}
    written = written_into(frame, TableEncoder().fit(frame), wanted)
    assert written.iloc[0].tolist() == [2, days[1], frame["cut"][0]]
    pd.testing.assert_series_equal(written.dtypes, frame.dtypes)


def test_several_conditions_are_sorted_by_column_and_no_condition_changes_nothing(table):
    encoder = TableEncoder().fit(table)
    wanted = {"member": True, "age": 51}
    assert ask(encoder, wanted).known.always.tolist() == [0, 4]
    written = written_into(table.iloc[:0], encoder, wanted)
    assert len(written) == 0
    pd.testing.assert_series_equal(written.dtypes, table.dtypes)
    nothing = ask(encoder, {}, len(table))
    assert nothing.says_nothing
    assert nothing.write_into(table) is table


@pytest.mark.parametrize("numbers", ["quantile", "standard"])
def test_a_condition_has_the_code_the_value_and_the_place_of_the_cell(table, numbers):
    line = pd.DataFrame(np.random.default_rng(0).lognormal(size=(2000, 2)), columns=["a", "b"])
    for frame in (table, line):
        encoder = TableEncoder(CodingOptions(numbers=numbers)).fit(frame)
        coded = encoder.transform(frame)
        for row in range(20):
            wanted = ask(encoder, frame.iloc[row].to_dict()).known.patterns
            for name in ("codes", "values", "places"):
                np.testing.assert_array_equal(getattr(wanted, name)[0], getattr(coded, name)[row])
    assert {span.n_places for span in encoder.layout_.spans} == {3 if numbers == "quantile" else 1}


class TestReadConditions:
    encoder = TableEncoder().fit(
        pd.DataFrame({"a": [1, 2], "a=b": [3, 4], "t": ["", "x"], "u": ["y", None], 7: [1.5, 2.5]})
    )

    @pytest.mark.parametrize(
        ("texts", "conditions"),
        [
            (["a=1"], {"a": "1"}),
            (["a=b=3"], {"a=b": "3"}),
            (["t="], {"t": ""}),
            (["u="], {"u": None}),
            (["7=2.5"], {7: "2.5"}),
            (["a>=1"], {"a": ">= 1"}),
            (["a >= 1", "a<2", "a!=1.5"], {"a": ">= 1 and < 2 and != 1.5"}),
            (["a=b>3"], {"a=b": "> 3"}),
            (["u!="], {"u": "not missing"}),
            (["u!=", "u!=y"], {"u": "!= y"}),
            (["t=>50K"], {"t": ">50K"}),
            (["t= x"], {"t": " x"}),
            (["7<2"], {7: "< 2"}),
            (["nowhere=1=2"], {"nowhere": "1=2"}),
            ([], {}),
        ],
    )
    def test_text_is_split_where_a_column_ends(self, texts, conditions):
        assert self.encoder.read_conditions(texts) == conditions

    @pytest.mark.parametrize(
        ("texts", "message"),
        [
            (["a"], "COLUMN=VALUE"),
            (["a=1", "a=2"], "two conditions"),
            (["a=1", "a>2"], "two conditions"),
            (["a>2", "a=1"], "two conditions"),
            (["t=>50K", "t!=x"], "two conditions"),
        ],
    )
    def test_what_cannot_be_read_is_refused(self, texts, message):
        with pytest.raises(ConditionError, match=message):
            self.encoder.read_conditions(texts)


@pytest.mark.parametrize("conditions", ["a=1", [("a", 1)], pd.Series({"a": 1})])
def test_conditions_that_are_no_mapping_are_refused(conditions):
    with pytest.raises(ConditionError, match="mapping"):
        ask(TableEncoder().fit(pd.DataFrame({"a": [1, 2]})), conditions)


def test_days_come_back_as_days():
    days = pd.Series([datetime.date(2020, 2, 28), datetime.date(1, 1, 1), None, datetime.date(9999, 12, 31)])
    frame = pd.DataFrame({"day": days.repeat(30).reset_index(drop=True)})
    assert TableEncoder().fit(frame).schema_["day"].kind == "date"
    pd.testing.assert_frame_equal(round_trip(frame), frame)


DAY, NOON = datetime.date(2020, 5, 5), datetime.time(12)
DAYS = [datetime.date(1, 1, 1), None, datetime.date(9999, 12, 31)]
MOMENTS = [pd.Timestamp("2020-01-01"), pd.Timestamp("2021-01-01")]
SPANS = [pd.Timedelta(0), pd.Timedelta("19h")]
PRICES = [Decimal("0.00"), Decimal("9.99")]
#: Objects of a column, what is asked of it, and the cell that this is.
OBJECTS = {
    "when": (MOMENTS, "2020-05-05", pd.Timestamp("2020-05-05")),
    "moment": ([moment.to_pydatetime() for moment in MOMENTS], DAY, datetime.datetime(2020, 5, 5)),
    "day": (DAYS, DAY, DAY),
    "day as text": (DAYS, "2020-05-05", DAY),
    "span": (SPANS, "12h", pd.Timedelta("12h")),
    "clock": (SPANS, NOON, pd.Timedelta("12h")),
    "time": ([datetime.time(0), datetime.time(23)], "12:00", NOON),
    "price": (PRICES, "1.5", Decimal("1.50")),
    "number": (PRICES, 1.5, Decimal("1.50")),
    "truth": ([True, False, None], 1, True),
    "large integers": ([1, 5, 2**63 + 1], 5, 5),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_are_conditions_in_their_own_form_and_as_text(name):
    cells, value, wanted = OBJECTS[name]
    frame = pd.DataFrame({"x": pd.Series(cells * 20, dtype=object)})
    written = written_into(frame, TableEncoder().fit(frame), {"x": value})["x"]
    assert {(type(cell), str(cell)) for cell in written} == {(type(wanted), str(wanted))}


@pytest.mark.parametrize(
    ("cells", "value"),
    [
        *((MOMENTS, value) for value in (5, "soon", pd.Timestamp("2020-05-05", tz="UTC"), NOON, [5])),
        *((PRICES, value) for value in ("1.505", "soon", 1.505, True, {1, 2.505})),
    ],
    ids=str,
)
def test_what_is_no_moment_or_no_decimal_of_so_many_places_is_no_condition(cells, value):
    frame = pd.DataFrame({"x": pd.Series(cells * 30, dtype=object)})
    with pytest.raises(ConditionError, match="'x' cannot be"):
        ask(TableEncoder().fit(frame), {"x": value})


class TestFrames:
    frame = pd.DataFrame(
        {
            "n": pd.Series([5, 6, 7, None] * 50, dtype="Int64"),
            "x": np.linspace(0, 1, 200),
            "city": ["Bern", "Chur", None, "Bern", "Chur"] * 40,
        }
    )
    encoder = TableEncoder().fit(frame)

    def known(self, asked):
        return ask(self.encoder, asked, len(asked))

    def test_rows_of_which_the_same_is_known_share_a_pattern(self):
        asked = pd.DataFrame({"city": ["Bern", None, "Bern", "Chur"], "n": [5, None, 5, None]})
        known = self.known(asked).known
        assert len(known.is_known) == 3
        patterns = known.patterns_of(4)
        assert patterns[0] == patterns[2]
        assert len(set(patterns.tolist())) == 3
        assert known.is_known[patterns].astype(int).tolist() == [[1, 0, 1], [0, 0, 0], [1, 0, 1], [0, 0, 1]]

    def test_what_is_taken_of_conditions_is_asked_of_those_rows(self):
        asked, rows = self.known(self.frame), np.array([3, 3, 0])
        taken = asked.take(rows)
        written = taken.write_into(self.frame.iloc[[1, 1, 1]])
        # Of row 3 the number is missing, and of row 0 nothing: the first stays as it was drawn.
        assert written["n"].tolist() == [6, 6, 5]
        assert written["city"].tolist() == ["Bern", "Bern", "Bern"]
        assert np.array_equal(taken.is_known, asked.is_known[rows])

    def test_other_dtypes_are_read_where_they_hold_the_cells(self):
        written = self.known(pd.DataFrame({"n": ["5", None, 6.0]})).write_into(self.frame.head(3))
        assert written["n"].tolist() == [5, 6, 6]  # the second as it was
        pd.testing.assert_series_equal(written.dtypes, self.frame.dtypes)

    def test_groups_without_choices_are_drawn_together(self):
        rng = np.random.default_rng(0)
        wanted = [(2, {"n": 5}), (3, {"n": "> 5"}), (1, {"city": "Chur", "n": None}), (2, {})]
        starts = np.cumsum([0] + [n for n, _ in wanted])
        given = [
            conditions.later(start)
            for (n, asked), start in zip(wanted, starts[:-1], strict=True)
            for conditions in self.encoder.ask(n, asked, rng)
        ]
        merged = Conditions.merged(given)
        assert [part.rows.tolist() for part in merged] == [[0, 1, 5, 6, 7], [2, 3, 4]]
        written = merged[0].write_into(self.frame.iloc[[1] * 5])
        assert written["n"].tolist()[:2] == [5, 5]
        assert written["n"].isna().tolist() == [False, False, True, False, False]
        assert merged[1].in_words(["n", "x", "city"]) == {0: "'n' > 5"}

    @pytest.mark.parametrize("asked", [{"n": 99}, {"n": "five"}, {"city": "Paris"}, {"x": 7.0}])
    def test_a_cell_that_cannot_be_is_named(self, asked):
        (value,) = asked.values()
        with pytest.raises(ConditionError, match=f"cannot be '?{value}"):
            self.known(pd.DataFrame({name: [None, value] for name in asked}))

    def test_a_column_that_there_is_not_or_twice_is_refused(self):
        with pytest.raises(ConditionError, match="names column 'm'"):
            self.known(pd.DataFrame({"m": [1]}))
        with pytest.raises(ConditionError, match="twice"):
            self.known(pd.DataFrame([[5, 6]], columns=["n", "n"]))

    def test_facts_that_cannot_be_known_say_nothing(self):
        rows = pd.DataFrame({"n": [5.0, 99.0, None], "city": ["Paris", None, "Bern"]})
        everything = np.ones(rows.shape, dtype=bool)
        facts = self.encoder.facts(rows, everything, is_present=False)
        # Missing cells are facts where there were such; 99 counts as the end of the line.
        assert facts.is_known.tolist() == [[True, False, False], [True, False, True], [True, False, True]]
        assert not facts.choices
        present = self.encoder.facts(rows, rows.notna().to_numpy(), is_present=True)
        assert set(present.choices) == present.known.silent == {0, 2}
        assert not present.is_asked[:, 1].any()
