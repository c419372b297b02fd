"""The twin of the DQN of `examples/cartpole.rs` on PyTorch: the same environment, network, settings and looks at the policy, for seconds of computing.

`RIVALS_THREADS=1 PROGRAM SEED`; `cartpole --agents DQN --seeds 1` is the other side. Both say what the process computed, not what it waited.
"""
import os
import sys
import time

import numpy as np
import torch
from torch import nn

torch.set_num_threads(int(os.environ["RIVALS_THREADS"]))
torch.set_flush_denormal(True)
STEPS, BATCH, MEMORY, WARM_UP, UPDATES, EVERY, COPY_EVERY, GAMMA = 50_000, 64, 100_000, 1000, 128, 256, 128, 0.99
seed = int(sys.argv[1])
torch.manual_seed(seed)
rng = np.random.default_rng(seed)


class Poles:
    """gymnasium's CartPole-v1, several at once."""

    def __init__(self, count, seed):
        self.rng = np.random.default_rng(seed)
        self.state, self.steps = self.rng.uniform(-0.05, 0.05, (count, 4)), np.zeros(count, int)

    def step(self, actions):
        place, speed, angle, spin = self.state.T
        sin, cos = np.sin(angle), np.cos(angle)
        push = (np.where(actions == 1, 10.0, -10.0) + 0.05 * spin * spin * sin) / 1.1
        turn = (9.8 * sin - cos * push) / (0.5 * (4 / 3 - 0.1 * cos * cos / 1.1))
        self.state = np.stack([place + 0.02 * speed, speed + 0.02 * (push - 0.05 * turn * cos / 1.1), angle + 0.02 * spin, spin + 0.02 * turn], 1)
        self.steps += 1
        seen = self.state.copy()
        terminated = (np.abs(seen[:, 0]) > 2.4) | (np.abs(seen[:, 2]) > np.radians(12))
        over = terminated | (self.steps >= 500)
        self.state[over] = self.rng.uniform(-0.05, 0.05, (over.sum(), 4))
        self.steps[over] = 0
        return seen, terminated, over


def network():
    return nn.Sequential(nn.Linear(4, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 2))


@torch.inference_mode()
def greedy(model, seen):
    return model(torch.as_tensor(seen, dtype=torch.float32)).argmax(1).numpy()


def returns(model, episodes, seed):
    poles, sums, running = Poles(episodes, seed), np.zeros(episodes), np.ones(episodes, bool)
    while running.any():
        _, _, over = poles.step(greedy(model, poles.state))
        sums[running] += 1
        running &= ~over
    return sums.mean()


start = time.process_time()
model, older = network(), network()
older.load_state_dict(model.state_dict())
adam = torch.optim.Adam(model.parameters(), 2.3e-3, fused=True)
updates = STEPS // EVERY * UPDATES
falling = torch.optim.lr_scheduler.PolynomialLR(adam, updates)
memory = [np.zeros((MEMORY, 4), np.float32), np.zeros(MEMORY, np.int64), np.zeros((MEMORY, 4), np.float32), np.zeros(MEMORY, np.float32)]
poles, kept, score, done = Poles(1, seed), network(), -1.0, 0
for step in range(1, STEPS + 1):
    seen = poles.state
    random = max(1 - step / (0.16 * STEPS) * 0.96, 0.04)
    action = rng.integers(0, 2, 1) if rng.random() < random else greedy(model, seen)
    later, terminated, _ = poles.step(action)
    for column, value in zip(memory, (seen[0], action[0], later[0], 1.0 - terminated[0])):
        column[(step - 1) % MEMORY] = value
    if step >= WARM_UP and step % EVERY == 0:
        for _ in range(UPDATES):
            rows = rng.integers(0, min(step, MEMORY), BATCH)
            x, chosen, later, goes_on = (torch.from_numpy(column[rows]) for column in memory)
            with torch.no_grad():
                target = 1 + GAMMA * goes_on * older(later).gather(1, model(later).argmax(1, keepdim=True))[:, 0]
            loss = nn.functional.huber_loss(model(x).gather(1, chosen[:, None])[:, 0], target)
            adam.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 10.0)
            adam.step()
            falling.step()
            done += 1
            if done % COPY_EVERY == 0:
                older.load_state_dict(model.state_dict())
    if step % (STEPS // 50) == 0:
        found = returns(model, 20, 1_000_000 + step)
        if found > score:
            score = found
            kept.load_state_dict(model.state_dict())
seconds = time.process_time() - start
print(f"DQN, seed {seed}: {returns(kept, 100, 2_000_000 + seed):.1f} over 100 greedy episodes, {seconds:.1f} s of computing")
