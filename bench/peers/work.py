# SPDX-License-Identifier: MIT
"""The work of a training step as `lldm bench step --plans` wrote it, and how a peer is run and timed."""
import argparse
import dataclasses
import json
import pathlib
import resource
import time
import tomllib

import torch

import model as models


@dataclasses.dataclass
class Plan:
    """One text's noised copies, and what is asked of them."""

    scored: int
    copies: torch.Tensor  # [N, L]
    copy: torch.Tensor  # [Q]
    position: torch.Tensor  # [Q]
    target: torch.Tensor  # [Q]
    weight: torch.Tensor  # [Q]

    @staticmethod
    def of(json_plan):
        # A text whose draw hid nothing has no copy.
        queries = list(zip(*json_plan["queries"])) or [()] * 4
        long = [torch.tensor(values, dtype=torch.long) for values in queries[:3]]
        copies = torch.tensor(json_plan["copies"] or [[]], dtype=torch.long)[: len(json_plan["copies"])]
        return Plan(json_plan["scored"], copies, *long, torch.tensor(queries[3], dtype=torch.float32))

    def one(self, index):
        """The copy at `index` and its queries: tokens [1, L], positions, targets, weights."""
        here = self.copy == index
        return self.copies[index : index + 1], self.position[here], self.target[here], self.weight[here]


def resident_bytes():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def settings():
    parser = argparse.ArgumentParser()
    parser.add_argument("--experiment", type=pathlib.Path, required=True, help="the TOML file")
    parser.add_argument("--weights", required=True, help="model folder")
    parser.add_argument("--plans", type=pathlib.Path, required=True, help="of lldm bench step --plans")
    parser.add_argument("--adapter", help="PEFT folder to start the updates from")
    parser.add_argument("--rates", required=True, help="learning rates of the steps, by comma")
    parser.add_argument("--warm-up", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def stage_of(experiment):
    """The last stage that trains, with the file's [optimizer] below its own."""
    stage = [s for s in experiment["stage"] if s["kind"] in ("sft", "preference", "pretraining")][-1]
    return stage | {"optimizer": experiment.get("optimizer", {}) | stage.get("optimizer", {})}


def run(train_step):
    """Times train_step(model, optimizer, plans, stage) -> loss over the steps of --plans and prints JSON."""
    arguments = settings()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    experiment = tomllib.loads(arguments.experiment.read_text())
    stage = stage_of(experiment)
    before = resident_bytes()  # Python and the libraries
    model = models.load(arguments.weights)
    adapter = experiment["model"].get("adapter", {})
    if adapter.get("type") == "lora" and stage.get("from"):
        model.add_lora(adapter["rank"], adapter["alpha"])
        if arguments.adapter:
            models.load_lora(model, arguments.adapter)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    given = stage["optimizer"]
    optimizer = torch.optim.AdamW(
        trained,
        betas=(given.get("beta1", 0.9), given.get("beta2", 0.95)),
        eps=given.get("epsilon", 1e-8),
        weight_decay=given.get("weight_decay", 0.1),
    )
    steps = [[Plan.of(p) for p in json.loads(line)["plans"]] for line in arguments.plans.read_text().splitlines()]
    seconds, losses = [], []
    for plans, rate in zip(steps, map(float, arguments.rates.split(","))):
        begin = time.perf_counter()
        for group in optimizer.param_groups:
            group["lr"] = rate
        losses.append(train_step(model, optimizer, plans, stage))
        norm = given.get("max_gradient_norm", 1.0)
        if norm > 0:
            torch.nn.utils.clip_grad_norm_(trained, norm)
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - begin)
    print(
        json.dumps(
            {
                "torch": torch.__version__,
                "seconds": seconds[arguments.warm_up :],
                "losses": losses,
                "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before,
            }
        )
    )
