// SPDX-License-Identifier: MIT
#include "lldm/score/engine.hpp"

#include <ATen/ops/tensor.h>

#include <algorithm>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/score/combine.hpp"
#include "lldm/score/plan_check.hpp"
#include "score/chunk.hpp"
#include "score/evaluations.hpp"

namespace lldm {
namespace {

/// The loss with further scores put into every set it sees.
LossFunction with_auxiliary(const LossFunction& loss, std::map<std::string, at::Tensor> scores) {
  if (scores.empty()) return loss;
  return [&loss, scores = std::move(scores)](const ScoreSet& set) {
    ScoreSet whole = set;
    for (const auto& [name, values] : scores) whole.auxiliary[name] = values;
    return loss(whole);
  };
}

/// What a model reads of a plan while it walks its own path: every copy but the last of the longest
/// path (see ScoreEngineCore::walked).
std::int64_t steps_walked(const ScorePlan& plan, std::int64_t most) {
  return plan.path_uniforms.empty() ? 0 : std::min(plan.copies(), most - 1);
}

std::int64_t most_walked(const std::vector<ScorePlan>& plans) {
  std::int64_t most = 0;
  for (const ScorePlan& plan : plans)
    if (!plan.path_uniforms.empty()) most = std::max(most, plan.copies());
  return most;
}

std::int64_t walked_copies(const std::vector<ScorePlan>& plans) {
  const std::int64_t most = most_walked(plans);
  std::int64_t copies = 0;
  for (const ScorePlan& plan : plans) copies += steps_walked(plan, most);
  return copies;
}

std::int64_t walked_tokens(const std::vector<ScorePlan>& plans) {
  const std::int64_t most = most_walked(plans);
  std::int64_t tokens = 0;
  for (const ScorePlan& plan : plans) tokens += steps_walked(plan, most) * plan.length;
  return tokens;
}

std::vector<double> as_vector(const at::Tensor& values) {
  const at::Tensor flat = values.contiguous();
  return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
}

}  // namespace

ScoreEngineCore::ScoreEngineCore(Model policy, Model reference,
                                 std::vector<NamedParameter> parameters, std::string device,
                                 EngineOptions options)
    : policy_(std::move(policy)),
      reference_(std::move(reference)),
      parameters_(std::move(parameters)),
      device_(std::move(device)),
      options_(options) {}

void ScoreEngineCore::check_plans(std::span<const ScorePlan> plans) const {
  for (const ScorePlan& plan : plans) check_plan(plan, policy_.vocabulary_size);
}

void ScoreEngineCore::check_batch(const ScoreBatch& batch) const {
  for (const auto* plans : {&batch.plans, &batch.reference_plans, &batch.mismatched_plans})
    check_plans(*plans);
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
  note_evaluations(batch, set);
  return set;
}

std::map<std::string, at::Tensor> ScoreEngineCore::auxiliary_of(const ScoreBatch& batch) const {
  std::map<std::string, at::Tensor> scores;
  if (!batch.wanted.empty()) scores["wanted"] = at::tensor(batch.wanted, at::kDouble);
  if (batch.mismatched_plans.empty()) return scores;
  const auto of = [&](bool reference) {
    const auto values = at::tensor(readouts(batch.mismatched_plans, reference), at::kDouble);
    return combine(batch.mismatched_plans, values).scores;
  };
  scores["mismatched_policy"] = of(false);
  if (has_reference()) scores["mismatched_reference"] = of(true);
  return scores;
}

std::optional<ScoreBatch> ScoreEngineCore::on_own_path(const ScoreBatch& batch) const {
  const bool is_walked = std::ranges::any_of(
      batch.plans, [](const ScorePlan& plan) { return !plan.path_uniforms.empty(); });
  if (!is_walked) return std::nullopt;
  ScoreBatch own = batch;
  own.plans = walked(batch.plans, false);
  // Left as they are: the reference walks its own path when it is read.
  if (own.reference_plans.empty()) own.reference_plans = batch.plans;
  return own;
}

PassCounts ScoreEngineCore::passes(const ScoreBatch& batch) const {
  PassCounts counts;
  for (const auto* plans : {&batch.plans, &batch.mismatched_plans}) {
    for (const ScorePlan& plan : *plans) {
      counts.nominal += plan.nominal_copies;
      counts.evaluated += plan.copies();
    }
    counts.extra += walked_copies(*plans);
  }
  if (!reference_ || stored_) return counts;
  const auto& others = batch.reference_plans.empty() ? batch.plans : batch.reference_plans;
  for (const auto* plans : {&others, &batch.mismatched_plans}) {
    for (const ScorePlan& plan : *plans) counts.reference += plan.copies();
    counts.reference += walked_copies(*plans);
  }
  return counts;
}

void ScoreEngineCore::count(const ScoreBatch& given, const ObjectiveNeeds& needs, GradientPath path,
                            EngineStep& done) const {
  done.passes = passes(given);
  if (!needs.reference) done.passes.reference = 0;
  const std::int64_t repeats = path == GradientPath::replay ? 1 : 0;
  for (const ScorePlan& plan : given.plans) {
    done.passes.extra += repeats * plan.copies();
    done.tokens += (1 + repeats) * plan.copies() * plan.length;
  }
  for (const auto* plans : {&given.plans, &given.mismatched_plans})
    done.tokens += walked_tokens(*plans);
  for (const ScorePlan& plan : given.mismatched_plans) done.tokens += plan.copies() * plan.length;
  done.forwards = done.passes.evaluated + done.passes.extra;
}

EngineStep ScoreEngineCore::step(const ScoreBatch& given, const StepTotals& totals,
                                 const ObjectiveNeeds& needs, const LossFunction& plain_loss,
                                 GradientPath path) const {
  const PurposeScope purpose(MemoryPurpose::workspace);
  check_batch(given);
  const std::optional<ScoreBatch> own = on_own_path(given);
  const ScoreBatch& batch = own ? *own : given;
  if (batch.plans.empty() || batch.group_size != needs.group_size ||
      static_cast<std::int64_t>(batch.plans.size()) % batch.group_size != 0)
    throw ShapeError(message("ScoreEngine: got ", batch.plans.size(), " plans in groups of ",
                             batch.group_size, ", the objective compares ", needs.group_size));
  check_gradient_path(path, needs, batch.plans.front().combination);
  at::Tensor reference;
  if (needs.reference) {
    if (!has_reference()) throw ShapeError("ScoreEngine: the objective needs a reference model");
    const auto& plans = batch.reference_plans.empty() ? batch.plans : batch.reference_plans;
    std::vector<at::Tensor> parts;  // read with the policy's
    if (path == GradientPath::pairwise) {
      // Answer by answer, as the policy will be.
      const std::int64_t copies = options_.scoring_factor * options_.pairwise_copies;
      for (const ScorePlan& plan : plans) add_readouts(parts, std::span(&plan, 1), true, copies);
    } else {
      add_readouts(parts, plans, true);
    }
    reference = concatenate(parts);
  }
  at::Tensor values;
  const std::map<std::string, at::Tensor> further = auxiliary_of(batch);
  const LossFunction loss = with_auxiliary(plain_loss, further);
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
  done.scores.auxiliary.insert(further.begin(), further.end());
  const ObjectiveResult result = loss(done.scores);
  done.loss = result.loss_sum.item<double>();
  done.metrics = result.metrics;
  done.readouts = as_vector(values);
  if (reference.defined()) done.reference_readouts = as_vector(reference);
  const std::vector<double> errors = standard_errors(batch.plans, done.readouts);
  done.scores.auxiliary["standard_error"] =
      at::tensor(errors, at::kDouble).view({batch.groups(), batch.group_size});
  count(given, needs, path, done);
  return done;
}

ScoreSet ScoreEngineCore::score(const ScoreBatch& batch, const StepTotals& totals) const {
  const PurposeScope purpose(MemoryPurpose::workspace);
  check_batch(batch);
  const std::vector<double> values = readouts(batch.plans, false);
  at::Tensor reference;
  if (has_reference())
    reference = at::tensor(
        readouts(batch.reference_plans.empty() ? batch.plans : batch.reference_plans, true),
        at::kDouble);
  ScoreSet set = make_set(batch, at::tensor(values, at::kDouble), reference, totals);
  set.auxiliary.merge(auxiliary_of(batch));
  set.auxiliary["standard_error"] = at::tensor(standard_errors(batch.plans, values), at::kDouble)
                                        .view({batch.groups(), batch.group_size});
  return set;
}

}  // namespace lldm
