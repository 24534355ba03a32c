# SPDX-License-Identifier: MIT
"""A preference step by someone who minds memory: scores without a graph first, then one noised copy at a time with the
coefficient that is then known, so that memory does not grow with the number of copies; only queried rows reach the head."""
import torch
from torch.nn import functional as F

import work


def score_of_copy(model, plan, index):
    tokens, positions, targets, weights = plan.one(index)
    logits = model.ff_out(model.hidden(tokens)[0, positions])
    return -(F.cross_entropy(logits, targets, reduction="none") * weights).sum()


@torch.no_grad()
def scores(model, plans):
    return torch.stack([sum(score_of_copy(model, plan, i) for i in range(len(plan.copies))) for plan in plans])


def train_step(model, optimizer, plans, stage):
    if stage["kind"] == "sft":
        raise SystemExit("careful.py: an sft step is linear: eager.py is its peer")
    model.switch_lora(False)
    reference = scores(model, plans)
    model.switch_lora(True)
    policy = scores(model, plans).requires_grad_(True)
    margin = policy - reference
    loss = -F.logsigmoid(stage["objective"]["beta"] * (margin[0::2] - margin[1::2])).mean()
    (coefficients,) = torch.autograd.grad(loss, policy)
    for plan, coefficient in zip(plans, coefficients):
        for index in range(len(plan.copies)):
            (coefficient * score_of_copy(model, plan, index)).backward()
    return loss.item()


if __name__ == "__main__":
    work.run(train_step)
