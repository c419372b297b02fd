"""Networks for images and rows of numbers on PyTorch: eager, fused SGD. `PROGRAM TASK train|predict REPEATS LAYOUT`.

Denormal numbers are flushed to zero, as in `sequences_pytorch.py`.
"""
import json
import os
import sys

import torch
from torch import nn
from torch.nn import functional as f
from torchvision import models

from clock import seconds

torch.set_num_threads(int(os.environ["RIVALS_THREADS"]))
torch.set_flush_denormal(True)
torch.manual_seed(1)


def conv(before, filters, stride=1):
    return [nn.Conv2d(before, filters, 3, stride, 1, bias=False), nn.BatchNorm2d(filters)]


def conv1d():
    layers, before = [], 32
    for filters in [64, 128, 256]:
        layers += [nn.Conv1d(before, filters, 5, padding=2), nn.ReLU(True), nn.Conv1d(filters, filters, 5, padding=2), nn.ReLU(True)]
        layers += [nn.MaxPool1d(2)] if filters < 256 else [nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(256, 10)]
        before = filters
    return nn.Sequential(*layers)


class Residual(nn.Module):
    def __init__(self, before, filters, stride):
        super().__init__()
        self.body = nn.Sequential(*conv(before, filters, stride), nn.ReLU(True), *conv(filters, filters))
        self.short = nn.Identity()
        if stride == 2:
            self.short = nn.Sequential(nn.Conv2d(before, filters, 1, 2, bias=False), nn.BatchNorm2d(filters))

    def forward(self, x):
        return f.relu(self.body(x) + self.short(x), True)


def resnet20():
    layers, before = [*conv(3, 16), nn.ReLU(True)], 16
    for filters in [16, 32, 64]:
        for block in range(3):
            layers.append(Residual(before, filters, 2 if filters > 16 and block == 0 else 1))
            before = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


class Level(nn.Module):
    """Two convolutions; then, at half the size, `inner`, brought back to the size and joined with them; then two more."""

    def __init__(self, before, filters, inner):
        super().__init__()
        twice = lambda before: nn.Sequential(*conv(before, filters), nn.ReLU(True), *conv(filters, filters), nn.ReLU(True))
        self.down, self.up = twice(before), twice(2 * filters)
        self.inner = nn.Sequential(nn.MaxPool2d(2), inner, nn.ConvTranspose2d(2 * filters, filters, 2, 2))

    def forward(self, x):
        down = self.down(x)
        return self.up(torch.cat([down, self.inner(down)], 1))


def unet():
    bottom = nn.Sequential(*conv(64, 128), nn.ReLU(True), *conv(128, 128), nn.ReLU(True))
    return nn.Sequential(Level(3, 32, Level(32, 64, bottom)), nn.Conv2d(32, 1, 1))


def dense(*sizes):
    layers = [layer for pair in zip(sizes, sizes[1:]) for layer in [nn.Linear(*pair), nn.ReLU(True)]]
    return nn.Sequential(*layers[:-1])


# Network, shape of an example, examples in a batch, how many times the steps are short.
TASKS = {
    "mlp": (lambda: dense(784, 2048, 2048, 10), [784], 128, 4),
    "tiny": (lambda: dense(10, 64, 64, 1), [10], 32, 200),
    "resnet18": (models.resnet18, [3, 224, 224], 8, 1),
    "mobilenet": (models.mobilenet_v2, [3, 224, 224], 8, 1),
    "alexnet": (models.alexnet, [3, 224, 224], 16, 1),
    "vgg": (models.vgg11, [3, 224, 224], 4, 1),
    "conv1d": (conv1d, [32, 1024], 32, 1),
    "resnet20": (resnet20, [3, 32, 32], 32, 1),
    "unet": (unet, [3, 64, 64], 8, 1),
}


def main():
    (make, shape, batch, faster), job = TASKS[sys.argv[1]], sys.argv[2]
    repeats = int(sys.argv[3]) * faster
    last = sys.argv[-1] == "channels_last" and len(shape) == 3
    layout = torch.channels_last if last else torch.contiguous_format
    network = make().to(memory_format=layout)
    x = lambda count: (torch.rand(count, *shape) * 2 - 1).contiguous(memory_format=layout)
    if job == "predict":
        network.eval()
        with torch.inference_mode():
            rate = lambda x, repeats: len(x) / seconds(2, repeats, lambda: network(x))
            return {"predict_1_per_s": rate(x(1), 4 * repeats), "predict_per_s": rate(x(batch), repeats)}
    sgd = torch.optim.SGD(network.parameters(), 0.001, momentum=0.9, fused=True)
    x, y = x(batch), {"unet": torch.rand(batch, 1, 64, 64), "tiny": torch.rand(batch, 1)}.get(sys.argv[1])
    loss = f.cross_entropy if y is None else f.mse_loss
    y = torch.arange(batch) % 10 if y is None else y

    def step():
        sgd.zero_grad()
        loss(network(x), y).backward()
        sgd.step()

    return {"train_per_s": batch / seconds(2, repeats, step)}


if __name__ == "__main__":
    print(json.dumps(main()))
