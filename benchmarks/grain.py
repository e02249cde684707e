"""What suppression hides at other grains of the protected measures, and what random noise in its place would cost.

One invented registry is protected as it is, with the lowest minimum cell count, with periods of two years, with strata
of two levels, with both, and with neither periods nor strata. Each sum is protected by itself, also against
contributors; the audits, which hide one to three cells in a hundred more, are left out. Noise is that of decision 20: a
count is changed by at most 5, with a deviation of 2, and zero stays zero, so that what is shown as 1 to 5 is surely 1
to 10.
Run with `python -m benchmarks.grain`.
"""

import argparse

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks._figures import Figure, Measured, say
from benchmarks._registries import measured_registry
from outcomes.arrays import Counts, Floats, Mask
from outcomes.disclosure.lattice import KEY
from outcomes.disclosure.measures import in_order, protected_measures
from outcomes.disclosure.protect import nesting
from outcomes.disclosure.suppression import is_small, rounded
from outcomes.settings import Settings
from outcomes.synthetic.profiles import site_profiles

_COUNTS = ("numerator", "patients", "excluded", "days")
_DEVIATION, _AT_MOST = 2, 5


def main() -> None:
    """Print the figures of one registry."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, default=6)
    parser.add_argument("--patients", type=int, default=5000)
    options = parser.parse_args()
    say(measure(options.sites, options.patients))


def measure(sites: int, patients: int) -> Measured:
    """Of each grain the cells and how many are hidden; of noise and of rounding how far off shares are.

    Args:
        sites: of the registry.
        patients: over all sites.
    """
    usual, lowest = Settings().minimum_cell_count, 5
    with measured_registry(seed=1, profiles=site_profiles(sites), patients=patients) as con:
        counts = con.sql("from measure_counts where resolution <> 'month'").to_arrow_table()
    settings: dict[str, tuple[pa.Table, int]] = {
        "as it is": (counts, usual),
        f"minimum cell count {lowest}": (counts, lowest),
        "two years": (by_two_years(counts), usual),
        "strata of two levels": (by_two_levels(counts), usual),
        "two years, strata of two levels": (by_two_levels(by_two_years(counts)), usual),
        "neither years nor strata": (of_everybody(counts), usual),
    }
    figures: list[Figure] = []
    noise: list[Figure] = []
    for name, (unordered, least) in settings.items():
        cells = in_order(unordered)
        hidden = pc.equal(protected_measures(cells, least, nesting())["state"], "suppressed").to_numpy()
        noise = noise or _of_noise(cells, hidden, least)
        of_sites = pc.is_valid(cells["site_id"]).to_numpy()
        figures += [
            Figure(f"{name}: cells", len(hidden), ""),
            Figure(f"{name}: hold a small count", 100 * _has_small(cells, least).mean(), "%"),
            Figure(f"{name}: hidden", 100 * hidden.mean(), "%"),
            Figure(f"{name}: hidden, of single sites", 100 * hidden[of_sites].mean(), "%"),
            Figure(f"{name}: hidden, of all sites", 100 * hidden[~of_sites].mean(), "%"),
        ]
    return Measured([*figures, *noise])


def by_two_years(counts: pa.Table) -> pa.Table:
    """The counts with each even year and the next one as one period, named after the first."""
    years = [None if year is None else str(int(year) // 2 * 2) for year in counts["index_period"].to_pylist()]
    return _added_up(_with(counts, "index_period", years))


def by_two_levels(counts: pa.Table) -> pa.Table:
    """The counts with the level of each kind of stratum that has most patients, and all others as one."""
    of_all = counts.filter(pc.and_(pc.is_null(counts["site_id"]), pc.is_valid(counts["stratum"])))
    patients = pc.add(of_all["patients"], of_all["excluded"])
    sizes = of_all.append_column("size", patients).group_by(["stratum_kind", "stratum"]).aggregate([("size", "max")])
    largest: dict[str, tuple[int, str]] = {}
    for row in sizes.to_pylist():
        of_kind = largest.get(row["stratum_kind"], (-1, ""))
        largest[row["stratum_kind"]] = max(of_kind, (row["size_max"], row["stratum"]))
    kinds, levels = (counts[name].to_pylist() for name in ("stratum_kind", "stratum"))
    merged = [
        level if level is None or largest[kind][1] == level else "others"
        for kind, level in zip(kinds, levels, strict=True)
    ]
    return _added_up(_with(counts, "stratum", merged))


def of_everybody(counts: pa.Table) -> pa.Table:
    """The counts of all patients of a site, or of all sites."""
    is_all = pc.and_(pc.equal(counts["resolution"], "all"), pc.equal(counts["stratum_kind"], "all"))
    return counts.filter(is_all)


def _with(counts: pa.Table, name: str, values: list[str | None]) -> pa.Table:
    return counts.set_column(counts.schema.get_field_index(name), name, pa.array(values, pa.string()))


def _added_up(counts: pa.Table) -> pa.Table:
    names = ["measure", "site_id", *KEY]
    sums = counts.group_by(names).aggregate([(name, "sum") for name in _COUNTS])
    return sums.rename_columns([*names, *_COUNTS])


def _has_small(counts: pa.Table, minimum_cell_count: int) -> Mask:
    yes, patients, excluded = (counts[name].to_numpy() for name in _COUNTS[:3])
    of_cell = np.stack([yes, patients - yes, excluded, patients], axis=-1)
    return np.asarray(is_small(of_cell, minimum_cell_count).any(axis=-1))


def _of_noise(counts: pa.Table, hidden: Mask, minimum_cell_count: int) -> list[Figure]:
    """How far off shares are by noise and by rounding, and the counts that noise leaves surely small."""
    yes, patients, excluded = (counts[name].to_numpy() for name in _COUNTS[:3])
    exact = np.stack([yes, patients - yes], axis=-1)
    random = np.random.default_rng(0)
    noisy = _with_noise(random, exact)
    shown = np.concatenate([noisy, _with_noise(random, excluded[:, np.newaxis])], axis=-1)
    by_noise = _off(noisy, exact)
    by_rounding = _off(rounded(exact, minimum_cell_count), exact)
    has_any = (patients > 0) & (noisy.sum(axis=-1) > 0)
    return [
        Figure("share off by rounding, mean of shown cells", by_rounding[has_any & ~hidden].mean(), "points"),
        Figure("share off by noise, mean of the same cells", by_noise[has_any & ~hidden].mean(), "points"),
        Figure("share off by noise, mean of hidden cells", by_noise[has_any & hidden].mean(), "points"),
        Figure("counts that noise leaves surely 1 to 10", int(((shown > 0) & (shown <= _AT_MOST)).sum()), ""),
        Figure("of counts from 1 to 10", int(is_small(np.stack([*exact.T, excluded]), minimum_cell_count).sum()), ""),
    ]


def _with_noise(random: np.random.Generator, counts: Counts) -> Counts:
    noise = np.clip(np.rint(random.normal(0, _DEVIATION, counts.shape)), -_AT_MOST, _AT_MOST).astype(np.int64)
    return np.where(counts > 0, np.maximum(counts + noise, 0), 0)


def _off(shown: Counts, exact: Counts) -> Floats:
    """By how many points the share of yes is off; not a number without patients."""
    with np.errstate(invalid="ignore"):
        shares = [each[:, 0] / each.sum(axis=-1) for each in (shown, exact)]
    return np.asarray(100 * np.abs(shares[0] - shares[1]))


if __name__ == "__main__":
    main()
