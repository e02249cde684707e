"""Linear programs over counts: between which bounds can a hidden count lie?

A system holds counts between bounds and the sums that hold between them. Linear programs (HiGHS) find the least and the
greatest value that a hidden count can have in it. With m, the minimum cell count, a count is **disclosed** when that
interval is narrower than m and reaches into 1 … m - 1. To ask only that the interval reaches beyond the small counts
would not do: who finds [8, 12] where the rule hides knows nearly all there is to know. [0, m - 1] is disclosed too, by
one: that is what being hidden tells by itself, and the sums shall tell no more. An interval that begins above the small
counts tells of none, and [0, 0] tells a zero, which may be shown. The programs allow fractions; that makes an interval
wider by less than one patient at each end.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from outcomes.arrays import Floats, Ids, Mask

if TYPE_CHECKING:
    from highspy._core import _Highs

Ends = tuple[float, float]

PLENTY = 1e7
"""Patients where nothing bounds them."""
_LARGE = 20_000
"""Counts of a program that is solved sooner from within (interior point) than along its edges (simplex)."""
_PRIMAL = 4
"""The solver's number for the primal simplex algorithm, which goes on from a solution when only the costs change."""
NEARLY = 1e-6
"""Tolerance of the programs for each count, in patients."""
CLOSE = 1e-3
"""By how much an end may be off, in patients, where tolerances add up along the sums; more than they can, so that a
finding never hangs on which of the solutions that are as good comes first."""


class System:
    """Counts between bounds, some of them unknown, and sums that hold between them."""

    def __init__(self) -> None:
        self._low: list[Floats] = []
        self._high: list[Floats] = []
        self._unknown: list[Mask] = []
        self._true: list[Floats] = []
        self._is_news: list[Mask] = []
        self._sums: list[tuple[Ids, Floats]] = []
        self._size = 0

    def counts(self, low: Floats, high: Floats, unknown: Mask, true: Floats | None = None) -> Ids:
        """Add counts; what is not unknown enters every sum as an interval. Returns their ids, in the same shape.

        Whoever knows the true counts gives them: where they agree with all sums, what is not small needs no program to
        show that it may be so.
        """
        ids = np.arange(self._size, self._size + low.size).reshape(low.shape)
        high = np.minimum(high, PLENTY)
        self._low.append(low.ravel())
        self._high.append(high.ravel())
        self._unknown.append((unknown & (low < high)).ravel())
        self._true.append(np.full(low.size, np.nan) if true is None else true.ravel().astype(float))
        self._is_news.append(np.zeros(low.size, dtype=bool))
        self._size += low.size
        return ids

    def is_news(self, ids: Ids) -> None:
        """Say that these counts, or their bounds, are what the system has more than one that is known to be safe."""
        is_news = np.concatenate(self._is_news)
        is_news[ids] = True
        self._is_news = [is_news]

    def adds_up(self, total: Ids, parts: Ids) -> None:
        """Each total is the sum of its parts, (…) and (…, parts)."""
        ids = np.concatenate([total[..., np.newaxis], parts], axis=-1).reshape(-1, parts.shape[-1] + 1)
        self._sums.append((ids, np.r_[1.0, np.full(parts.shape[-1], -1.0)]))

    def disclosed(
        self, targets: Ids, minimum_cell_count: int, surely: bool = False, only_news: bool = False
    ) -> tuple[dict[int, Ends], Ids]:
        """The bounds of each target that is disclosed, and the targets whose sums contradict each other.

        Args:
            targets: the counts that are asked for.
            minimum_cell_count: a greater count may be known.
            surely: whether only those are disclosed that are small wherever they lie between their bounds.
            only_news: leave out what is tied to no news.
        """
        low, high = np.concatenate(self._low), np.concatenate(self._high)
        unknown = np.concatenate(self._unknown)
        sums, least, greatest = self._sums_of_unknown(low, high, unknown)
        is_target = np.zeros(self._size, dtype=bool)
        is_target[targets[unknown[targets]]] = True
        low, high = _tighten(sums, least, greatest, low, high)
        is_open = is_target & (low < minimum_cell_count - CLOSE) & (high >= 1 - CLOSE)
        is_crossed = low > high + 2 * NEARLY
        if not (is_open | is_crossed).any():
            return {}, np.array([], dtype=np.intp)
        of_sum, of_count = _components(sums)
        if only_news:
            is_open &= np.isin(of_count, self._components_with_news(unknown, of_count))
        true = self._true_of(of_count)
        if surely:
            is_open &= np.isnan(true) | _is_small(true, true, minimum_cell_count)

        def disclosed_in(components: Ids) -> dict[int, Ends]:
            rows, ids = (np.flatnonzero(np.isin(each, components)) for each in (of_sum, of_count))
            program = _Program(sums[rows][:, ids], least[rows], greatest[rows], low[ids], high[ids])
            found = program.disclosed(np.flatnonzero(is_open[ids]), minimum_cell_count, surely)
            return {int(ids[at]): ends for at, ends in found.items()}

        contradicted = [*np.unique(of_count[is_crossed])]
        some = np.setdiff1d(of_count[is_open], contradicted)
        found: dict[int, Ends] = {}
        # One program for all components costs little more than one for each, unless some contradict themselves.
        try:
            found = disclosed_in(some) if len(some) else {}
        except _ContradictionError:
            for each in some:
                try:
                    found |= disclosed_in(each)
                except _ContradictionError:
                    contradicted.append(each)
        return found, np.flatnonzero(is_target & np.isin(of_count, contradicted))

    def _components_with_news(self, unknown: Mask, component: Ids) -> Ids:
        """The components that have news, or a sum with news."""
        is_news = np.concatenate(self._is_news)
        found = [component[is_news]]
        for members, _ in self._sums:
            of_news = members[is_news[members].any(axis=1)]
            found.append(component[of_news[unknown[of_news]]])
        return np.unique(np.concatenate(found))

    def _true_of(self, component: Ids) -> Floats:
        """The true counts where they agree with all sums and bounds of their component; elsewhere not a number."""
        low, high, true = (np.concatenate(each) for each in (self._low, self._high, self._true))
        is_beyond = ~((low <= true) & (true <= high))
        is_wrong = is_beyond.copy()
        for members, sign in self._sums:
            is_wrong[members[is_beyond[members].any(axis=1) | (true[members] @ sign != 0)]] = True
        return np.where(np.isin(component, component[is_wrong]), np.nan, true)

    def _sums_of_unknown(self, low: Floats, high: Floats, unknown: Mask) -> tuple[Any, Floats, Floats]:
        """The sums as a sparse matrix (sums, counts), and between which ends the unknown of each sum must add up."""
        from scipy import sparse  # noqa: PLC0415 - slow to import, needed only here

        rows, columns, signs, ends = [], [], [], []
        size = 0
        for members, sign in self._sums:
            ids = members[unknown[members].any(axis=1)]
            is_unknown = unknown[ids]
            row, column = np.nonzero(is_unknown)
            rows.append(size + row)
            columns.append(ids[row, column])
            signs.append(sign[column])
            known = np.sort(np.where(is_unknown, 0, sign * np.stack([low[ids], high[ids]])), axis=0).sum(axis=2)
            ends.append(-known[::-1])
            size += len(ids)
        places = (np.concatenate(rows), np.concatenate(columns))
        sums = sparse.csr_array((np.concatenate(signs), places), shape=(size, self._size))
        return sums, *np.concatenate(ends, axis=1)


def _components(sums: Any) -> tuple[Ids, Ids]:
    """The number of the connected part in which each sum, and each count, stands."""
    from scipy import sparse  # noqa: PLC0415 - slow to import, needed only here
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    size = sum(sums.shape)
    row, column = sums.tocoo().coords
    edges = sparse.csr_array((np.ones(len(row)), (row, sums.shape[0] + column)), shape=(size, size))
    _, component = connected_components(edges, directed=False)
    of_sum, of_count = np.split(component, [sums.shape[0]])
    return of_sum, of_count


class _ContradictionError(Exception):
    """No counts agree with all sums."""


class _Program:
    """A part of a system: least <= sums @ counts <= greatest, low <= counts <= high.

    Every solution is a witness for all targets at once: two solutions that lie so far apart in a count, or one in which
    it is not small, show that it is not disclosed.
    """

    def __init__(self, sums: Any, least: Floats, greatest: Floats, low: Floats, high: Floats) -> None:
        self._low, self._high = low, high
        self._least_seen, self._greatest_seen = np.full(len(low), np.inf), np.full(len(low), -np.inf)
        self._sums, self._ends = sums, (least, greatest)

    def disclosed(self, targets: Ids, minimum_cell_count: int, surely: bool) -> dict[int, Ends]:
        """The bounds of each target that is disclosed."""
        if not len(targets):
            return {}
        solver = _solver(self._sums, *self._ends)
        targets = self._not_settled(solver, targets, minimum_cell_count, surely)
        if not len(targets):
            return {}
        # With everything as far as it may go again, and a cost that changes only, the last solution stays feasible.
        solver.setOptionValue("solver", "simplex")
        solver.setOptionValue("simplex_strategy", _PRIMAL)
        self._solve(solver, targets, np.zeros(len(targets)))
        disclosed = {}
        while len(targets):
            ends = self._close_ends(solver, int(targets[0]), minimum_cell_count, surely)
            if ends:
                disclosed[int(targets[0])] = ends
            targets = self._still_open(targets[1:], minimum_cell_count, surely)
        return disclosed

    def _not_settled(self, solver: "_Highs", targets: Ids, minimum_cell_count: int, surely: bool) -> Ids:
        """The targets that may still be disclosed after some programs for all of them.

        Goals that push each open target just so far, down or up, settle most of them. From nothing each of these
        programs is solved several times as fast as from the solution of the last, which lies far from the next.
        """
        solver.setOptionValue("solver", "ipx" if len(self._low) > _LARGE else "simplex")
        random = np.random.default_rng(0)
        self._solve(solver, targets, random.uniform(-1, 1, len(targets)))
        settled = True
        while settled and len(targets):
            goal = random.uniform(0.5, 1, len(targets)) * self._directions(targets, minimum_cell_count, random)
            solver.clearSolver()
            self._solve(solver, targets, goal, push=minimum_cell_count)
            still_open = self._still_open(targets, minimum_cell_count, surely)
            settled, targets = len(still_open) < len(targets), still_open
        return targets

    def _directions(self, targets: Ids, minimum_cell_count: int, random: np.random.Generator) -> Floats:
        """Down or up for each target, at random unless only one of them has room enough to settle it."""
        down = self._greatest_seen[targets] - self._low[targets] >= minimum_cell_count - CLOSE
        up = self._high[targets] - self._least_seen[targets] >= minimum_cell_count - CLOSE
        return np.where(down == up, random.choice([-1, 1], len(targets)), np.where(up, 1, -1))

    def _close_ends(self, solver: "_Highs", at: int, minimum_cell_count: int, surely: bool) -> Ends | None:
        """The ends of a count if they disclose it; the greater is not looked for where the lesser settles it."""
        low = self._end(solver, at, 1)
        if low >= minimum_cell_count - CLOSE or not len(self._still_open(np.array([at]), minimum_cell_count, surely)):
            return None
        high = self._end(solver, at, -1)
        is_disclosed = (
            _is_small(low, high, minimum_cell_count)
            if surely
            else high >= 1 - CLOSE and high - low < minimum_cell_count - CLOSE
        )
        return (low, high) if is_disclosed else None

    def _still_open(self, targets: Ids, minimum_cell_count: int, surely: bool) -> Ids:
        low, high = self._least_seen[targets], self._greatest_seen[targets]
        is_open = _is_small(low, high, minimum_cell_count) if surely else high - low < minimum_cell_count - CLOSE
        return np.compress(is_open, targets)

    def _solve(self, solver: "_Highs", at: Ids, goal: Floats, push: float = np.inf) -> None:
        """Find what is greatest in the goal, pushing no count further than `push` from where it was seen."""
        low, high, costs = self._low - NEARLY, self._high + NEARLY, np.zeros(len(self._low))
        costs[at] = -goal
        push += 10 * NEARLY
        low[at] = np.where(goal < 0, np.maximum(low[at], self._greatest_seen[at] - push), low[at])
        high[at] = np.where(goal > 0, np.minimum(high[at], self._least_seen[at] + push), high[at])
        every = np.arange(len(costs), dtype=np.int32)
        solver.changeColsBounds(len(every), every, low, high)
        solver.changeColsCost(len(every), every, costs)
        self._run(solver)

    def _end(self, solver: "_Highs", at: int, cost: float) -> float:
        """Where one count ends that alone has a cost."""
        solver.changeColCost(at, cost)
        end = float(self._run(solver)[at])
        solver.changeColCost(at, 0)
        return end

    def _run(self, solver: "_Highs") -> Floats:
        from highspy import HighsModelStatus  # noqa: PLC0415 - needed only here

        solver.run()
        if solver.getModelStatus() != HighsModelStatus.kOptimal:
            # From another solution, or from within, it may end a tolerance off: only from nothing it is known.
            solver.clearSolver()
            solver.setOptionValue("solver", "simplex")
            solver.run()
            if solver.getModelStatus() != HighsModelStatus.kOptimal:
                raise _ContradictionError
        solution = np.array(solver.getSolution().col_value)
        np.minimum(self._least_seen, solution, out=self._least_seen)
        np.maximum(self._greatest_seen, solution, out=self._greatest_seen)
        return solution


def _is_small(low: Floats | float, high: Floats | float, minimum_cell_count: int) -> Mask:
    """Whether counts between these ends are surely small."""
    return np.asarray((low >= 1 - CLOSE) & (high <= minimum_cell_count - 1 + CLOSE))


def _solver(sums: Any, least: Floats, greatest: Floats) -> "_Highs":
    """A solver of linear programs that knows the sums, and of the counts only how many they are.

    Its public class prints a banner, this one doesn't.
    """
    from highspy import HighsLp, MatrixFormat  # noqa: PLC0415 - needed only here
    from highspy._core import _Highs  # noqa: PLC0415

    program = HighsLp()
    program.num_row_, program.num_col_ = sums.shape
    program.col_cost_ = program.col_lower_ = program.col_upper_ = np.zeros(program.num_col_)
    program.row_lower_, program.row_upper_ = least, greatest
    program.a_matrix_.format_ = MatrixFormat.kRowwise
    program.a_matrix_.start_, program.a_matrix_.index_, program.a_matrix_.value_ = sums.indptr, sums.indices, sums.data
    solver = _Highs()
    # What is found from within is as good a witness as a corner.
    for option, value in (("output_flag", False), ("threads", 1), ("random_seed", 0), ("run_crossover", "off")):
        solver.setOptionValue(option, value)
    solver.passModel(program)
    return solver


def _tighten(sums: Any, least: Floats, greatest: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Narrow the bounds of each count by what the bounds of the others in a sum leave it, a few times over.

    Cheaper than programs for the many counts that are plainly zero or plainly not small.
    """
    entries = sums.tocoo()
    (row, column), sign = entries.coords, entries.data
    for _ in range(5):
        ends = np.sort(np.stack([sign * low[column], sign * high[column]]), axis=0)
        sum_low, sum_high = (np.bincount(row, weights=end, minlength=len(least)) for end in ends)
        alone = np.sort(
            sign * np.stack([least[row] - (sum_high[row] - ends[1]), greatest[row] - (sum_low[row] - ends[0])]), axis=0
        )
        low, high = low.copy(), high.copy()
        np.maximum.at(low, column, alone[0])
        np.minimum.at(high, column, alone[1])
    return low, high
