import json
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from small_comparisons import FAILING, Resampling, compared, small_table

from synthgan.evaluation import evaluate
from synthgan.evaluation.plots import associations
from synthgan.exceptions import DataError, OutputRefusedError

ODD = '<script>alert("$1")</script>'


class Reader(HTMLParser):
    """Collects what a page would fetch, the tags that are open, and its words."""

    def __init__(self, page):
        super().__init__()
        self.fetched, self.scripts, self.words = [], 0, []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.scripts += tag == "script"
        self.fetched += [
            value for name, value in attrs if name in ("src", "href") and not value.startswith(("#", "data:"))
        ]

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def comparison():
    """A comparison of two samplers, one of which fails, on a table of odd names."""
    frame = small_table().rename(columns={"x": ODD, "city": "a $b$ {c}"})
    frame["a $b$ {c}"] = frame["a $b$ {c}"].replace("Bern", ODD)
    return compared(frame, {"mine": Resampling(), "short": FAILING}, examine=True, ratios=(0.5,))


@pytest.fixture(scope="module")
def page(comparison):
    return comparison.to_html()


def test_the_report_says_the_verdict_first_and_needs_no_network(comparison, page):
    reader = Reader(page)
    assert reader.fetched == []
    text = " ".join(" ".join(reader.words).split())
    assert 0 < text.index(comparison.verdicts[0].text[:60]) < text.index("What each way adds")
    assert "What failed" in text
    assert "How alike drawn rows are to real ones" in text


def test_nothing_of_a_table_becomes_part_of_the_page(page):
    reader = Reader(page)
    assert reader.scripts == 0
    assert any(ODD[:20] in words for words in reader.words)


def test_the_same_comparison_makes_the_same_page(comparison, page, tmp_path):
    assert comparison.to_html(tmp_path / "report.html") == page
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium to open the report in")
def test_the_report_opens_in_a_browser_without_a_word_on_the_console(page, tmp_path):
    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
    address = (tmp_path / "report.html").as_uri()
    seen = subprocess.run(["chromium", *options, address], capture_output=True, text=True, timeout=120)
    assert "What each way adds" in seen.stdout
    assert "CONSOLE" not in seen.stderr


def test_results_are_frames_json_and_markdown(comparison, tmp_path):
    told = json.loads(comparison.to_json(tmp_path / "result.json"))
    assert told["verdicts"][0]["sampler"] == "mine"
    parts = comparison.evaluations["mine"].fidelity, comparison.evaluations["mine"].privacy
    fidelity, privacy = (json.loads(json.dumps(part.to_dict(), allow_nan=False)) for part in parts)
    assert [told["evaluations"]["mine"][part] for part in ("fidelity", "privacy")] == [fidelity, privacy]
    assert fidelity["figures"][0]["figure"] == "shape"
    assert {row["wasserstein"] for row in fidelity["columns"] if row["kind"] == "levels"} == {None}
    assert len(privacy["figures"]) == 9
    assert set(privacy["nearest"][0]) == {"drawn", "learned", "distance", "held_out_distance"}
    assert json.loads((tmp_path / "result.json").read_text()) == told
    assert set(comparison.to_frame()["arm"]) == set(comparison.arms)
    assert comparison.doses()["ratio"].tolist() == [0.5, 1.0] * 2
    assert comparison.to_markdown() == repr(comparison)
    assert "<html" not in comparison._repr_html_()


def test_plots_return_axes(comparison):
    from matplotlib import pyplot

    assert isinstance(comparison.plot_gains(), Axes)
    axes = pyplot.figure().subplots()
    assert comparison.plot_doses(axes) is axes
    evaluation = comparison.evaluations["mine"]
    assert len(evaluation.plot_marginals()) == evaluation.real.shape[1]
    assert len(evaluation.plot_associations()) == 3
    pyplot.close("all")


def test_a_comparison_of_baselines_alone_has_a_report():
    assert "these are the baselines alone" in compared(samplers={}).to_html()


def test_a_report_is_not_written_where_there_is_no_place(comparison, tmp_path):
    with pytest.raises(OutputRefusedError):
        comparison.to_html(tmp_path / "nowhere" / "report.html")


@pytest.mark.slow
def test_drawn_rows_of_every_table_have_a_report(real_table):
    some = real_table.sample(150, random_state=0).reset_index(drop=True)
    thirds = [some.iloc[start::3] for start in range(3)]
    evaluation = evaluate(thirds[0], thirds[1], held_out=thirds[2])
    assert Reader(evaluation.to_html()).scripts == 0
    assert json.loads(evaluation.to_json())["rows"]["real"] == 50
    assert "How alike" in evaluation.to_markdown()


def test_without_held_out_rows_copies_are_not_looked_for():
    evaluation = evaluate(small_table(), small_table(seed=1))
    assert evaluation.privacy is None
    assert "Not looked at" in evaluation.to_html()


def test_columns_that_say_all_or_nothing_of_each_other():
    rng = np.random.default_rng(0)
    x = rng.normal(size=2_000)
    frame = pd.DataFrame({"x": x, "double": 2 * x, "other": rng.normal(size=2_000), "constant": 1.0})
    here, there = associations(frame, frame.assign(double=rng.permutation(x)))
    assert here[0, 1] == pytest.approx(1)
    assert here[0, 2] < 0.1
    assert here[0, 3] == 0
    assert there[0, 1] < 0.1
    assert np.array_equal(here, here.T)


def test_a_target_that_is_none_is_one_sentence():
    with pytest.raises(DataError, match="Did you mean 'city'"):
        evaluate(small_table(), small_table(), target="City")


def test_times_are_compared_with_held_out_ones():
    days = pd.Series(pd.date_range("2024", periods=120).astype("datetime64[us]"))
    forms = {"s": "datetime64[s]", "object": "object", "zoned": "datetime64[us, UTC]"}
    frame = small_table(120).assign(s=days, object=days, zoned=days.dt.tz_localize("UTC"))
    drawn = frame.iloc[40:80].astype(forms)
    assert evaluate(frame.iloc[:40], drawn, held_out=frame.iloc[80:]).privacy is not None


def test_held_out_rows_that_were_learned_are_refused():
    with pytest.raises(DataError, match="100% of the held-out rows are among the real ones"):
        evaluate(small_table(), small_table(seed=1), held_out=small_table())
