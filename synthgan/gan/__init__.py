"""Encoded rows to encoded rows: networks, losses, training and drawing (torch; no pandas).

Rows as tensors: `rows` has cells and vectors, `partial_rows` those in the making. The model:
`networks`, `latent_classes` and all that is learned beside them in `model`. Learning: `fitting` joins
`budget`, `training` or `games` (with `losses`), on the `loop` that both share, in a `team` or alone, with a
`checkpoint`; `copying` watches; `expectation` says what it would take. Learned without a network:
`exclusions`, what columns say of each other (`grouping`), which of them name `groups` together, where rows
lie (`balancing`), and `trees` for each cell (`redrawing`). Drawing: `drawing` joins `ordering` and `filling`.
Completing rows with gaps: `learning_gaps` learns what `completing` and `expecting` use. `scoring` says how
likely rows are, `computing` how torch computes here.
"""
