"""Long runs, from files into files: in bounded memory, by any number of processes, resumable.

Drawing: a `plan` says which rows are whose; a chunk is drawn by itself and is a function of the model, the
seed and its place alone. Each becomes a part in a folder, with a line in the folder's manifest (`parts`);
`workers` or a cluster's (`clusters`) draw them, and `drawing` joins it all; `augmenting` puts them after the
rows of a file. `learning` makes a model of a table's files.
"""

from synthgan.runs.augmenting import augment_to, counts_of
from synthgan.runs.drawing import ExpectedDraw, check_room, draw_to, expect_draw, is_file, seed_of
from synthgan.runs.learning import MAX_ROWS, Learned, Lesson, learn_to
from synthgan.runs.plan import CHUNK_ROWS, Chunk, Plan

__all__ = [
    "CHUNK_ROWS",
    "MAX_ROWS",
    "Chunk",
    "ExpectedDraw",
    "Learned",
    "Lesson",
    "Plan",
    "augment_to",
    "check_room",
    "counts_of",
    "draw_to",
    "expect_draw",
    "is_file",
    "learn_to",
    "seed_of",
]
