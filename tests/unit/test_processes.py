import os
import pickle
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest

from outcomes.errors import OutcomesError, SubmissionRefused
from outcomes.processes import side_by_side

CHAINS = [[("a", number) for number in range(3)], [("b", number) for number in range(5)], []]


def _doubled(item: tuple[str, int]) -> tuple[int, int]:
    return 2 * item[1], os.getpid()


def test_every_item_is_done_once_each_chain_in_order_and_not_here() -> None:
    done = defaultdict(list)
    processes = defaultdict(set)
    for (chain, number), (doubled, process) in side_by_side(_doubled, CHAINS, 2, ["json"]):
        done[chain].append(number)
        assert doubled == 2 * number
        assert process != os.getpid()
        processes[chain].add(process)
    assert dict(done) == {"a": [0, 1, 2], "b": [0, 1, 2, 3, 4]}
    assert [len(of_chain) for of_chain in processes.values()] == [1, 1]


def _fail(item: int) -> int:
    raise SubmissionRefused("file_empty", f"place {item}")


def test_a_mistake_comes_back_as_it_was_raised() -> None:
    with pytest.raises(SubmissionRefused) as error:
        list(side_by_side(_fail, [[1]], 2, []))
    assert (error.value.code, error.value.where, error.value.exit_status) == ("file_empty", "place 1", 19)


@pytest.mark.parametrize("kind", [OutcomesError, SubmissionRefused])
def test_a_mistake_can_be_handed_over(kind: type[OutcomesError]) -> None:
    again = pickle.loads(pickle.dumps(kind("file_empty", "patients")))
    assert (type(again), str(again)) == (kind, str(kind("file_empty", "patients")))


_KILLED = """
import sys, time
from outcomes.processes import side_by_side

def work(item):
    print(__import__("os").getpid(), flush=True)
    time.sleep(600)

if __name__ == "__main__":
    list(side_by_side(work, [[1]], 1, []))
"""


def test_no_process_outlives_the_one_that_began_it(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(_KILLED, encoding="utf-8")
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        until = time.monotonic() + 60
        while _is_alive(child):
            assert time.monotonic() < until
            time.sleep(0.1)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(") ")[2][0] != "Z"
