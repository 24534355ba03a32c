// SPDX-License-Identifier: MIT
// How dLoss/dS goes back through the evaluations: linear, retain and replay.
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/track/phase_clock.hpp"
#include "memory/upload.hpp"
#include "score/chunk.hpp"
#include "score/last_backward.hpp"

namespace lldm {

namespace {

/// dLoss/dreadout [Q] float64 at the given readouts.
template <class MakeSet>
at::Tensor coefficients(const at::Tensor& readouts, const LossFunction& loss, MakeSet make_set) {
  const c10::AutoGradMode with_grad(true);
  const at::Tensor leaf = readouts.detach().clone().set_requires_grad(true);
  const ObjectiveResult result = loss(make_set(leaf));
  if (!result.loss_sum.requires_grad())
    throw ShapeError("ScoreEngine: the objective's loss does not depend on the policy's scores");
  return torch::autograd::grad({result.loss_sum}, {leaf}).front();
}

at::Tensor times(const at::Tensor& seeds, double scale) {
  return scale == 1 ? seeds : seeds * scale;
}

/// `is_last`: this step adds nothing to gradients behind it.
void back_propagate(const at::Tensor& readouts, const at::Tensor& seeds, bool is_last) {
  if (is_last) LastBackward::announce();
  const PhaseScope phase(StepPhase::backward);
  const PurposeScope purpose(MemoryPurpose::activations);
  torch::autograd::backward(
      {readouts}, {memory::uploaded(seeds, readouts.device()).to(readouts.scalar_type())});
}

}  // namespace

at::Tensor ScoreEngineCore::retain_or_linear(const ScoreBatch& batch, const StepTotals& totals,
                                             const LossFunction& loss, at::Tensor& reference,
                                             bool linear) const {
  const auto set_of = [&](const at::Tensor& r) { return make_set(batch, r, reference, totals); };
  std::int64_t queries = 0;
  for (const ScorePlan& plan : batch.plans)
    queries += static_cast<std::int64_t>(plan.queries.size());
  // A linear loss has the same coefficients everywhere: take them at zero, before any forward.
  at::Tensor weights;
  if (linear) {
    if (reference.defined()) reference = read_back(reference);
    weights =
        times(coefficients(at::zeros({queries}, at::kDouble), loss, set_of), options_.loss_scale);
  }
  std::vector<at::Tensor> graphs, values;
  std::int64_t begin = 0;
  const std::vector<Chunk> all = chunks(batch.plans, options_.max_tokens_per_forward);
  for (const Chunk& chunk : all) {
    const at::Tensor part = evaluate(chunk, batch.plans, false);
    values.push_back(part.detach());
    if (linear)
      back_propagate(part, weights.narrow(0, begin, part.size(0)), &chunk == &all.back());
    else
      graphs.push_back(part);
    begin += part.size(0);
  }
  if (linear) return read_back(concatenate(values));
  const at::Tensor readouts = read_together(values, reference);
  const at::Tensor seeds = times(coefficients(readouts, loss, set_of), options_.loss_scale);
  std::vector<at::Tensor> by_chunk;
  begin = 0;
  for (const at::Tensor& graph : graphs) {
    by_chunk.push_back(memory::uploaded(seeds.narrow(0, begin, graph.size(0)), graph.device())
                           .to(graph.scalar_type()));
    begin += graph.size(0);
  }
  const PhaseScope phase(StepPhase::backward);
  const PurposeScope purpose(MemoryPurpose::activations);
  LastBackward::announce();
  if (!graphs.empty()) torch::autograd::backward(graphs, by_chunk);
  return readouts;
}

at::Tensor ScoreEngineCore::replay(const ScoreBatch& batch, const StepTotals& totals,
                                   const LossFunction& loss, at::Tensor& reference) const {
  std::vector<at::Tensor> values;
  add_readouts(values, batch.plans, false);
  const at::Tensor readouts = read_together(values, reference);
  const auto set_of = [&](const at::Tensor& r) { return make_set(batch, r, reference, totals); };
  const at::Tensor seeds = times(coefficients(readouts, loss, set_of), options_.loss_scale);
  std::int64_t begin = 0;
  const std::vector<Chunk> all = chunks(batch.plans, options_.max_tokens_per_forward);
  for (const Chunk& chunk : all) {
    const at::Tensor part = evaluate(chunk, batch.plans, false);
    back_propagate(part, seeds.narrow(0, begin, part.size(0)), &chunk == &all.back());
    begin += part.size(0);
  }
  return readouts;
}

}  // namespace lldm
