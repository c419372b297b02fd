"""What the Python rivals share: the digits, the clock, and the line of results that `../run` reads.

`PROGRAM train BATCH IMAGES` or `PROGRAM predict`; threads, data and start time come in `RIVALS_*` variables.
A rival has `epoch(images, batch)`, `test_images(count)` and `predictors()`, functions from images to scores.
"""
import gzip
import json
import os
import statistics
import sys
import time

import numpy

THREADS = int(os.environ["RIVALS_THREADS"])


def digits(kind):
    """Images [n, 28, 28, 1] in 0..1 and labels [n] of the set called `train` or `t10k`."""
    def read(name, offset):
        with gzip.open(f"{os.environ['RIVALS_DATA']}/{kind}-{name}-ubyte.gz") as file:
            return numpy.frombuffer(file.read(), numpy.uint8, offset=offset)

    images = read("images-idx3", 16).reshape(-1, 28, 28, 1).astype(numpy.float32) / 255
    return images, read("labels-idx1", 8).astype(numpy.int32)


def measure(rival):
    """Measures what the command line asks for; the better of several predictors counts."""
    task, *numbers = sys.argv[1:4]
    if task == "predict":
        rival.epoch(640, 32)
        latency = min(median(rival, predict, 1, 50, 500) for predict in rival.predictors()) * 1e6
        rate = 256 / min(median(rival, predict, 256, 3, 20) for predict in rival.predictors())
        result = {"latency_us": latency, "images_per_s": rate}
    else:
        batch, images = map(int, numbers)
        rival.epoch(batch, batch)
        first_step = time.time() - float(os.environ["RIVALS_START"])
        rival.epoch(images // 4, batch)
        start = time.perf_counter()
        rival.epoch(images, batch)
        result = {"images_per_s": images / (time.perf_counter() - start), "first_step_s": first_step}
    labels = digits("t10k")[1][:500]
    scores = numpy.asarray(next(iter(rival.predictors()))(rival.test_images(500)))
    print(json.dumps({**result, "accuracy": float((scores.argmax(1) == labels).mean())}))


def median(rival, predict, batch, warm_up, repeats):
    images = rival.test_images(batch)
    seconds = []
    for _ in range(warm_up + repeats):
        start = time.perf_counter()
        scores = predict(images)
        seconds.append(time.perf_counter() - start)
        assert scores.shape == (batch, 10)
    return statistics.median(seconds[warm_up:])
