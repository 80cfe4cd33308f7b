"""Tables that ship with synthgan."""

from importlib.resources import as_file, files

import pandas as pd


def load_penguins() -> pd.DataFrame:
    """Return the Palmer penguins: 344 rows, 7 columns, some cells missing.

    Three species with their island, bill, flippers, mass and sex. Collected by K. Gorman and the Palmer
    Station LTER [1]_; released under CC0.

    Returns
    -------
    DataFrame of shape (344, 7)

    References
    ----------
    .. [1] Gorman, Williams, Fraser (2014). Ecological sexual dimorphism and environmental variability within
       a community of Antarctic penguins. PLoS ONE 9(3).

    Examples
    --------
    >>> load_penguins()["species"].value_counts().to_dict()
    {'Adelie': 152, 'Gentoo': 124, 'Chinstrap': 68}
    """
    with as_file(files(__name__) / "penguins.parquet") as path:
        return pd.read_parquet(path)
