"""The house rules, held by reading the tree: who imports whom, how large things are, what nobody does."""

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "synthgan"
MODULES = sorted(PACKAGE.rglob("*.py"))
TREES = {module: ast.parse(module.read_text(encoding="utf-8")) for module in MODULES}

#: The rooms of the package, and below each the ones it may import: nothing runs back up the stairs.
GROUND = {"exceptions"}
FIRST_FLOOR = GROUND | {"schema", "layout", "io", "forms", "progress", "signals"}
SECOND_FLOOR = FIRST_FLOOR | {"preprocessing", "gan", "parameters", "persistence"}
MAY_IMPORT = {
    "exceptions": set(),
    "layout": GROUND,
    "schema": GROUND,
    "forms": GROUND,
    "progress": set(),
    "signals": set(),
    "io": GROUND,
    "source": GROUND | {"io"},
    "sketch": {"layout"},
    "parquet": GROUND | {"io", "source", "sketch"},
    "schema_file": GROUND | {"schema"},
    "persistence": GROUND | {"io"},
    "datasets": GROUND | {"io"},
    "plotting": GROUND,
    "evaluation": (FIRST_FLOOR - {"layout"}) | {"plotting"},
    "preprocessing": FIRST_FLOOR,
    "gan": FIRST_FLOOR,
    "parameters": GROUND | {"gan"},
    "sampling": SECOND_FLOOR,
    "imputation": SECOND_FLOOR | {"sampling"},
    "drawing": SECOND_FLOOR | {"sampling", "imputation"},
    "scoring": SECOND_FLOOR,
    "training_file": SECOND_FLOOR,
    "saving": SECOND_FLOOR,
    "synthesizer": SECOND_FLOOR | {"drawing", "saving", "scoring", "training_file"},
    "imputer": SECOND_FLOOR | {"drawing", "synthesizer"},
    "augmentation": SECOND_FLOOR | {"evaluation", "synthesizer"},
    "learnable": FIRST_FLOOR | {"parquet", "preprocessing", "schema_file"},
    "runs": SECOND_FLOOR | {"source", "parquet", "learnable", "synthesizer", "training_file"},
}
#: The roof: the command line and the package's own face see every room.
ROOF = {"cli", "__init__", "__main__"}
#: Rooms that work without torch, and what is loaded with them.
WITHOUT_TORCH = FIRST_FLOOR | {"schema_file", "parquet", "source", "sketch", "persistence", "datasets"}
WITHOUT_TORCH |= {"plotting", "evaluation", "preprocessing"}
WITHOUT_PANDAS = {"exceptions", "layout", "persistence", "gan"}
RIVALS = {"sdv", "ctgan", "rdt", "copulas", "sdmetrics"}
GLOBAL_SEEDS = {
    "numpy.random.seed",
    "np.random.seed",
    "random.seed",
    "torch.manual_seed",
    "torch.seed",
    "torch.random.manual_seed",
    "torch.cuda.manual_seed",
    "torch.cuda.manual_seed_all",
    "torch.default_generator.manual_seed",
}


def broken(rule):
    """Return the findings of a rule by module, without the modules that keep it."""
    return {str(module.relative_to(PACKAGE)): found for module in MODULES if (found := rule(module))}


def room_of(module):
    """Return the part of the package that a module belongs to: a folder, or the module itself."""
    return module.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_by(module):
    """Full dotted names of all that a module imports, wherever in it: `from a import b` is a.b."""
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def distributions_of(module):
    return {name.split(".")[0] for name in imported_by(module)}


def rooms_imported_by(module):
    """Rooms that a module imports from; a public name such as synthgan.SynthGAN comes from the roof."""
    rooms = {name.split(".")[1] for name in imported_by(module) if name.startswith("synthgan.")}
    return {room if room in ROOMS else "__init__" for room in rooms} - {room_of(module)}


ROOMS = set(map(room_of, MODULES))


def functions_of(module):
    return [n for n in ast.walk(TREES[module]) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def n_lines_of_code(function):
    """Return the lines of a function without its docstring, which is read on a page of its own."""
    first = function.body[0]
    n_told = first.end_lineno - first.lineno + 1 if ast.get_docstring(function) else 0
    return function.end_lineno - function.lineno + 1 - n_told


def calls_of(module):
    """Return what a module calls, but for the function that sets the global stream and restores it."""
    calls = [node for node in ast.walk(TREES[module]) if isinstance(node, ast.Call)]
    for function in functions_of(module):
        if (room_of(module), function.name) == ("gan", "own_global_stream"):
            calls = [call for call in calls if call not in ast.walk(function)]
    return {ast.unparse(call.func) for call in calls}


def test_there_is_a_tree_to_read():
    assert {"exceptions", "layout", "schema", "io", "preprocessing", "gan", "synthesizer"} <= ROOMS


def test_a_module_imports_only_from_lower_rooms():
    assert not ROOMS - ROOF - set(MAY_IMPORT), "these have no floor: MAY_IMPORT says what they may import"
    assert not broken(lambda m: room_of(m) not in ROOF and rooms_imported_by(m) - MAY_IMPORT[room_of(m)])


def test_the_stairs_only_go_down():
    # The plan itself has no way round, or no order could be prepared: no room stands on itself.
    assert set(TopologicalSorter(MAY_IMPORT).static_order()) == set(MAY_IMPORT)


def test_preprocessing_and_gan_meet_in_layout_alone():
    imported = {
        room: set().union(*(rooms_imported_by(m) for m in MODULES if room_of(m) == room))
        for room in ("preprocessing", "gan")
    }
    assert "layout" in imported["preprocessing"] & imported["gan"]
    assert "gan" not in imported["preprocessing"]
    assert "preprocessing" not in imported["gan"]


def test_torch_and_pandas_stay_in_their_rooms():
    assert not broken(lambda m: room_of(m) in WITHOUT_TORCH and distributions_of(m) & {"torch"})
    assert not broken(lambda m: room_of(m) in WITHOUT_PANDAS and distributions_of(m) & {"pandas"})


def test_no_module_leans_on_another_synthesizer():
    assert not broken(lambda m: distributions_of(m) & RIVALS)


#: Imports one after another in one process: it ends with the first that loads a heavy package.
IMPORTS = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
    if heavy := {"torch", "matplotlib.pyplot"} & set(sys.modules):
        sys.exit(f"{name} loads {heavy}")
"""


def test_what_works_without_torch_leaves_it_unloaded():
    light = ["synthgan", *(f"synthgan.{room}" for room in sorted(ROOMS & {*WITHOUT_TORCH, "cli"}))]
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, *light], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_a_module_opens_with_a_docstring():
    assert not broken(lambda m: not ast.get_docstring(TREES[m]))


def test_a_module_is_read_in_one_sitting():
    assert not broken(lambda m: len(m.read_text(encoding="utf-8").splitlines()) > 400)


def test_a_function_fits_on_a_screen():
    assert not broken(lambda m: {f.name: n for f in functions_of(m) if (n := n_lines_of_code(f)) > 60})


def test_nobody_seeds_a_global_generator_or_imports_a_seed_by_name():
    assert not broken(lambda m: {*calls_of(m), *imported_by(m)} & GLOBAL_SEEDS)


def test_the_map_of_the_house_has_every_room():
    picture = (PACKAGE.parent / "docs" / "images" / "house.svg").read_text()
    assert set(re.findall(r"\w+", picture)) >= ROOMS


def test_a_folder_says_which_module_does_what():
    for folder in ("gan", "preprocessing", "evaluation", "runs", "cli"):
        told = ast.get_docstring(TREES[PACKAGE / folder / "__init__.py"])
        modules = {path.stem for path in (PACKAGE / folder).glob("*.py")} - {"__init__"}
        assert not modules - set(re.findall(r"`(\w+)`", told)), folder
