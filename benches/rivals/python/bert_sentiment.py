"""The recipe of `examples/bert_sentiment.rs` in PyTorch: the same network, sentences, split, optimizer and schedule.

    pip install torch transformers peft safetensors
    python benches/rivals/python/bert_sentiment.py FOLDER FILE [--ways frozen,lora,full] [--train 4000] [--test 2000]

The head of the example says where folder and file come from.
"""

import argparse
import time

import torch
from torch import nn
from transformers import AutoTokenizer, BertModel

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("file")
parser.add_argument("--ways", default="frozen,lora,full")
parser.add_argument("--train", type=int, default=4000)
parser.add_argument("--test", type=int, default=2000)
parser.add_argument("--epochs", type=int, default=2)
parser.add_argument("--length", type=int, default=48)
parser.add_argument("--threads", type=int, default=torch.get_num_threads())
parser.add_argument("--seed", type=int, default=1)
args = parser.parse_args()
torch.set_num_threads(args.threads)
BATCH = 16


def sentences():
    with open(args.file, encoding="utf-8", errors="replace") as file:
        rows = [line.rstrip("\r\n").split("\t", 2) for line in file.read().split("\n") if line]
    rows = [(text, int(float(rating) > 0)) for _, rating, text in rows]
    mixed = [rows[i * 7919 % len(rows)] for i in range(min(len(rows), args.test + args.train))]
    return mixed[args.test :], mixed[: args.test]


class Network(nn.Module):
    """The mean of the vectors of all tokens, and a dense layer."""

    def __init__(self):
        super().__init__()
        self.bert = BertModel.from_pretrained(args.folder, add_pooling_layer=False)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(self.bert.config.hidden_size, 2)
        nn.init.normal_(self.head.weight, 0.0, 0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, input_ids, attention_mask):
        hidden = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        return self.head(self.dropout((hidden * mask).sum(1) / mask.sum(1)))

    def train(self, mode=True):
        super().train(mode)
        if self.is_frozen:
            self.bert.eval()
        return self

    is_frozen = False


def prepare(way, network):
    if way == "full":
        return 5e-5
    network.is_frozen = True
    for parameter in network.bert.parameters():
        parameter.requires_grad = False
    if way == "frozen":
        return 1e-2
    from peft import LoraConfig, inject_adapter_in_model

    targets = ["query", "key", "value", "attention.output.dense", "intermediate.dense", "output.dense"]
    network.bert = inject_adapter_in_model(LoraConfig(r=8, lora_alpha=16, target_modules=targets), network.bert)
    return 1e-3


tokenizer = AutoTokenizer.from_pretrained(args.folder)


def batch_of(rows):
    texts, labels = zip(*rows)
    tokens = tokenizer(list(texts), padding=True, truncation=True, max_length=args.length, return_tensors="pt")
    return tokens["input_ids"], tokens["attention_mask"], torch.tensor(labels)


train, test = sentences()
print(f"{len(train)} sentences to train on, {len(test)} to test on, {args.threads} threads")
for way in args.ways.split(","):
    torch.manual_seed(args.seed)
    started = time.time()
    network = Network()
    rate = prepare(way, network)
    trained = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    plain = lambda name: name.endswith("bias") or "LayerNorm" in name
    groups = [
        {"params": [p for name, p in trained if not plain(name)], "weight_decay": 0.01},
        {"params": [p for name, p in trained if plain(name)], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, rate)
    steps = args.epochs * -(-len(train) // BATCH)
    warm = steps // 10
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: step / warm if step < warm else max(0.0, (steps - step) / (steps - warm))
    )
    for epoch in range(args.epochs):
        network.train()
        total = 0.0
        for chosen in torch.randperm(len(train)).split(BATCH):
            ids, mask, labels = batch_of([train[i] for i in chosen])
            loss = nn.functional.cross_entropy(network(ids, mask), labels)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_([p for _, p in trained], 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item() * len(labels)
        print(f"{way}: epoch {epoch + 1}, loss {total / len(train):.4f}, {time.time() - started:.0f} s", flush=True)
    network.eval()
    right = 0
    with torch.no_grad():
        for start in range(0, len(test), 64):
            ids, mask, labels = batch_of(test[start : start + 64])
            right += (network(ids, mask).argmax(-1) == labels).sum().item()
    numbers, all_of_them = sum(p.numel() for _, p in trained), sum(p.numel() for p in network.parameters())
    share = 100 * numbers / all_of_them
    print(f"{way}: {numbers} trained ({share:.2f} %), accuracy {right / len(test):.4f}, {time.time() - started:.0f} s", flush=True)
