// SPDX-License-Identifier: MIT
// The gradient path `pairwise`: every evaluation goes back at once, with slope one, into side
// buffers; when both scores of a pair are known, the buffers are added with the loss's slopes.
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "lldm/errors.hpp"
#include "lldm/memory/flat_tensors.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/track/phase_clock.hpp"
#include "memory/upload.hpp"
#include "score/chunk.hpp"

namespace lldm {

namespace {

/// Puts fresh buffers in the place of the parameters' gradients while it lives.
class GradientSwap {
 public:
  GradientSwap(const std::vector<NamedParameter>& parameters, const FlatTensors& buffers)
      : parameters_(parameters) {
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      kept_.push_back(parameters_[i].value.grad());
      parameters_[i].value.mutable_grad() = buffers[i];
    }
  }
  ~GradientSwap() {
    for (std::size_t i = 0; i < parameters_.size(); ++i)
      parameters_[i].value.mutable_grad() = kept_[i];
  }
  GradientSwap(const GradientSwap&) = delete;
  GradientSwap& operator=(const GradientSwap&) = delete;

 private:
  const std::vector<NamedParameter>& parameters_;
  std::vector<at::Tensor> kept_;
};

void add_scaled(const std::vector<NamedParameter>& parameters, const FlatTensors& buffers,
                double scale) {
  const c10::NoGradGuard no_grad;
  const PurposeScope scope(MemoryPurpose::gradients);
  const PhaseScope phase(StepPhase::backward);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    at::Tensor& gradient = parameters[i].value.mutable_grad();
    if (!gradient.defined()) gradient = at::zeros_like(parameters[i].value);
    gradient.add_(buffers[i], scale);
  }
}

std::vector<FlatTensors> make_buffers(const std::vector<NamedParameter>& parameters,
                                      std::size_t count) {
  const PurposeScope scope(MemoryPurpose::gradients);
  std::vector<at::Tensor> values;
  for (const NamedParameter& parameter : parameters) values.push_back(parameter.value);
  std::vector<FlatTensors> buffers;
  while (buffers.size() < count) buffers.push_back(FlatTensors::zeros_like(values));
  return buffers;
}

/// The pair at index `b` as a batch of its own.
ScoreBatch pair_of(const ScoreBatch& batch, std::size_t b) {
  const auto two = [b](const std::vector<ScorePlan>& plans) {
    return plans.empty() ? plans : std::vector<ScorePlan>{plans[2 * b], plans[2 * b + 1]};
  };
  return {two(batch.plans), two(batch.reference_plans), {}, 2};
}

std::int64_t queries_of(const std::vector<ScorePlan>& plans) {
  std::int64_t count = 0;
  for (const ScorePlan& plan : plans) count += static_cast<std::int64_t>(plan.queries.size());
  return count;
}

struct Slopes {
  double chosen, rejected;
};

/// dLoss/dS of the two answers of a pair, whose scores (and parts) are known.
Slopes slopes_of(ScoreSet set, const LossFunction& loss, bool is_difference) {
  const c10::AutoGradMode with_grad(true);
  set.policy = set.policy.detach().clone().set_requires_grad(true);
  set.parts = set.parts.detach().clone().set_requires_grad(true);
  const ObjectiveResult result = loss(set);
  const auto slopes = torch::autograd::grad({result.loss_sum}, {set.policy, set.parts}, {},
                                            std::nullopt, false, /*allow_unused=*/true);
  if (slopes[1].defined() || !slopes[0].defined())
    throw ShapeError(
        "ScoreEngine: gradient_path = \"pairwise\" knows the scores alone, but the objective "
        "reads their parts\n  use retain or replay");
  const Slopes by{slopes[0].select(1, 0).item<double>(), slopes[0].select(1, 1).item<double>()};
  if (is_difference &&
      std::abs(by.chosen + by.rejected) > 1e-9 * (std::abs(by.chosen) + std::abs(by.rejected)))
    throw ShapeError(
        "ScoreEngine: the objective declares ScoreUse::difference, but its slopes by the two "
        "scores are not opposite");
  return by;
}

}  // namespace

std::vector<at::Tensor> ScoreEngineCore::back_propagate_score(const ScorePlan& plan,
                                                              double sign) const {
  const std::span<const ScorePlan> answer(&plan, 1);
  std::vector<double> weights;
  for (const Query& query : plan.queries)
    weights.push_back(sign * options_.loss_scale * query.weight);
  const at::Tensor seeds = at::tensor(weights, at::kDouble);
  std::vector<at::Tensor> values;
  std::int64_t begin = 0;
  const std::int64_t tokens = options_.max_tokens_per_forward;
  for (const Chunk& chunk : chunks(answer, tokens, options_.pairwise_copies)) {
    const at::Tensor part = evaluate(chunk, answer, false);
    const PhaseScope phase(StepPhase::backward);
    const PurposeScope purpose(MemoryPurpose::activations);
    torch::autograd::backward({part},
                              {memory::uploaded(seeds.narrow(0, begin, part.size(0)), part.device())
                                   .to(part.scalar_type())});
    begin += part.size(0);
    values.push_back(part.detach());
  }
  return values;
}

at::Tensor ScoreEngineCore::pairwise(const ScoreBatch& batch, const StepTotals& totals,
                                     const ObjectiveNeeds& needs, const LossFunction& loss,
                                     at::Tensor& reference) const {
  const bool is_difference = needs.use == ScoreUse::difference;
  std::vector<NamedParameter> trained;
  for (const NamedParameter& parameter : parameters_)
    if (parameter.value.requires_grad()) trained.push_back(parameter);
  const auto buffers = make_buffers(trained, is_difference ? 1 : 2);
  std::vector<at::Tensor> values, reference_values;
  std::int64_t reference_begin = 0;
  for (std::size_t b = 0; b < static_cast<std::size_t>(batch.groups()); ++b) {
    const ScoreBatch pair = pair_of(batch, b);
    std::vector<at::Tensor> pair_values;
    for (std::size_t side = 0; side < 2; ++side) {
      const GradientSwap swap(trained, buffers[is_difference ? 0 : side]);
      for (at::Tensor& part :
           back_propagate_score(pair.plans[side], is_difference && side == 1 ? -1.0 : 1.0))
        pair_values.push_back(std::move(part));
    }
    at::Tensor pair_reference;
    if (reference.defined()) {
      const std::int64_t count =
          queries_of(pair.reference_plans.empty() ? pair.plans : pair.reference_plans);
      pair_reference = reference.narrow(0, reference_begin, count);
      reference_begin += count;
    }
    const at::Tensor readouts = read_together(pair_values, pair_reference);
    values.push_back(readouts);
    if (reference.defined()) reference_values.push_back(pair_reference);
    const Slopes slopes =
        slopes_of(make_set(pair, readouts, pair_reference, totals), loss, is_difference);
    add_scaled(trained, buffers[0], slopes.chosen);
    if (!is_difference) add_scaled(trained, buffers[1], slopes.rejected);
    for (const auto& buffer : buffers) buffer.zero();
  }
  if (reference.defined()) reference = concatenate(reference_values);
  return concatenate(values);
}

}  // namespace lldm
