"""What Sphinx-Gallery asks of this site: the order of the tutorials, and the pictures that a block has made.

synthgan's plots are figures without pyplot, which the scraper of Sphinx-Gallery does not see.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakSet

from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst

#: Each builds on those before it.
ORDER = (
    "first_augmentation.py",
    "imbalanced_classes.py",
    "small_data.py",
    "does_it_help.py",
    "conditions_and_imputation.py",
    "larger_than_memory.py",
    "gaussian_gan.py",
    "textbook_gan.py",
    "how_it_works.py",
)

_shown: WeakSet[Figure] = WeakSet()


def place(name: str) -> int:
    """Return the place of a script among the tutorials."""
    return ORDER.index(Path(name).name)


def save_figures(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save the figures that the variables of a script hold since this block, and return their markup."""
    images = []
    for value in block_vars["example_globals"].values():
        if isinstance(value, Figure) and value not in _shown:
            _shown.add(value)
            path = Path(next(block_vars["image_path_iterator"]))
            value.savefig(path, dpi=110)
            images.append(str(path))
    return figure_rst(images, gallery_conf["src_dir"])


def _get_sg_image_scraper() -> Callable[..., str]:
    return save_figures
