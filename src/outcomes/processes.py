"""Work side by side, in processes of their own."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(
    work: Callable[[Item], Result], chains: Sequence[Sequence[Item]], processes: int, imported: Sequence[str]
) -> Iterator[tuple[Item, Result]]:
    """Do the items of each chain one after the other in one process, and several chains at once.

    Args:
        work: a function that a process can be handed, as its arguments and results can.
        chains: what is to be done, in which order.
        processes: how many to use at most.
        imported: modules to import once for all processes.

    Yields:
        Each item and what became of it, as it is done.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(imported))
    waiting = list(reversed(chains))

    def items_of_chains() -> Iterator[Item]:
        while waiting:
            yield from waiting.pop()

    with ExitStack() as stack:
        # A pool for each process, since all of a chain is to be done by the same.
        left = {
            stack.enter_context(ProcessPoolExecutor(1, context, _end_with_parent)): items_of_chains()
            for _ in range(min(processes, len(chains)))
        }
        running: dict[Future[Result], tuple[Item, ProcessPoolExecutor]] = {}

        def begin_next(pool: ProcessPoolExecutor) -> None:
            for item in left[pool]:
                running[pool.submit(work, item)] = (item, pool)
                return

        for pool in left:
            begin_next(pool)
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                item, pool = running.pop(future)
                yield item, future.result()
                begin_next(pool)


def may_have_children() -> bool:
    """Whether this process may begin others: one that ends with its parent may not."""
    return not multiprocessing.current_process().daemon


def _end_with_parent() -> None:
    """Let the process end with the one that began it, which may be killed: nobody would hand it work again."""
    parent = multiprocessing.parent_process()

    def end() -> None:
        if parent:
            parent.join()
        os._exit(1)

    threading.Thread(target=end, daemon=True).start()
