"""Long draws in chunks: any number of rows in bounded memory, by any number of workers, resumable.

A `plan` says which rows are whose: a chunk is drawn by itself and is a function of the model, the seed and
its place alone. Each becomes a part in a folder, with a line in the folder's manifest (`parts`); `workers`
draw them, and `drawing` joins it all.
"""

from synthgan.runs.drawing import draw_to, is_file, seed_of
from synthgan.runs.plan import CHUNK_ROWS, Chunk, Plan

__all__ = ["CHUNK_ROWS", "Chunk", "Plan", "draw_to", "is_file", "seed_of"]
