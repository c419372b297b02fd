"""Networks for sequences, and products of matrices, on PyTorch: eager, fused Adam.

`PROGRAM lstm|encoder|minilm|gpt|embedding|matmul BLOCKS`.

Denormal numbers are flushed to zero, without which PyTorch's first steps of the LSTM are 13 times slower.
"""
import json
import os
import sys

import torch
from torch import nn
from torch.nn import functional as f

from clock import seconds

torch.set_num_threads(int(os.environ["RIVALS_THREADS"]))
torch.set_flush_denormal(True)
torch.manual_seed(1)


def rate(warm_up, repeats, work):
    """Runs of `work` a second."""
    return 1 / seconds(warm_up, repeats, work)


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.lstm, self.dense = nn.Embedding(10_000, 128), nn.LSTM(128, 128, batch_first=True), nn.Linear(128, 1)

    def forward(self, x):
        return self.dense(self.lstm(self.embedding(x))[1][0][-1]).squeeze(-1)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.positions, self.norm = nn.Embedding(30_522, 512), nn.Embedding(512, 512), nn.LayerNorm(512)
        layer = nn.TransformerEncoderLayer(512, 8, 2048, dropout=0.0, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)
        self.dense = nn.Linear(512, 2)

    def body(self, x):
        return self.encoder(self.norm(self.words(x) + self.positions(torch.arange(x.shape[1]))))

    def forward(self, x):
        return self.dense(self.body(x)[:, 0])


class Block(nn.Module):
    """Of a GPT of 384 numbers and 6 heads."""

    def __init__(self):
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(384), nn.LayerNorm(384)
        self.before, self.after = nn.Linear(384, 3 * 384), nn.Linear(384, 384)
        self.dense = nn.Sequential(nn.Linear(384, 1536), nn.GELU("tanh"), nn.Linear(1536, 384))

    def forward(self, x):
        heads = self.before(self.norm_1(x)).unflatten(-1, (3, 6, 64)).permute(2, 0, 3, 1, 4)
        x = x + self.after(f.scaled_dot_product_attention(*heads, is_causal=True).transpose(1, 2).flatten(2))
        return x + self.dense(self.norm_2(x))


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.positions, self.norm = nn.Embedding(65, 384), nn.Embedding(256, 384), nn.LayerNorm(384)
        self.blocks = nn.Sequential(*[Block() for _ in range(6)])

    def forward(self, x):
        x = self.blocks(self.words(x) + self.positions(torch.arange(x.shape[1])))
        return (self.norm(x) @ self.words.weight.T).flatten(0, 1)


class Mean(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.dense = nn.Embedding(20_000, 64), nn.Linear(64, 2)

    def forward(self, x):
        return self.dense(self.embedding(x).mean(1))


def minilm():
    from transformers import BertConfig, BertModel

    class MiniLm(nn.Module):
        def __init__(self):
            super().__init__()
            sizes = BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
            self.bert, self.dense = BertModel(sizes, add_pooling_layer=False), nn.Linear(384, 2)

        def forward(self, x):
            return self.dense(self.bert(x, torch.ones_like(x)).last_hidden_state.mean(1))

    return MiniLm()


def trained(network, adam, loss, batches, clip=None):
    def block():
        for x, y in batches:
            adam.zero_grad()
            loss(network(x), y).backward()
            if clip:
                nn.utils.clip_grad_norm_(network.parameters(), clip)
            adam.step()

    return block


def main():
    task, blocks = sys.argv[1], int(sys.argv[2])
    if task == "lstm":
        network = Lstm()
        batches = [(torch.randint(0, 10_000, (32, 200)), torch.randint(0, 2, (32,)).float()) for _ in range(10)]
        adam = torch.optim.Adam(network.parameters(), 1e-3, fused=True)
        block = trained(network, adam, f.binary_cross_entropy_with_logits, batches)
        return {"train_per_s": 320 * rate(1, blocks, block)}
    if task == "matmul":
        found = {}
        with torch.inference_mode():
            for side, faster in [(2048, 1), (256, 200)]:
                a, b = torch.rand(side, side) - 0.5, torch.rand(side, side) - 0.5
                found[f"giga_per_s_{side}"] = 2 * side**3 / 1e9 * rate(2 * faster, blocks * faster, lambda: a @ b)
        return found
    if task in ["gpt", "embedding"]:
        network, words, batch, steps = (Gpt(), 65, 8, 256) if task == "gpt" else (Mean(), 20_000, 512, 64)
        shape = (batch * steps,) if task == "gpt" else (batch,)
        batches = [(torch.randint(0, words, (batch, steps)), torch.randint(0, 2, shape)) for _ in range(4)]
        adam = torch.optim.AdamW(network.parameters(), 1e-4, fused=True)
        return {"train_per_s": 4 * batch * rate(1, blocks, trained(network, adam, f.cross_entropy, batches))}
    if task == "minilm":
        network = minilm().train()
        batches = [(torch.randint(1, 30_522, (16, 64)), torch.randint(0, 2, (16,))) for _ in range(5)]
        adam = torch.optim.AdamW(network.parameters(), 5e-5, fused=True)
        return {"train_per_s": 80 * rate(1, blocks, trained(network, adam, f.cross_entropy, batches, clip=1.0))}
    network = Encoder()
    batches = [(torch.randint(0, 30_522, (8, 128)), torch.randint(0, 2, (8,))) for _ in range(8)]
    with torch.inference_mode():
        network.eval()
        forward = 8 * rate(2, 4 * blocks, lambda: network.body(batches[0][0]))
    adam = torch.optim.AdamW(network.parameters(), 1e-4, fused=True)
    block = trained(network.train(), adam, f.cross_entropy, batches)
    return {"forward_per_s": forward, "train_per_s": 64 * rate(1, blocks, block)}


print(json.dumps(main()))
