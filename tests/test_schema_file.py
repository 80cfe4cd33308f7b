import json
import tomllib

import pandas as pd
import pytest

from synthgan import Inequality, SynthGAN, propose_rules
from synthgan.exceptions import DataError, ParameterError
from synthgan.preprocessing import TableEncoder, infer_schema
from synthgan.preprocessing.declared import read_rules
from synthgan.schema_file import SchemaFile, schema_text

TOML = """
[kinds]
zip = "categorical"
3 = "drop"

[[rules]]
kind = "inequality"
low = "start"
high = "end"
"""


def test_toml_and_json_say_the_same(tmp_path):
    (tmp_path / "a.toml").write_text(TOML)
    (tmp_path / "a.json").write_text(json.dumps(tomllib.loads(TOML)))
    said = SchemaFile.read(tmp_path / "a.toml")
    assert said == SchemaFile.read(tmp_path / "a.json")
    assert said.for_columns(["zip", 3]).kinds == {"zip": "categorical", 3: "drop"}
    assert read_rules(said.rules) == (Inequality("start", "end"),)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", None, r"cannot be read: No such file"),
        ("a.toml", "kinds = ", "is no TOML or JSON"),
        ("a.toml", "[kind]\na = 'key'", r"holds 'kind'; it may hold 'kinds', 'rules'. Did you mean 'kinds'"),
        ("a.toml", "kinds = 3", r"'kinds' is not as \[kinds\]"),
        ("a.toml", "rules = ['a <= b']", "'rules' is not as"),
        ("a.json", "[1]", "it holds a list"),
    ],
)
def test_a_file_that_says_something_else_is_an_error_that_names_it(tmp_path, name, text, message):
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=message) as error:
        SchemaFile.read(path)
    assert f"schema file {str(path)!r}" in str(error.value)


def test_what_is_written_is_read_and_changes_nothing(real_table, tmp_path):
    path = tmp_path / "a.toml"
    schema, proposals = TableEncoder().fit(real_table).schema_, propose_rules(real_table)
    path.write_text(schema_text(schema, proposals, {}))
    said = SchemaFile.read(path).for_columns(real_table.columns)
    assert said.kinds == {column.name: column.kind for column in schema}
    assert [c.kind for c in infer_schema(real_table, said.kinds)] == [c.kind for c in schema]
    uncommented = "\n".join(
        line.removeprefix("# ") if line.startswith("# ") and ("=" in line or "[[" in line) else line
        for line in path.read_text().splitlines()[1:]
    )
    path.write_text("\n".join(line for line in uncommented.splitlines() if " rows; " not in line))
    rules = read_rules(SchemaFile.read(path).rules)
    assert list(map(str, rules)) == [str(proposal.rule) for proposal in proposals]


def test_any_name_can_be_written(tmp_path):
    names = ["", " a", 'q"uote', "back\\slash", "a\nb", "😀", "a.b", "#", 7]
    frame = pd.DataFrame({name: [1, 2] for name in names})
    (tmp_path / "a.toml").write_text(schema_text(infer_schema(frame), [], {}))
    assert list(SchemaFile.read(tmp_path / "a.toml").for_columns(names).kinds) == names


class TestKinds:
    frame = pd.DataFrame(
        {
            "zip": [8001, 3011, 1201] * 40,
            "notes": [f"this is note {i} of many" for i in range(120)],
            "size": [1.5, 2.5, None] * 40,
            7: ["a", "b", "b"] * 40,
        }
    )

    def test_free_text_is_refused_and_can_be_dropped_or_taken_as_levels(self):
        with pytest.raises(DataError, match=r"'notes' \((str|object): free text\)"):
            infer_schema(self.frame)
        assert infer_schema(self.frame, {"notes": "drop"}).names == ["zip", "size", 7]
        assert infer_schema(self.frame, {"notes": "categorical"})["notes"].kind == "categorical"

    def test_a_kind_that_is_asked_for_is_taken_and_dropped_columns_are_not_drawn(self, tmp_path):
        kinds = {"zip": "categorical", "notes": "drop", 7: "categorical"}
        gan = SynthGAN(kinds=kinds, epochs=1, random_state=0, verbose=0).fit(self.frame)
        assert gan.schema_["zip"].kind == "categorical"
        assert gan.schema_["zip"].reason == "asked for; 3 levels"
        gan.save(tmp_path / "model")
        stored = SynthGAN.load(tmp_path / "model")
        assert stored.kinds == kinds
        drawn = stored.sample(50, conditions={"zip": "8001"})
        assert list(drawn) == ["zip", "size", 7]
        assert drawn["zip"].dtype == "int64"
        assert (drawn["zip"] == 8001).all()

    @pytest.mark.parametrize(
        ("kinds", "error", "message"),
        [
            ({"zap": "key"}, DataError, "asked for column 'zap', .* Did you mean 'zip'"),
            ({"zip": "categorial"}, ParameterError, "'categorial'; kinds are .* Did you mean 'categorical'"),
            ({"zip": "datetime"}, DataError, r"'zip' cannot be of kind 'datetime': .* integer \(int64\)"),
            ({"size": "categorical"}, DataError, "'size' cannot be of kind 'categorical'"),
            (dict.fromkeys(("zip", "notes", "size", 7), "drop"), DataError, "No column is left"),
        ],
    )
    def test_kinds_that_cannot_be_are_refused(self, kinds, error, message):
        with pytest.raises(error, match=message):
            infer_schema(self.frame, kinds)

    def test_kinds_that_are_no_mapping_are_refused(self):
        with pytest.raises(ParameterError, match="kinds must be a mapping"):
            SynthGAN(kinds=["zip"]).fit(self.frame)


@pytest.mark.parametrize(
    ("text", "is_free"),
    [
        pytest.param([f"the quick fox number {i} jumps" for i in range(200)], True, id="sentences"),
        pytest.param([f"Ann{i} Smith" for i in range(200)], True, id="names"),
        pytest.param([f"Ann{i % 170} Smith" for i in range(200)], False, id="names that come twice"),
        pytest.param([f"it is said that {i % 120}" for i in range(200)], True, id="some sentences"),
        pytest.param([f"it is said that {i % 50}" for i in range(200)], False, id="few sentences"),
        pytest.param([f"the quick fox number {i} jumps" for i in range(99)], False, id="few rows"),
        pytest.param([f"{i}/12" for i in range(200)], False, id="codes"),
    ],
)
@pytest.mark.parametrize("dtype", ["str", "string", object])
def test_text_is_free_where_hardly_any_of_it_comes_twice(text, is_free, dtype):
    frame = pd.DataFrame({"x": pd.Series(text, dtype=dtype), "n": 1})
    if is_free:
        with pytest.raises(DataError, match="free text"):
            infer_schema(frame)
    else:
        assert infer_schema(frame)["x"].kind in ("categorical", "key")
