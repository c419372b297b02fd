"""How the cost of a training step grows on PyTorch. `PROGRAM BATCH WIDTH DEPTH`, as `gradus/src/growth.rs`."""
import json
import os
import sys
import time

import torch
from torch import nn

torch.set_num_threads(int(os.environ["RIVALS_THREADS"]))
torch.set_flush_denormal(True)
batch, width, depth = map(int, sys.argv[1:])
network = nn.Sequential(*[layer for _ in range(depth) for layer in (nn.Linear(width, width), nn.ReLU(True))], nn.Linear(width, 1))
sgd = torch.optim.SGD(network.parameters(), 0.001, momentum=0.9, fused=True)
x, y = torch.rand(batch, width) * 2 - 1, torch.rand(batch, 1) * 2 - 1
clock = time.process_time if os.environ.get("RIVALS_CLOCK") == "cpu" else time.perf_counter


def train(steps):
    for _ in range(steps):
        sgd.zero_grad()
        nn.functional.mse_loss(network(x), y).backward()
        sgd.step()


train(1)
steps = 1
while True:
    start = clock()
    train(steps)
    taken = clock() - start
    if taken >= 0.5:
        break
    steps *= 16 if taken < 0.5 / 16 else 2
print(json.dumps({"step_s": taken / steps}))
