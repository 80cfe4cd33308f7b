"""Laws of parts of points in time: what is found, and that every drawn row keeps it."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from rows_of_encoders import apart, ask, breaks, check_stored, decoded, put_right

from synthgan.exceptions import ConditionError
from synthgan.preprocessing import TableEncoder

RNG = np.random.default_rng(0)
HOURS = pd.Series(
    pd.Timestamp("2019-03-01") + pd.to_timedelta(np.sort(RNG.integers(30_000, size=3000)), unit="h")
)
PARTS = {
    "minute": lambda when: when.dt.minute,
    "hour": lambda when: when.dt.hour,
    "day": lambda when: when.dt.day,
    "weekday from 0": lambda when: when.dt.day_of_week,
    "weekday from 1": lambda when: when.dt.day_of_week + 1,
    "month": lambda when: when.dt.month,
    "year": lambda when: when.dt.year,
    "quarter": lambda when: when.dt.quarter,
    "day of the year": lambda when: when.dt.day_of_year,
    "week": lambda when: when.dt.isocalendar().week,
}
SOURCES = {
    "naive": HOURS,
    "nanoseconds": HOURS.astype("datetime64[ns]"),
    "with gaps": HOURS.mask(np.arange(len(HOURS)) % 7 == 0),
    "zoned": HOURS.dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin"),
    "arrow": HOURS.astype(pd.ArrowDtype(pa.timestamp("us"))),
    "objects": HOURS.astype(object),
    "dates": pd.Series(HOURS.dt.date, dtype=object),
    "months": HOURS.dt.to_period("M"),
    "minutes": HOURS + pd.to_timedelta(RNG.integers(60, size=len(HOURS)), unit="min"),
}


def points_of(source):
    """The points in time of a source, as pandas counts them."""
    if isinstance(source.dtype, pd.PeriodDtype):
        return source.dt.to_timestamp()
    return pd.to_datetime(source) if source.dtype == object else source


def parts_of(source):
    parts = {name: part(points_of(source)) for name, part in PARTS.items()}
    return {name: part for name, part in parts.items() if part.nunique() > 1}


@pytest.mark.parametrize("name", SOURCES)
def test_every_part_is_found_and_kept(name, tmp_path):
    source = SOURCES[name]
    frame = pd.DataFrame({"when": source, **parts_of(source)})
    encoder, back = put_right(frame)
    (calendar,) = encoder.ties_.calendars
    assert calendar.source == 0
    assert [list(frame)[i] for i in calendar.columns] == calendar.parts
    assert set(calendar.parts) == set(parts_of(source))
    check_stored(encoder, frame, tmp_path)
    for part, column in parts_of(back["when"]).items():
        np.testing.assert_array_equal(
            back[part].to_numpy(dtype=float, na_value=np.nan), column.to_numpy(dtype=float, na_value=np.nan)
        )
    points = points_of(back["when"])
    assert points.min() >= points_of(source).min()
    assert points.max() <= points_of(source).max()


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("holes", ["source", "parts", "both"])
def test_holes_stay_and_parts_are_right_around_them(name, holes):
    source, rng = SOURCES[name], np.random.default_rng(6)
    parts = {part: own.astype("Int64") for part, own in parts_of(source).items()}
    frame = pd.DataFrame({"when": source, **parts})
    for column in {"source": ["when"], "parts": list(parts), "both": list(frame)}[holes]:
        frame[column] = frame[column].mask(rng.random(len(frame)) < 0.03)
    encoder, back = put_right(frame)
    (calendar,) = encoder.ties_.calendars
    assert set(calendar.parts) == set(parts)
    assert back.isna().sum().equals(frame.isna().sum())
    assert not breaks(encoder, back)
    for part in parts:
        both = back[["when", part]].dropna()
        np.testing.assert_array_equal(
            both[part].to_numpy(float), PARTS[part](points_of(both["when"])).to_numpy(float)
        )


@pytest.mark.parametrize("holes", ["when", "year", "both at once"])
def test_rows_with_a_missing_part_can_be_asked_for(holes):
    is_missing = np.random.default_rng(7).random(len(HOURS)) < 0.05
    frame = pd.DataFrame({"when": HOURS, "year": HOURS.dt.year.astype("Int64")})
    for name in frame if holes == "both at once" else [holes]:
        frame[name] = frame[name].mask(is_missing)
    for name in frame.columns[frame.isna().any()]:
        encoder, back = put_right(frame, {name: None})
        assert back.isna().all(axis=1).all() == (holes == "both at once")
        assert not breaks(encoder, back)


@pytest.mark.parametrize(
    ("given", "holes"),
    [
        ({"hour": None, "year": 2020}, ["hour"]),  # the year is taken over whatever the hour is
        ({"day": "unknown"}, ["when"]),  # which no point in time has
        ({"year": 2031}, ["when"]),
    ],
)
def test_what_stands_beside_a_hole_can_be_asked_for(given, holes):
    day = HOURS.dt.strftime("%Y-%m")
    frame = pd.DataFrame(
        {"when": HOURS, "hour": HOURS.dt.hour.astype("Int64"), "year": HOURS.dt.year, "day": day}
    )
    is_hole = np.random.default_rng(9).random(len(frame)) < 0.1
    for name in holes:
        frame[name] = frame[name].mask(is_hole)
    if holes == ["when"]:
        frame.loc[is_hole, "day"], frame.loc[is_hole, "year"] = "unknown", 2031
    assert not breaks(*put_right(frame, given))


def test_parts_of_a_missing_point_in_time_are_missing_together():
    is_missing = np.random.default_rng(10).random(len(HOURS)) < 0.1
    when = HOURS.mask(is_missing)
    frame = pd.DataFrame({"when": when, "year": when.dt.year, "month": when.dt.month})
    encoder = TableEncoder().fit(frame)
    with pytest.raises(ConditionError, match=r"'month' = 3\.0 and 'year' missing"):
        ask(encoder, {"year": None, "month": 3})


def test_a_point_in_time_that_is_known_by_what_it_decides_keeps_its_parts():
    some = HOURS.drop_duplicates().sample(250, random_state=0).reset_index(drop=True)
    which, rng = RNG.integers(250, size=4000), np.random.default_rng(11)
    when = some.iloc[which].reset_index(drop=True)
    hour = when.dt.hour.astype("Int64").mask((which % 4 == 0) | (rng.random(4000) < 0.5))
    frame = pd.DataFrame({"when": when, "hour": hour, "place": [f"p{w % 40}" for w in which]})
    encoder, back = put_right(frame)
    assert encoder.ties_.calendars
    assert encoder.ties_.functions
    assert not breaks(encoder, back)


def test_parts_that_fit_are_taken_over():
    """The hour that was drawn is kept: a code of the day says nothing of it."""
    frame = pd.DataFrame({"when": HOURS, "hour": HOURS.dt.hour})
    encoder = TableEncoder().fit(frame)
    table = apart(frame, encoder)
    wanted = encoder.encoders_[1].inverse_transform(table.codes[:, 1], rng=np.random.default_rng(0))
    back = decoded(encoder, table)
    assert (back["hour"] == wanted).mean() > 0.95
    assert (back["when"].dt.hour == back["hour"]).all()


@pytest.mark.parametrize(
    "given", [{"year": 2021}, {"month": 2}, {"hour": 7, "year": 2020}, {"when": HOURS[5]}]
)
def test_conditions_hold_and_the_rest_follows(given):
    frame = pd.DataFrame({"when": HOURS, **{part: PARTS[part](HOURS) for part in ("year", "month", "hour")}})
    _, back = put_right(frame, given)
    for part in ("year", "month", "hour"):
        assert (back[part] == PARTS[part](back["when"])).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"month": 2, "day": 30}, "'day' = 30 and 'month' = 2"),
        ({"year": 2022, "month": 12}, "No row can have"),
        ({"year": 2019, "month": 1}, "No row can have"),
        ({"when": HOURS[0], "year": 2020}, "No row can have 'when' = .* and 'year' = 2020"),
    ],
    ids=str,
)
def test_parts_that_contradict_each_other_or_that_no_day_of_the_table_has_are_refused(given, message):
    """The hours are from March 2019 to August 2022."""
    parts = {part: PARTS[part](HOURS) for part in ("year", "month", "day")}
    encoder = TableEncoder().fit(pd.DataFrame({"when": HOURS, **parts}))
    for possible in ({"month": 2, "day": 29}, {"when": HOURS[0], "year": 2019}):
        ask(encoder, possible)
    with pytest.raises(ConditionError, match=message):
        ask(encoder, given)


@pytest.mark.parametrize("given", [{}, {"month": 3}, {"season": 1}, {"holiday": "yes"}], ids=str)
def test_parts_stay_parts_where_a_day_or_a_part_determines_other_columns(given):
    days = pd.date_range("2020-01-01", periods=400, unit="us")
    weather = pd.Series(np.round(RNG.normal(size=400), 1), index=days)
    holiday = RNG.choice(["yes", "no"], size=366)
    for when in (days[RNG.integers(400, size=3000)], pd.date_range("1990-01-01", periods=9000, unit="us")):
        frame = pd.DataFrame({"when": when, "x": RNG.normal(size=len(when))})
        frame["month"], frame["day"] = frame["when"].dt.month, frame["when"].dt.day
        frame["of_year"] = frame["when"].dt.day_of_year
        frame["season"], frame["holiday"] = frame["month"] % 12 // 3, holiday[frame["of_year"] - 1]
        if len(frame) == 3000:
            frame["weather"] = weather[when].to_numpy()
        _, back = put_right(frame, given)
        for part, name in {"month": "month", "day": "day", "day of the year": "of_year"}.items():
            assert (PARTS[part](back["when"]) == back[name]).all()
        assert (back["season"] == back["month"] % 12 // 3).all()
        assert (back["holiday"] == holiday[back["of_year"] - 1]).all()
        if "weather" in back:
            np.testing.assert_array_equal(back["weather"], weather[back["when"]])


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"when": HOURS, "year": HOURS.dt.year.where(HOURS.index != 5, 1999)}),
        pd.DataFrame({"when": HOURS[:10], "hour": HOURS[:10].dt.hour}),
        pd.DataFrame({"when": HOURS, "one": 1}),
    ],
)
def test_what_is_no_part_or_too_little_to_tell_is_not_found(frame):
    assert TableEncoder().fit(frame).ties_.calendars == ()


WRITTEN = {
    "date": lambda when: when.dt.date,
    "midnight": lambda when: when.dt.normalize(),
    "time of day": lambda when: when.dt.time,
    "weekday": lambda when: when.dt.day_name(),
    "short month": lambda when: when.dt.month_name().str[:3],
    "is weekend": lambda when: when.dt.day_of_week >= 5,
    "epoch": lambda when: (when.dt.tz_localize(None) - pd.Timestamp(0)) // pd.Timedelta(seconds=1),
    "day as text": lambda when: when.dt.strftime("%d/%m/%Y"),
    "month as text": lambda when: when.dt.strftime("%Y-%m"),
    "clock as text": lambda when: when.dt.strftime("%H:%M"),
}


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("source", ["naive", "minutes", "zoned"])
def test_parts_that_are_no_numbers_are_found_and_kept(name, source, tmp_path):
    write = WRITTEN[name]
    frame = pd.DataFrame({"part": write(SOURCES[source]), "when": SOURCES[source]})
    encoder, back = put_right(frame)
    (found,) = encoder.ties_.calendars
    assert (found.source, found.columns) == (1, [0])
    check_stored(encoder, frame, tmp_path)
    assert (back["part"] == write(back["when"])).mean() > 0.98  # a day that the text has not is left
    if name not in ("day as text", "clock as text"):
        assert (back["part"] == write(back["when"])).all()


def test_a_point_in_time_has_the_name_of_a_weekday_that_was_drawn_where_it_can():
    frame = pd.DataFrame({"when": SOURCES["naive"], "weekday": SOURCES["naive"].dt.day_name()})
    _, back = put_right(frame)
    is_monday = (back["weekday"] == "Monday").mean()
    assert is_monday == pytest.approx((frame["weekday"] == "Monday").mean(), abs=0.03)
