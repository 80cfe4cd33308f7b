import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from safetensors.numpy import load_file, save_file

from synthgan import SynthGAN
from synthgan.exceptions import ModelFileError, ResourceError
from synthgan.persistence import FORMAT_VERSION, MODEL, _digest, read_model, write_model

STATE = {"a": [1, {"b": np.arange(3.0)}], "c": None, "text": "naïve \ud800 \n"}

DTYPES = ["bool", "int8", "uint8", "int64", "uint64", "float16", "float32", "float64"]
SHAPES = arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
ARRAYS = st.sampled_from(DTYPES).flatmap(lambda dtype: arrays_of.arrays(dtype, SHAPES))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | st.integers() | FLOATS | st.text()
KEYS = st.text(max_size=3)
VALUES = st.recursive(
    SCALARS | ARRAYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
STATES = st.dictionaries(KEYS, VALUES, max_size=4)


@pytest.fixture
def path(tmp_path):
    write_model(tmp_path / "model", STATE)
    return tmp_path / "model"


def refusal(path):
    """Return the sentence with which a file is refused."""
    with pytest.raises(ModelFileError) as error:
        read_model(path)
    assert "\n" not in str(error.value)
    assert repr(str(path)) in str(error.value)
    return str(error.value)


def assert_same(left, right):
    """Compare nested values, arrays with their dtype and shape."""
    assert type(left) is type(right)
    if isinstance(left, dict):
        assert list(left) == list(right)
        left, right = list(left.values()), list(right.values())
    if isinstance(left, list):
        for a, b in zip(left, right, strict=True):
            assert_same(a, b)
    elif isinstance(left, np.ndarray):
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right, strict=True)
    else:
        assert left == right


@given(state=STATES)
def test_nested_values_and_arrays_come_back(state, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "model"
    write_model(path, state)
    assert_same(read_model(path), state)


def test_tuples_and_numpy_scalars_come_back_as_what_json_has(tmp_path):
    state = {"a": (1, np.float64(0.5)), "b": np.int64(2**60), "c": np.array([[1, 2], [3, 4]]).T}
    write_model(tmp_path / "m", state)
    assert_same(read_model(tmp_path / "m"), {"a": [1, 0.5], "b": 2**60, "c": np.array([[1, 3], [2, 4]])})


def test_keys_with_slashes_are_kept_apart(tmp_path):
    state = {"a/b": np.arange(2), "a": {"b": np.arange(3)}}
    write_model(tmp_path / "m", state)
    assert_same(read_model(tmp_path / "m"), state)


def test_an_absent_file_and_a_directory_are_no_models(tmp_path):
    for path in (tmp_path / "absent", tmp_path, tmp_path / "nul\0"):
        assert "There is no model file" in refusal(path)
    assert "File name too long" in refusal(tmp_path / ("x" * 300))


def test_files_of_other_kinds_are_no_models(tmp_path):
    path = tmp_path / "other"
    for content in (b"", b"hello\n", b"\0" * 100, b"\xff" * 100, pickle.dumps({"a": 1}), b"PAR1PAR1"):
        path.write_bytes(content)
        assert "is not a synthgan model" in refusal(path)


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_a_safetensors_file_of_somebody_else_is_no_model(tmp_path, metadata):
    save_file({"a": np.arange(3)}, tmp_path / "other", metadata=metadata)
    assert "is not a synthgan model; make one with" in refusal(tmp_path / "other")


@pytest.mark.parametrize(("other", "advice"), [(-1, "fit the model again"), (1, "install a newer synthgan")])
def test_another_version_is_refused_with_what_to_do(path, other, advice):
    whole = path.read_bytes()
    old, new = rf"\"version\":\"{FORMAT_VERSION}\"", rf"\"version\":\"{FORMAT_VERSION + other}\""
    assert whole.count(old.encode()) == 1
    changed = whole.replace(old.encode(), new.encode())
    n_bytes = int.from_bytes(whole[:8], "little") + len(new) - len(old)  # of the header, which comes first
    path.write_bytes(n_bytes.to_bytes(8, "little") + changed[8:])
    assert advice in refusal(path)


@pytest.mark.parametrize("flip", [0x01, 0x10, 0x80])
def test_a_flipped_bit_in_any_byte_is_refused(path, flip):
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :])
        refusal(path)


def test_a_file_cut_anywhere_is_refused(path):
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        refusal(path)


OURS = {"version": str(FORMAT_VERSION)}
NO_STATES = ["{", "1", "[" * 100_000, '{"a": {"$array": "absent"}}', '{"a": {"$array": []}}']


@pytest.mark.parametrize(
    "header",
    [
        OURS,
        {"version": "one", "state": "{}", "sha256": ""},
        {**OURS, "state": "{}", "sha256": ""},
        *({**OURS, "state": state} for state in NO_STATES),  # whatever their checksum
    ],
)
def test_a_header_that_says_it_is_ours_and_makes_no_sense_is_damaged(tmp_path, header):
    arrays = {"a": np.arange(3)}
    if "state" in header and "sha256" not in header:
        header = {**header, "sha256": _digest(header, arrays)}
    save_file(arrays, tmp_path / "m", metadata={MODEL: json.dumps(header)})
    assert "is damaged" in refusal(tmp_path / "m")


def test_nothing_but_tensors_and_text_is_in_the_file(path):
    assert [array.tolist() for array in load_file(path).values()] == [[0.0, 1.0, 2.0]]
    length = int.from_bytes(path.read_bytes()[:8], "little")
    header = json.loads(json.loads(path.read_bytes()[8 : 8 + length])["__metadata__"][MODEL])
    assert json.loads(header["state"])["text"] == STATE["text"]


def test_a_write_that_the_kernel_stops_leaves_the_old_model(path, file_size_limit):
    with file_size_limit(10_000), pytest.raises(ResourceError, match="could not be written whole"):
        write_model(path, {"a": np.zeros(10_000)})
    assert_same(read_model(path), STATE)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "change", [{"hidden_dims": [10**6] * 2}, {"tree_depth": 40}, {"n_classes": 10**8}, {"latent_dim": 10**9}]
)
def test_networks_larger_than_their_weights_take_no_memory(tmp_path, change, whole_model):
    whole_model.save(tmp_path / "model")
    state = read_model(tmp_path / "model")
    state["architecture"] |= change
    write_model(tmp_path / "model", state)
    with pytest.raises(ModelFileError, match="do not fit together"):
        SynthGAN.load(tmp_path / "model")
