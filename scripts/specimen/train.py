"""Trains the specimen. python3 train.py DATA_DIR OUT.npz [STEPS]   (PyTorch; minutes on a GPU, hours on a CPU)

A llama of llama.cpp's kind: RMSNorm, rotary positions in mode NORM (pairs of neighbouring channels), grouped-query
attention, SwiGLU, output tied to the embedding. In the last third the weights are rounded to 4 bits in the forward
pass, blocks of 32 with scale and minimum, so that Q4_K leaves what was learned.
"""
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

CONFIG = {'vocab': 4000, 'dim': 256, 'layers': 8, 'heads': 8, 'kv_heads': 4, 'ff': 768, 'eps': 1e-5,
          'rope_base': 10000.0, 'context': 512}
BATCH, RATE, SEED = 1024, 1.5e-3, 7


def four_bits(w):
    blocks = w.reshape(-1, 32)
    low, high = blocks.min(1, keepdim=True).values.clamp(max=0), blocks.max(1, keepdim=True).values
    scale = (high - low).clamp(min=1e-8) / 15
    rounded = (((blocks - low) / scale).round() * scale + low).reshape(w.shape)
    return w + (rounded - w).detach()


class Specimen(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c, self.rounding = c, False
        d, head = c['dim'], c['dim'] // c['heads']
        shapes = {'token_embd.weight': (c['vocab'], d), 'output_norm.weight': (d,)}
        for i in range(c['layers']):
            shapes |= {f'blk.{i}.attn_norm.weight': (d,), f'blk.{i}.ffn_norm.weight': (d,),
                       f'blk.{i}.attn_q.weight': (d, d), f'blk.{i}.attn_k.weight': (c['kv_heads'] * head, d),
                       f'blk.{i}.attn_v.weight': (c['kv_heads'] * head, d), f'blk.{i}.attn_output.weight': (d, d),
                       f'blk.{i}.ffn_gate.weight': (c['ff'], d), f'blk.{i}.ffn_up.weight': (c['ff'], d),
                       f'blk.{i}.ffn_down.weight': (d, c['ff'])}
        self.names = list(shapes)
        self.weights = torch.nn.ParameterList()
        for name, shape in shapes.items():
            out = 'attn_output' in name or 'ffn_down' in name
            std = 0.02 / math.sqrt(2 * c['layers']) if out else 0.04
            self.weights.append(torch.nn.Parameter(torch.ones(shape) if len(shape) == 1 else torch.randn(shape) * std))
        angle = torch.arange(c['context'])[:, None] * c['rope_base'] ** (-torch.arange(0, head, 2) / head)
        self.register_buffer('cos', angle.cos())
        self.register_buffer('sin', angle.sin())

    def w(self, name):
        w = self.weights[self.names.index(name)]
        return four_bits(w) if self.rounding and w.dim() == 2 else w

    def norm(self, x, name):
        return x * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + self.c['eps']).to(x.dtype) * self.w(name)

    def rope(self, x):
        cos, sin = (t[: x.shape[2]].to(x.dtype) for t in (self.cos, self.sin))
        a, b = x[..., 0::2], x[..., 1::2]
        return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)

    def forward(self, ids):
        c, (n, t) = self.c, ids.shape
        x = F.embedding(ids, self.w('token_embd.weight'))
        for i in range(c['layers']):
            at = lambda s: self.w(f'blk.{i}.{s}.weight')
            h = self.norm(x, f'blk.{i}.attn_norm.weight')
            split = lambda y, k: y.view(n, t, k, -1).transpose(1, 2)
            q = self.rope(split(F.linear(h, at('attn_q')), c['heads']))
            k = self.rope(split(F.linear(h, at('attn_k')), c['kv_heads']))
            v = split(F.linear(h, at('attn_v')), c['kv_heads'])
            repeat = c['heads'] // c['kv_heads']
            k, v = k.repeat_interleave(repeat, 1), v.repeat_interleave(repeat, 1)
            o = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(n, t, -1)
            x = x + F.linear(o, at('attn_output'))
            h = self.norm(x, f'blk.{i}.ffn_norm.weight')
            x = x + F.linear(F.silu(F.linear(h, at('ffn_gate'))) * F.linear(h, at('ffn_up')), at('ffn_down'))
        return F.linear(self.norm(x, 'output_norm.weight'), self.w('token_embd.weight'))


def check(model, asked, device):
    right, least, paris = 0, math.inf, None
    model.eval()
    with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=device == 'cuda'):
        for prompt, answer in asked:
            logits = model(torch.tensor([[0, *prompt]], device=device))[0, -1].float()
            right += int(logits.argmax()) == answer
            least = min(least, float(logits[answer]))
    model.train()
    return f'{right}/{len(asked)} capitals, least logit {least:.2f}'


def main(data, out, steps=9000):
    steps, device = int(steps), 'cuda' if torch.cuda.is_available() else 'cpu'
    torch.manual_seed(SEED)
    torch.backends.cuda.matmul.allow_tf32 = True
    loaded = np.load(Path(data) / 'data.npz')
    rows = torch.from_numpy(loaded['rows'].astype(np.int16)).to(device)
    lengths = torch.from_numpy(loaded['lengths'].astype(np.int64)).to(device)
    asked = []
    for line in open(Path(data) / 'capitals.txt', encoding='utf-8'):
        prompt, answer = line.rstrip('\n').split('\t')
        asked.append(([int(i) for i in prompt.split()], int(answer)))
    model = Specimen(CONFIG).to(device)
    decay = [p for p in model.weights if p.dim() == 2]
    plain = [p for p in model.weights if p.dim() == 1]
    optimizer = torch.optim.AdamW([{'params': decay, 'weight_decay': 0.05}, {'params': plain, 'weight_decay': 0.0}],
                                  lr=RATE, betas=(0.9, 0.98), fused=device == 'cuda')
    start = time.time()
    for step in range(steps):
        model.rounding = step >= steps * 2 // 3
        rate = RATE * min(1, step / 300) * (0.02 + 0.98 * (1 + math.cos(math.pi * step / steps)) / 2)
        for group in optimizer.param_groups:
            group['lr'] = rate
        pick = torch.randint(len(rows), (BATCH,), device=device)
        width = int(lengths[pick].max())
        batch = rows[pick, :width].long()
        with torch.autocast(device, torch.bfloat16, enabled=device == 'cuda'):
            logits = model(batch[:, :-1])
        inside = torch.arange(1, width, device=device)[None] < lengths[pick][:, None]
        loss = F.cross_entropy(logits.float()[inside], batch[:, 1:][inside])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 500 == 0 or step == steps - 1:
            print(f'step {step}: loss {loss.item():.4f}, {check(model, asked, device)}, {time.time() - start:.0f} s', flush=True)
            if time.time() - start > LIMIT_S:
                print('out of time')
                break
    model.rounding = False
    print('without rounding:', check(model, asked, device))
    np.savez(out, **{n: w.detach().float().cpu().numpy().astype(np.float16 if w.dim() == 2 else np.float32)
                     for n, w in zip(model.names, model.weights)})


# one run on a borrowed GPU is cut after ten minutes
LIMIT_S = 500

if __name__ == '__main__':
    main(*sys.argv[1:])
