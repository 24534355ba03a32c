// SPDX-License-Identifier: MIT
#include "lldm/score/engine.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/score/combine.hpp"

namespace lldm {

/// Some copies of some plans that go through the denoiser together.
struct ScoreEngineCore::Chunk {
  struct Copy {
    std::size_t plan;
    std::int64_t copy;
    std::size_t first_query, last_query;  // of the plan's queries, half open
  };
  std::vector<Copy> copies;
};

ScoreEngineCore::ScoreEngineCore(Evaluate policy, Evaluate reference,
                                 std::vector<NamedParameter> parameters, std::string device,
                                 EngineOptions options)
    : policy_(std::move(policy)),
      reference_(std::move(reference)),
      parameters_(std::move(parameters)),
      device_(std::move(device)),
      options_(options) {}

std::vector<ScoreEngineCore::Chunk> ScoreEngineCore::chunks(
    std::span<const ScorePlan> plans) const {
  std::vector<Chunk> result;
  std::int64_t tokens = 0;
  for (std::size_t p = 0; p < plans.size(); ++p) {
    std::size_t q = 0;
    for (std::int64_t c = 0; c < plans[p].copies(); ++c) {
      if (result.empty() || tokens + plans[p].length > options_.max_tokens_per_forward) {
        result.emplace_back();
        tokens = 0;
      }
      tokens += plans[p].length;
      const std::size_t first = q;
      while (q < plans[p].queries.size() && plans[p].queries[q].copy == c) ++q;
      result.back().copies.push_back({p, c, first, q});
    }
    if (q != plans[p].queries.size())
      throw ShapeError("ScoreEngine: the queries of a plan must be sorted by copy");
  }
  return result;
}

at::Tensor ScoreEngineCore::evaluate(const Chunk& chunk, std::span<const ScorePlan> plans,
                                     bool reference) const {
  std::vector<std::int64_t> tokens, positions, targets;
  PackedTokens packed;
  packed.offsets.push_back(0);
  for (const auto& [p, c, first, last] : chunk.copies) {
    const ScorePlan& plan = plans[p];
    const auto copy = plan.copy(c);
    for (std::size_t q = first; q < last; ++q) {
      positions.push_back(packed.offsets.back() + plan.queries[q].position);
      targets.push_back(plan.queries[q].target);
    }
    tokens.insert(tokens.end(), copy.begin(), copy.end());
    packed.offsets.push_back(static_cast<std::int64_t>(tokens.size()));
  }
  const PurposeScope scope(MemoryPurpose::activations);
  const auto on_device = [&](const std::vector<std::int64_t>& values) {
    const at::Tensor host = at::tensor(values, at::kLong);
    return device_ == "cpu" ? host : host.to(at::Device(device_));
  };
  packed.tokens = on_device(tokens);
  return (reference ? reference_ : policy_)(packed, on_device(positions), on_device(targets));
}

namespace {

at::Tensor to_host(const at::Tensor& readouts) {
  return readouts.detach().to(at::Device(at::kCPU), at::kDouble);
}

}  // namespace

std::vector<double> ScoreEngineCore::readouts(std::span<const ScorePlan> plans,
                                              bool reference) const {
  const c10::NoGradGuard no_grad;
  std::vector<double> values;
  for (const Chunk& chunk : chunks(plans)) {
    const at::Tensor part = to_host(evaluate(chunk, plans, reference)).contiguous();
    values.insert(values.end(), part.const_data_ptr<double>(),
                  part.const_data_ptr<double>() + part.numel());
  }
  return values;
}

ScoreSet ScoreEngineCore::make_set(const ScoreBatch& batch, const at::Tensor& policy_readouts,
                                   const at::Tensor& reference_readouts,
                                   const StepTotals& totals) const {
  const std::int64_t groups = batch.groups(), size = batch.group_size;
  ScoreSet set;
  const auto by_group = [&](const at::Tensor& rows) {
    return rows.dim() == 1 ? rows.view({groups, size}) : rows.view({groups, size, rows.size(1)});
  };
  CombinedScores policy = combine(batch.plans, policy_readouts);
  set.policy = by_group(policy.scores);
  if (policy.parts.defined()) set.parts = by_group(policy.parts);
  if (reference_readouts.defined()) {
    const auto& plans = batch.reference_plans.empty() ? batch.plans : batch.reference_plans;
    CombinedScores reference = combine(plans, reference_readouts);
    set.reference = by_group(reference.scores);
    if (reference.parts.defined()) set.reference_parts = by_group(reference.parts);
  }
  std::vector<double> lengths;
  for (const ScorePlan& plan : batch.plans) lengths.push_back(static_cast<double>(plan.num_scored));
  set.lengths = at::tensor(lengths, at::kDouble).view({groups, size});
  set.totals = totals;
  return set;
}

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

void back_propagate(const at::Tensor& readouts, const at::Tensor& seeds) {
  torch::autograd::backward({readouts}, {seeds.to(readouts.options())});
}

}  // namespace

at::Tensor ScoreEngineCore::retain_or_linear(const ScoreBatch& batch, const StepTotals& totals,
                                             const LossFunction& loss, const at::Tensor& reference,
                                             bool linear) const {
  const auto set_of = [&](const at::Tensor& r) { return make_set(batch, r, reference, totals); };
  std::int64_t queries = 0;
  for (const ScorePlan& plan : batch.plans)
    queries += static_cast<std::int64_t>(plan.queries.size());
  // A linear loss has the same coefficients everywhere: take them at zero, before any forward.
  at::Tensor weights;
  if (linear) weights = coefficients(at::zeros({queries}, at::kDouble), loss, set_of);
  std::vector<at::Tensor> graphs, values;
  std::int64_t begin = 0;
  for (const Chunk& chunk : chunks(batch.plans)) {
    const at::Tensor part = evaluate(chunk, batch.plans, false);
    values.push_back(to_host(part));
    if (linear)
      back_propagate(part, weights.narrow(0, begin, part.size(0)));
    else
      graphs.push_back(part);
    begin += part.size(0);
  }
  const at::Tensor readouts = at::cat(values);
  if (linear) return readouts;
  const at::Tensor seeds = coefficients(readouts, loss, set_of);
  std::vector<at::Tensor> by_chunk;
  begin = 0;
  for (const at::Tensor& graph : graphs) {
    by_chunk.push_back(seeds.narrow(0, begin, graph.size(0)).to(graph.options()));
    begin += graph.size(0);
  }
  torch::autograd::backward(graphs, by_chunk);
  return readouts;
}

at::Tensor ScoreEngineCore::replay(const ScoreBatch& batch, const StepTotals& totals,
                                   const LossFunction& loss, const at::Tensor& reference) const {
  const std::vector<double> values = this->readouts(batch.plans, false);
  const at::Tensor readouts = at::tensor(values, at::kDouble);
  const at::Tensor seeds = coefficients(
      readouts, loss, [&](const at::Tensor& r) { return make_set(batch, r, reference, totals); });
  std::int64_t begin = 0;
  for (const Chunk& chunk : chunks(batch.plans)) {
    const at::Tensor part = evaluate(chunk, batch.plans, false);
    back_propagate(part, seeds.narrow(0, begin, part.size(0)));
    begin += part.size(0);
  }
  return readouts;
}

namespace {

/// Puts fresh buffers in the place of the parameters' gradients while it lives.
class GradientSwap {
 public:
  GradientSwap(const std::vector<NamedParameter>& parameters, std::vector<at::Tensor>& buffers)
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

void add_scaled(const std::vector<NamedParameter>& parameters,
                const std::vector<at::Tensor>& buffers, double scale) {
  const c10::NoGradGuard no_grad;
  const PurposeScope scope(MemoryPurpose::gradients);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    at::Tensor& gradient = parameters[i].value.mutable_grad();
    if (!gradient.defined()) gradient = at::zeros_like(parameters[i].value);
    gradient.add_(buffers[i], scale);
  }
}

}  // namespace

at::Tensor ScoreEngineCore::pairwise(const ScoreBatch& batch, const StepTotals& totals,
                                     const ObjectiveNeeds& needs, const LossFunction& loss,
                                     const at::Tensor& reference) const {
  const bool one_buffer = needs.use == ScoreUse::difference;
  std::vector<NamedParameter> trained;
  for (const NamedParameter& parameter : parameters_)
    if (parameter.value.requires_grad()) trained.push_back(parameter);
  std::vector<std::vector<at::Tensor>> buffers(one_buffer ? 1 : 2);
  for (auto& buffer : buffers) {
    const PurposeScope scope(MemoryPurpose::gradients);
    for (const NamedParameter& parameter : trained)
      buffer.push_back(at::zeros_like(parameter.value));
  }
  std::vector<at::Tensor> values;
  std::int64_t reference_begin = 0;
  for (std::int64_t b = 0; b < batch.groups(); ++b) {
    ScoreBatch pair;
    pair.group_size = 2;
    pair.plans = {batch.plans[static_cast<std::size_t>(2 * b)],
                  batch.plans[static_cast<std::size_t>(2 * b + 1)]};
    if (!batch.reference_plans.empty())
      pair.reference_plans = {batch.reference_plans[static_cast<std::size_t>(2 * b)],
                              batch.reference_plans[static_cast<std::size_t>(2 * b + 1)]};
    std::vector<at::Tensor> pair_values;
    for (std::size_t side = 0; side < 2; ++side) {
      const std::span<const ScorePlan> answer(&pair.plans[side], 1);
      const double sign = one_buffer && side == 1 ? -1.0 : 1.0;
      std::vector<double> weights;
      for (const Query& query : pair.plans[side].queries) weights.push_back(sign * query.weight);
      const at::Tensor seeds = at::tensor(weights, at::kDouble);
      const GradientSwap swap(trained, buffers[one_buffer ? 0 : side]);
      std::int64_t begin = 0;
      for (const Chunk& chunk : chunks(answer)) {
        const at::Tensor part = evaluate(chunk, answer, false);
        back_propagate(part, seeds.narrow(0, begin, part.size(0)));
        begin += part.size(0);
        pair_values.push_back(to_host(part));
      }
    }
    const at::Tensor readouts = at::cat(pair_values);
    values.push_back(readouts);
    at::Tensor pair_reference;
    if (reference.defined()) {
      std::int64_t count = 0;
      for (const ScorePlan& plan : pair.reference_plans.empty() ? pair.plans : pair.reference_plans)
        count += static_cast<std::int64_t>(plan.queries.size());
      pair_reference = reference.narrow(0, reference_begin, count);
      reference_begin += count;
    }
    const c10::AutoGradMode with_grad(true);
    ScoreSet set = make_set(pair, readouts, pair_reference, totals);
    set.policy = set.policy.detach().clone().set_requires_grad(true);
    const ObjectiveResult result = loss(set);
    const at::Tensor slope = torch::autograd::grad({result.loss_sum}, {set.policy}).front();
    const double chosen = slope.select(1, 0).item<double>(),
                 rejected = slope.select(1, 1).item<double>();
    if (one_buffer && std::abs(chosen + rejected) > 1e-9 * (std::abs(chosen) + std::abs(rejected)))
      throw ShapeError(
          "ScoreEngine: the objective declares ScoreUse::difference, but its slopes by the "
          "two scores are not opposite");
    add_scaled(trained, buffers[0], chosen);
    if (!one_buffer) add_scaled(trained, buffers[1], rejected);
    for (auto& buffer : buffers)
      for (at::Tensor& tensor : buffer) tensor.zero_();
  }
  return at::cat(values);
}

EngineStep ScoreEngineCore::step(const ScoreBatch& batch, const StepTotals& totals,
                                 const ObjectiveNeeds& needs, const LossFunction& loss,
                                 GradientPath path) const {
  if (batch.plans.empty() || batch.group_size != needs.group_size ||
      static_cast<std::int64_t>(batch.plans.size()) % batch.group_size != 0)
    throw ShapeError(message("ScoreEngine: got ", batch.plans.size(), " plans in groups of ",
                             batch.group_size, ", the objective compares ", needs.group_size));
  check_gradient_path(path, needs, batch.plans.front().combination);
  at::Tensor reference;
  if (needs.reference) {
    if (!reference_) throw ShapeError("ScoreEngine: the objective needs a reference model");
    const auto& plans = batch.reference_plans.empty() ? batch.plans : batch.reference_plans;
    reference = at::tensor(readouts(plans, true), at::kDouble);
  }
  at::Tensor values;
  switch (path) {
    case GradientPath::linear:
    case GradientPath::retain:
      values = retain_or_linear(batch, totals, loss, reference, path == GradientPath::linear);
      break;
    case GradientPath::replay:
      values = replay(batch, totals, loss, reference);
      break;
    case GradientPath::pairwise:
      values = pairwise(batch, totals, needs, loss, reference);
      break;
    case GradientPath::automatic:
      throw ShapeError("ScoreEngine: choose a gradient path before the step");
  }
  EngineStep done;
  done.scores = make_set(batch, values, reference, totals);
  const ObjectiveResult result = loss(done.scores);
  done.loss = result.loss_sum.item<double>();
  done.metrics = result.metrics;
  values = values.contiguous();
  const std::vector<double> errors = standard_errors(
      batch.plans, {values.const_data_ptr<double>(), static_cast<std::size_t>(values.numel())});
  done.scores.auxiliary["standard_error"] =
      at::tensor(errors, at::kDouble).view({batch.groups(), batch.group_size});
  const std::int64_t passes = path == GradientPath::replay ? 2 : 1;
  for (const ScorePlan& plan : batch.plans) {
    done.forwards += passes * plan.copies();
    done.tokens += passes * plan.copies() * plan.length;
  }
  return done;
}

ScoreSet ScoreEngineCore::score(const ScoreBatch& batch, const StepTotals& totals) const {
  const std::vector<double> values = readouts(batch.plans, false);
  at::Tensor reference;
  if (reference_)
    reference = at::tensor(
        readouts(batch.reference_plans.empty() ? batch.plans : batch.reference_plans, true),
        at::kDouble);
  ScoreSet set = make_set(batch, at::tensor(values, at::kDouble), reference, totals);
  set.auxiliary["standard_error"] = at::tensor(standard_errors(batch.plans, values), at::kDouble)
                                        .view({batch.groups(), batch.group_size});
  return set;
}

}  // namespace lldm
