# SPDX-License-Identifier: MIT
"""A training step as Python code bases write it today: one padded batch, logits of every position, the whole graph kept,
the reference's forward in every step."""
import torch
from torch.nn import functional as F

import work


def padded(plans):
    """All copies of all plans as one batch: tokens [N, L], mask [N, 1, 1, L] or none, first row of every plan."""
    longest = max(plan.copies.shape[1] for plan in plans)
    rows = [F.pad(plan.copies, (0, longest - plan.copies.shape[1])) for plan in plans]
    lengths = torch.cat([torch.full((len(plan.copies),), plan.copies.shape[1]) for plan in plans])
    mask = None
    if bool((lengths < longest).any()):
        mask = (torch.arange(longest)[None, :] < lengths[:, None])[:, None, None, :]
    firsts = [0]
    for plan in plans:
        firsts.append(firsts[-1] + len(plan.copies))
    return torch.cat(rows), mask, firsts


def scores(model, plans):
    """S of every plan: sum of weight * log p(target)."""
    tokens, mask, firsts = padded(plans)
    logits = model(tokens, mask)
    result = []
    for plan, first in zip(plans, firsts):
        asked = logits[first + plan.copy, plan.position]
        result.append(-(F.cross_entropy(asked, plan.target, reduction="none") * plan.weight).sum())
    return torch.stack(result)


def train_step(model, optimizer, plans, stage):
    if stage["kind"] == "sft":
        lengths = torch.tensor([float(plan.scored) for plan in plans])
        loss = -(scores(model, plans) / lengths).mean()
    else:
        with torch.no_grad():
            model.switch_lora(False)
            reference = scores(model, plans)
            model.switch_lora(True)
        margin = scores(model, plans) - reference
        loss = -F.logsigmoid(stage["objective"]["beta"] * (margin[0::2] - margin[1::2])).mean()
    loss.backward()
    return loss.item()


if __name__ == "__main__":
    work.run(train_step)
