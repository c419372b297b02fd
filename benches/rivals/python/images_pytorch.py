"""The MNIST CNN on PyTorch: eager, fused Adam. `PROGRAM train BATCH IMAGES LAYOUT`.

Layout `auto` is what a user gets from images in NumPy: with one channel their strides read as channels-last, and PyTorch
carries that on. Layout `channels_last` asks for it, for the weights as well.
"""
import sys

import torch
from torch import nn

from protocol import THREADS, digits, measure

torch.set_num_threads(THREADS)
LAYOUT = torch.channels_last if sys.argv[-1] == "channels_last" else torch.contiguous_format


def tensor(images):
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(memory_format=LAYOUT)


class Rival:
    def __init__(self):
        images, labels = digits("train")
        self.images, self.labels = tensor(images), torch.from_numpy(labels).long()
        self.test = digits("t10k")[0]
        self.network = nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten(),
            nn.Linear(576, 64), nn.ReLU(), nn.Linear(64, 10)).to(memory_format=LAYOUT)
        self.adam = torch.optim.Adam(self.network.parameters(), 1e-3, fused=True)

    def epoch(self, images, batch):
        for chosen in torch.randperm(images).split(batch):
            self.adam.zero_grad()
            scores = self.network(self.images[chosen])
            nn.functional.cross_entropy(scores, self.labels[chosen]).backward()
            self.adam.step()

    def test_images(self, count):
        return tensor(self.test[:count])

    def predictors(self):
        network = self.network.eval()
        yield torch.inference_mode()(lambda x: network(x).numpy())
        with torch.inference_mode():
            frozen = torch.jit.optimize_for_inference(torch.jit.trace(network, self.test_images(1)))
        yield torch.inference_mode()(lambda x: frozen(x).numpy())


measure(Rival())
