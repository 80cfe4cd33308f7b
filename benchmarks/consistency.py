"""Do drawn rows keep what holds in every real row? The share that breaks each known tie, by table.

A tie is a fact of the table that no row of it breaks: a code and its name, a date and its year, which cells
are empty together. Each table is learned with no argument.

    python benchmarks/consistency.py --data path/to/tables --seeds 0 1 2
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from synthgan import SynthGAN


def same_pairs(*columns: str) -> Callable[[pd.DataFrame, pd.DataFrame], Any]:
    """Return a tie that rows keep whose cells in some columns stand together in a real row."""

    def breaks(real: pd.DataFrame, drawn: pd.DataFrame) -> Any:
        seen = set(real[list(columns)].astype(object).itertuples(index=False, name=None))
        return [
            row not in seen for row in drawn[list(columns)].astype(object).itertuples(index=False, name=None)
        ]

    return breaks


def same_gaps(*columns: str) -> Callable[[pd.DataFrame, pd.DataFrame], Any]:
    """Return a tie that rows keep whose empty cells among some columns are those of a real row."""

    def breaks(real: pd.DataFrame, drawn: pd.DataFrame) -> Any:
        pairs = same_pairs(*columns)
        return pairs(real[list(columns)].isna(), drawn[list(columns)].isna())

    return breaks


def joint_gaps(real: pd.DataFrame, drawn: pd.DataFrame) -> Any:
    """Return which loans have a joint income or ratio without being joint, or lack one though they are."""
    is_joint = drawn["application_type"] == "joint"
    gaps = drawn[["annual_income_joint", "debt_to_income_joint"]].isna()
    return gaps.eq(is_joint, axis=0).any(axis=1) | (drawn["verification_income_joint"].notna() & ~is_joint)


def clock(real: pd.DataFrame, drawn: pd.DataFrame) -> Any:
    """Return which flights have an hour and a minute that are not those of the scheduled departure."""
    return drawn["sched_dep_time"] != 100 * drawn["hour"] + drawn["minute"]


def calendar(real: pd.DataFrame, drawn: pd.DataFrame) -> Any:
    """Return which hours have a year, month, day or hour that are not those of the time stamp."""
    parts = pd.DataFrame(
        {part: getattr(drawn["timestamp"].dt, part) for part in ("year", "month", "day", "hour")}
    )
    return (parts != drawn[list(parts)]).any(axis=1)


def year(real: pd.DataFrame, drawn: pd.DataFrame) -> Any:
    """Return which employees were first hired in another year than that of the date."""
    return drawn["date_first_hired"].dt.year != drawn["year_first_hired"]


def total(real: pd.DataFrame, drawn: pd.DataFrame) -> Any:
    """Return which loans have parts of what was paid that do not add up to the total, to two cents."""
    parts = drawn[["paid_principal", "paid_interest", "paid_late_fees"]].sum(axis=1)
    return (parts - drawn["paid_total"]).abs() > 0.02


TIES = {
    "adult-train": {"education and its number": same_pairs("education", "education-num")},
    "employee-salaries": {
        "department and its name": same_pairs("department", "department_name"),
        "date and its year": year,
    },
    "beijing-pm25": {"timestamp and its parts": calendar},
    "lending-club-loans": {
        "grade and its subgrade": same_pairs("grade", "sub_grade"),
        "what is empty unless joint": joint_gaps,
        "what was paid and its parts": total,
    },
    "flights": {
        "what is empty of cancelled flights": same_gaps(
            "dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "tailnum"
        ),
        "hour, minute and clock": clock,
        "origin, destination and distance": same_pairs("origin", "dest", "distance"),
    },
}


def main() -> None:
    arguments = _arguments()
    print("| table | tie | real rows that break it | drawn rows that break it |\n|---|---|---|---|")
    for table in arguments.tables:
        real = pd.read_parquet(arguments.data / f"{table}.parquet")
        shares: dict[str, list[float]] = {tie: [] for tie in TIES[table]}
        seconds = []
        for seed in arguments.seeds:
            started = time.perf_counter()
            gan = SynthGAN(random_state=seed, verbose=0).fit(real)
            seconds.append(time.perf_counter() - started)
            drawn = gan.sample(arguments.rows)
            for tie, breaks in TIES[table].items():
                shares[tie].append(float(pd.Series(breaks(real, drawn)).mean()))
        for tie, breaks in TIES[table].items():
            own = float(pd.Series(breaks(real, real)).mean())
            drawn_shares = ", ".join(f"{share:.3%}" for share in shares[tie])
            print(f"| {table} | {tie} | {own:.3%} | {drawn_shares} |", flush=True)
        print(f"| {table} | (fit: {', '.join(f'{s:.0f}' for s in seconds)} s) | | |", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="*", default=list(TIES), metavar="table", help=", ".join(TIES))
    parser.add_argument("--data", type=Path, required=True, help="folder of parquet files")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rows", type=int, default=10_000, help="rows to draw")
    return parser.parse_args()


if __name__ == "__main__":
    main()
