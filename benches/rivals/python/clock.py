"""The clock of the programs for tasks with a name."""
import os
import statistics
import time


def seconds(warm_up, repeats, work):
    """The median time of `work`, or with `RIVALS_CLOCK=cpu` the mean of what the process computes for."""
    clock = time.process_time if os.environ.get("RIVALS_CLOCK") == "cpu" else time.perf_counter
    taken = []
    for _ in range(warm_up + repeats):
        start = clock()
        work()
        taken.append(clock() - start)
    return (statistics.median if clock is time.perf_counter else statistics.mean)(taken[warm_up:])
