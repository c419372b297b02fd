"""The twin of `examples/translation.rs` on PyTorch: the same sizes, batches and optimizer, for subwords a second in training.

`RIVALS_THREADS=2 PROGRAM STEPS`: the median over that many steps of 128 pairs of 16 and 16 subwords each, which is what Multi30k has in
the mean. `examples/translation --measure STEPS` does the same.
"""
import math
import os
import sys

import torch
from torch import nn
from torch.nn import functional as f

from clock import seconds

torch.set_num_threads(int(os.environ["RIVALS_THREADS"]))
torch.set_flush_denormal(True)
torch.manual_seed(1)
VOCABULARY, WIDTH, HEADS, HIDDEN, LAYERS, PAIRS, LENGTH = 8000, 256, 8, 512, 3, 128, 16


class Translator(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(VOCABULARY, WIDTH)
        nn.init.normal_(self.words.weight, 0.0, WIDTH**-0.5)
        sizes = dict(d_model=WIDTH, nhead=HEADS, dim_feedforward=HIDDEN, dropout=0.1, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(**sizes), LAYERS, nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(**sizes), LAYERS, nn.LayerNorm(WIDTH))
        speeds = torch.exp(torch.arange(0, WIDTH, 2) * (-math.log(10000.0) / WIDTH))
        angles = torch.arange(512)[:, None] * speeds
        self.register_buffer("waves", torch.stack([angles.sin(), angles.cos()], -1).flatten(1))
        self.register_buffer("later", torch.triu(torch.ones(512, 512, dtype=torch.bool), 1))

    def embed(self, ids):
        return f.dropout(self.words(ids) * WIDTH**0.5 + self.waves[: ids.shape[1]], 0.1)

    def forward(self, source, target):
        hidden = source == 0
        time = target.shape[1]
        memory = self.encoder(self.embed(source), src_key_padding_mask=hidden)
        y = self.decoder(self.embed(target), memory, tgt_mask=self.later[:time, :time], tgt_is_causal=True, memory_key_padding_mask=hidden)
        return y @ self.words.weight.T


model = Translator().train()
adam = torch.optim.AdamW(model.parameters(), 1e-3, (0.9, 0.98), 1e-9, 0.01, fused=True)
ids = torch.randint(3, VOCABULARY, (3, PAIRS, LENGTH))


def step():
    y = model(ids[0], ids[1])
    loss = f.cross_entropy(y.flatten(0, 1), ids[2].flatten(), label_smoothing=0.1, ignore_index=0)
    adam.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    adam.step()


print(f"{PAIRS * LENGTH / seconds(2, int(sys.argv[1]), step):.0f} subwords/s, {sum(p.numel() for p in model.parameters())} parameters")
