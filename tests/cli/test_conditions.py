"""Conditions on the command line."""

import pandas as pd
import pyarrow.parquet as pq
import pytest
from commands import PENGUINS, QUICK, done, refused, run

pytestmark = pytest.mark.usefixtures("quick_defaults")


@pytest.fixture
def rows(tmp_path):
    rows = pd.DataFrame({"species": ["Gentoo", None, "Adelie"], "body_mass_g": [None, 4000, None]})
    rows.to_parquet(tmp_path / "rows.parquet")
    return tmp_path / "rows.parquet"


def test_comparisons_hold_together(model, tmp_path):
    asked = ["body_mass_g>=4000", "body_mass_g<4500", "sex!=", "species=Gentoo"]
    options = [word for text in asked for word in ("--condition", text)]
    done("sample", model, "-o", tmp_path / "out", "-n", 40, *options)
    drawn = pd.read_parquet(tmp_path / "out")
    assert len(drawn) == 40
    assert drawn["body_mass_g"].between(4000, 4499).all()
    assert drawn["sex"].notna().all()
    assert (drawn["species"] == "Gentoo").all()


def test_a_file_says_what_is_known_of_each_row(source, model, rows, tmp_path):
    done("sample", model, "-o", tmp_path / "out", "--conditions-file", rows)
    drawn = pd.read_parquet(tmp_path / "out")
    assert drawn["species"].tolist()[::2] == ["Gentoo", "Adelie"]
    assert drawn["body_mass_g"][1] == 4000
    done("augment", source, "-o", tmp_path / "more", "--conditions-file", rows, *QUICK)
    more = pd.read_parquet(tmp_path / "more")
    assert len(more) == 347
    assert more["species"].tolist()[344::2] == ["Gentoo", "Adelie"]


def test_what_does_not_go_together_is_refused(source, model, rows, tmp_path):
    output = tmp_path / "out"
    both = ["--conditions-file", rows, "--condition", "sex=MALE"]
    refused(run("sample", model, "-o", output, *both), 2, "either --condition")
    refused(run("sample", model, "-o", output), 2, "--rows or --conditions-file")
    refused(run("sample", model, "-o", output, "-n", 7, "--conditions-file", rows), 3, "has 3 rows, and 7")
    many = ["--conditions-file", rows, "--rows", 7]
    refused(run("augment", source, "-o", output, *many, *QUICK), 2, "says how many rows")
    assert not output.exists()


def test_without_a_seed_every_draw_is_another(model, tmp_path):
    for name in ("a", "b"):
        done("sample", model, "-o", tmp_path / name, "-n", 30)
    assert not pd.read_parquet(tmp_path / "a").equals(pd.read_parquet(tmp_path / "b"))


@pytest.mark.parametrize("method", ["draw", "expected"])
def test_missing_cells_are_filled_in(source, model, tmp_path, method):
    output = tmp_path / "whole"
    result = done("impute", source, "-o", output, "--method", method, "--model", model)
    assert "19 were filled in" in result.stderr
    whole = pd.read_parquet(output)
    assert whole.notna().all(axis=None)
    assert pq.read_schema(output).equals(pq.read_schema(source), check_metadata=True)
    is_there = PENGUINS.notna().all(axis=1)
    pd.testing.assert_frame_equal(whole[is_there], PENGUINS[is_there])


def test_expected_values_need_a_model_that_has_learned_to_impute(source, tmp_path):
    done("fit", source, "-o", tmp_path / "plain", *QUICK)
    done("fit", source, "-o", tmp_path / "imputing", "--imputation", *QUICK)
    how = ["impute", source, "-o", tmp_path / "whole", "--method", "expected", "--model"]
    refused(run(*how, tmp_path / "plain"), 2, "fitted with imputation=True", "--imputation")
    assert "19 were filled in" in done(*how, tmp_path / "imputing").stderr


def test_columns_that_are_not_learned_are_written_as_they_are(model, tmp_path):
    notes = [None if i % 7 == 0 else f"{i} birds were seen, the last of which slept" for i in range(344)]
    noted, output = tmp_path / "noted.parquet", tmp_path / "whole.parquet"
    PENGUINS.assign(note=notes)[["species", "note", *PENGUINS.columns.drop("species")]].to_parquet(noted)
    dropped = done("impute", noted, "-o", output, "--model", model, "--drop-unsupported")
    assert "some of 'note' stay missing" in dropped.stderr
    assert pq.read_schema(output).equals(pq.read_schema(noted), check_metadata=True)
    written = pd.read_parquet(output)
    pd.testing.assert_series_equal(written["note"], pd.read_parquet(noted)["note"])
    assert written[PENGUINS.columns].notna().all(axis=None)


def test_a_table_is_learned_where_no_model_is_given(source, tmp_path):
    done("impute", source, "-o", tmp_path / "whole", *QUICK)
    assert pd.read_parquet(tmp_path / "whole").notna().all(axis=None)
