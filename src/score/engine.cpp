// SPDX-License-Identifier: MIT
#include "lldm/score/engine.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/log.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/score/combine.hpp"
#include "score/chunk.hpp"

namespace lldm {
namespace {

/// log(a + b p(target) + c p(other)) [Q] of log-probabilities [2 Q], targets first.  Between two
/// times strictly inside (0, 1) the constant is above 0, so a probability that underflows costs
/// nothing.
at::Tensor log_posteriors(const at::Tensor& log_probabilities,
                          const std::vector<PosteriorReadout>& posteriors) {
  const auto size = static_cast<std::int64_t>(posteriors.size());
  std::vector<double> constant, of_target, of_other;
  for (const PosteriorReadout& posterior : posteriors) {
    constant.push_back(posterior.constant);
    of_target.push_back(posterior.of_target);
    of_other.push_back(posterior.of_other);
  }
  const auto like = [&](const std::vector<double>& values) {
    return at::tensor(values, at::kDouble).to(log_probabilities.options());
  };
  const at::Tensor target = at::exp(log_probabilities.narrow(0, 0, size));
  const at::Tensor other = at::exp(log_probabilities.narrow(0, size, size));
  return at::log(like(constant) + like(of_target) * target + like(of_other) * other);
}

/// The loss with further scores put into every set it sees.
LossFunction with_auxiliary(const LossFunction& loss, std::map<std::string, at::Tensor> scores) {
  if (scores.empty()) return loss;
  return [&loss, scores = std::move(scores)](const ScoreSet& set) {
    ScoreSet whole = set;
    for (const auto& [name, values] : scores) whole.auxiliary[name] = values;
    return loss(whole);
  };
}

}  // namespace

ScoreEngineCore::ScoreEngineCore(Evaluate policy, Evaluate reference,
                                 std::vector<NamedParameter> parameters, std::string device,
                                 EngineOptions options)
    : policy_(std::move(policy)),
      reference_(std::move(reference)),
      parameters_(std::move(parameters)),
      device_(std::move(device)),
      options_(options) {}

std::vector<ScoreEngineCore::Chunk> ScoreEngineCore::chunks(std::span<const ScorePlan> plans,
                                                            std::int64_t most_copies) const {
  std::vector<Chunk> result;
  std::int64_t tokens = 0;
  for (std::size_t p = 0; p < plans.size(); ++p) {
    std::size_t q = 0;
    for (std::int64_t c = 0; c < plans[p].copies(); ++c) {
      const bool is_full = most_copies > 0 && !result.empty() &&
                           static_cast<std::int64_t>(result.back().copies.size()) >= most_copies;
      if (result.empty() || is_full || tokens + plans[p].length > options_.max_tokens_per_forward) {
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
  std::vector<PosteriorReadout> posteriors;
  PackedTokens packed;
  packed.offsets.push_back(0);
  bool has_pattern = false;
  for (const auto& [p, c, first, last] : chunk.copies) {
    const ScorePlan& plan = plans[p];
    const auto copy = plan.copy(c);
    for (std::size_t q = first; q < last; ++q) {
      positions.push_back(packed.offsets.back() + plan.queries[q].position);
      targets.push_back(plan.queries[q].target);
      if (plan.readout == Readout::log_posterior) posteriors.push_back(plan.posteriors.at(q));
    }
    packed.patterns.push_back(plan.attention);
    has_pattern = has_pattern || plan.attention.kind != AttentionPattern::Kind::full;
    tokens.insert(tokens.end(), copy.begin(), copy.end());
    packed.offsets.push_back(static_cast<std::int64_t>(tokens.size()));
  }
  const PurposeScope scope(MemoryPurpose::activations);
  const auto on_device = [&](const std::vector<std::int64_t>& values) {
    const at::Tensor host = at::tensor(values, at::kLong);
    return device_ == "cpu" ? host : host.to(at::Device(device_));
  };
  packed.tokens = on_device(tokens);
  if (!has_pattern) packed.patterns.clear();
  const Evaluate& model = reference ? reference_ : policy_;
  if (posteriors.empty()) return model(packed, on_device(positions), on_device(targets));
  if (posteriors.size() != targets.size())
    throw ShapeError("ScoreEngine: the plans of one forward mix readouts");
  // Both tokens of a query are read from the same row: one forward, twice the targets.
  const std::vector<std::int64_t> rows = positions;
  positions.insert(positions.end(), rows.begin(), rows.end());
  for (const PosteriorReadout& posterior : posteriors) targets.push_back(posterior.other);
  return log_posteriors(model(packed, on_device(positions), on_device(targets)), posteriors);
}

std::vector<double> ScoreEngineCore::readouts(std::span<const ScorePlan> plans, bool reference,
                                              std::int64_t most_copies) const {
  const c10::NoGradGuard no_grad;
  std::vector<double> values;
  if (reference && stored_) {
    for (const ScorePlan& plan : plans) {
      const std::vector<double> own = stored_(plan);
      if (own.size() != plan.queries.size())
        throw ShapeError(message("ScoreEngine: the store holds ", own.size(),
                                 " readouts of a plan with ", plan.queries.size(), " queries"));
      values.insert(values.end(), own.begin(), own.end());
    }
    return values;
  }
  for (const Chunk& chunk : chunks(plans, most_copies)) {
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

std::map<std::string, at::Tensor> ScoreEngineCore::mismatched(const ScoreBatch& batch) const {
  std::map<std::string, at::Tensor> scores;
  if (batch.mismatched_plans.empty()) return scores;
  const auto of = [&](bool reference) {
    const auto values = at::tensor(readouts(batch.mismatched_plans, reference), at::kDouble);
    return combine(batch.mismatched_plans, values).scores;
  };
  scores["mismatched_policy"] = of(false);
  if (has_reference()) scores["mismatched_reference"] = of(true);
  return scores;
}

EngineStep ScoreEngineCore::step(const ScoreBatch& batch, const StepTotals& totals,
                                 const ObjectiveNeeds& needs, const LossFunction& plain_loss,
                                 GradientPath path) const {
  if (batch.plans.empty() || batch.group_size != needs.group_size ||
      static_cast<std::int64_t>(batch.plans.size()) % batch.group_size != 0)
    throw ShapeError(message("ScoreEngine: got ", batch.plans.size(), " plans in groups of ",
                             batch.group_size, ", the objective compares ", needs.group_size));
  check_gradient_path(path, needs, batch.plans.front().combination);
  at::Tensor reference;
  if (needs.reference) {
    if (!has_reference()) throw ShapeError("ScoreEngine: the objective needs a reference model");
    const auto& plans = batch.reference_plans.empty() ? batch.plans : batch.reference_plans;
    std::vector<double> values;
    if (path == GradientPath::pairwise) {
      // Packed as the policy will be, answer by answer: equal models give equal bits.
      for (const ScorePlan& plan : plans) {
        const std::vector<double> own = readouts(std::span(&plan, 1), true, kPairwiseCopies);
        values.insert(values.end(), own.begin(), own.end());
      }
    } else {
      values = readouts(plans, true);
    }
    reference = at::tensor(values, at::kDouble);
  }
  at::Tensor values;
  const LossFunction loss = with_auxiliary(plain_loss, mismatched(batch));
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
  if (has_reference())
    reference = at::tensor(
        readouts(batch.reference_plans.empty() ? batch.plans : batch.reference_plans, true),
        at::kDouble);
  ScoreSet set = make_set(batch, at::tensor(values, at::kDouble), reference, totals);
  set.auxiliary = mismatched(batch);
  set.auxiliary["standard_error"] = at::tensor(standard_errors(batch.plans, values), at::kDouble)
                                        .view({batch.groups(), batch.group_size});
  return set;
}

}  // namespace lldm
