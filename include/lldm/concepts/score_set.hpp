// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>

namespace lldm {

/// Sizes of the whole optimizer step, summed over accumulation (and, later, processes): what losses
/// are normalised by, so that micro-batching cannot change a gradient.
struct StepTotals {
  double tokens = 0;         // scored tokens of all texts
  double rows = 0;           // texts
  double groups = 0;         // prompts: pairs when G = 2
  double first_tokens = 0;   // scored tokens of the first answer of every prompt (the chosen one)
  double micro_batches = 1;  // accumulation: only `llada_parity` reads it
};

/// Scores of G answers to B prompts.  G = 1: pretraining and SFT; G = 2: pairs, index 0 chosen, 1
/// rejected.
struct ScoreSet {
  at::Tensor policy;     // [B, G] float64 nats; requires grad inside a training step
  at::Tensor reference;  // [B, G] float64 nats, or undefined when no reference is held
  at::Tensor parts;      // [B, G, N] float64, by evaluation (slot), zero-padded; undefined for
                         // log_mean_exp
  at::Tensor reference_parts;                   // likewise
  at::Tensor lengths;                           // [B, G] float64, scored tokens R
  std::map<std::string, at::Tensor> auxiliary;  // further scores by name
  StepTotals totals;                            // of the optimizer step this set belongs to
};

/// A figure that averages over micro-batches.
struct Mean {
  double sum = 0;
  double count = 0;
  [[nodiscard]] double value() const { return sum / count; }
};

/// What an objective says of a ScoreSet.
struct ObjectiveResult {
  at::Tensor loss_sum;  // [] float64: sum over the set, before division by the declared denominator
  std::map<std::string, Mean> metrics;
};

}  // namespace lldm
