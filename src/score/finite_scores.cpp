// SPDX-License-Identifier: MIT
#include "lldm/score/finite_scores.hpp"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

constexpr std::size_t kMostListed = 5;
constexpr double kLargestWeight = 1e100;  // beyond it sums of readouts overflow

std::string answer_text(std::int64_t size, std::int64_t answer) {
  if (size == 1) return "";
  if (size == 2) return answer == 0 ? " (chosen)" : " (rejected)";
  return message(" (answer ", answer + 1, ")");
}

std::string list_text(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(kMostListed, names.size()); ++i)
    text += (i > 0 ? ", " : "") + names[i];
  if (names.size() > kMostListed) text += message(" and ", names.size() - kMostListed, " more");
  return text;
}

bool is_usable(const ScorePlan& plan) {
  return std::isfinite(plan.constant) &&
         std::all_of(plan.queries.begin(), plan.queries.end(),
                     [](const Query& query) { return std::abs(query.weight) <= kLargestWeight; });
}

std::string tail(const std::string& hint) { return hint.empty() ? "" : "\n  " + hint; }

/// Scores [B, G] (or [B]) of plans in the same order.
struct Side {
  const char* whose;
  at::Tensor scores;
  const std::vector<ScorePlan>* plans;
  const std::string* denoiser;
};

void require_finite_side(const Side& side, std::span<const std::uint64_t> ids,
                         const ScoreLabels& labels, const std::string& when,
                         const std::string& hint) {
  if (!side.scores.defined()) return;
  const at::Tensor flat = side.scores.detach().contiguous();
  const std::int64_t size = flat.dim() > 1 ? flat.size(1) : 1;
  std::vector<std::string> rows;
  std::int64_t first = -1;
  for (std::int64_t i = 0; i < flat.numel(); ++i) {
    if (std::isfinite(flat.const_data_ptr<double>()[i])) continue;
    if (first < 0) first = i;
    rows.push_back(labels.row_text(ids[static_cast<std::size_t>(i / size)]) +
                   answer_text(size, i % size));
  }
  if (first < 0) return;
  const bool is_plan_usable = is_usable(side.plans->at(static_cast<std::size_t>(first)));
  throw Error(message(labels.where, ": ", side.whose, " score is ",
                      flat.const_data_ptr<double>()[first], when, "\n  from ",
                      is_plan_usable ? *side.denoiser : labels.score_estimator, ", of ",
                      list_text(rows), tail(hint)));
}

/// Group `b` of a set, as a set of its own under the same totals.
ScoreSet group_of(const ScoreSet& set, std::int64_t b) {
  const std::int64_t groups = set.policy.size(0);
  const auto one = [&](const at::Tensor& values) {
    return values.defined() && values.dim() > 0 && values.size(0) == groups ? values.narrow(0, b, 1)
                                                                            : values;
  };
  ScoreSet group = set;
  for (at::Tensor* values :
       {&group.policy, &group.reference, &group.parts, &group.reference_parts, &group.lengths})
    *values = one(*values);
  for (auto& [name, values] : group.auxiliary) values = one(values);
  return group;
}

bool has_finite_slopes(const ScoreSet& set, const LossFunction& loss_of) {
  const c10::AutoGradMode with_grad(true);
  ScoreSet leaf = set;
  std::vector<at::Tensor> read = {leaf.policy =
                                      set.policy.detach().clone().set_requires_grad(true)};
  if (set.parts.defined())
    read.push_back(leaf.parts = set.parts.detach().clone().set_requires_grad(true));
  const ObjectiveResult result = loss_of(leaf);
  if (!result.loss_sum.requires_grad()) return true;
  const auto slopes = torch::autograd::grad({result.loss_sum}, read, {}, std::nullopt, false,
                                            /*allow_unused=*/true);
  return std::all_of(slopes.begin(), slopes.end(), [](const at::Tensor& slope) {
    if (!slope.defined()) return true;
    const at::Tensor flat = slope.contiguous();
    const double* begin = flat.const_data_ptr<double>();
    return std::all_of(begin, begin + flat.numel(), [](double x) { return std::isfinite(x); });
  });
}

/// The rows for which `is_bad` holds alone; all of them where it holds for none.
template <class IsBad>
std::string culprits(const ScoreSet& scores, std::span<const std::uint64_t> ids,
                     const ScoreLabels& labels, IsBad is_bad) {
  std::vector<std::string> bad, all;
  for (std::size_t b = 0; b < ids.size(); ++b) {
    all.push_back(labels.row_text(ids[b]));
    try {
      if (is_bad(group_of(scores, static_cast<std::int64_t>(b)))) bad.push_back(all.back());
    } catch (const std::exception&) {  // a loss that knows no single group
    }
  }
  return bad.empty() ? list_text(all) + " together" : list_text(bad);
}

/// ", its term \"dpo\"" where the loss is a sum and says what its terms gave.
std::string term_of(const ObjectiveResult& result) {
  constexpr std::string_view kPrefix = "loss/";
  for (const auto& [name, mean] : result.metrics)
    if (name.starts_with(kPrefix) && !std::isfinite(mean.sum))
      return message(", term \"", name.substr(kPrefix.size()), "\"");
  return "";
}

}  // namespace

std::string ScoreLabels::row_text(std::uint64_t id) const {
  return row ? row(id) : message("row ", id);
}

void require_finite_scores(const ScoreBatch& batch, const ScoreSet& scores,
                           std::span<const std::uint64_t> ids, const ScoreLabels& labels,
                           const std::string& when, const std::string& hint) {
  const auto auxiliary = [&](const char* name) {
    const auto at = scores.auxiliary.find(name);
    return at == scores.auxiliary.end() ? at::Tensor() : at->second;
  };
  const auto& others = batch.reference_plans.empty() ? batch.plans : batch.reference_plans;
  const auto& mismatched = batch.mismatched_plans;
  for (const Side& side : {Side{"the policy's", scores.policy, &batch.plans, &labels.policy},
                           Side{"the reference's", scores.reference, &others, &labels.reference},
                           Side{"the policy's mismatched", auxiliary("mismatched_policy"),
                                &mismatched, &labels.policy},
                           Side{"the reference's mismatched", auxiliary("mismatched_reference"),
                                &mismatched, &labels.reference}})
    require_finite_side(side, ids, labels, when, hint);
}

void require_finite_loss(double loss, const ScoreSet& scores, const LossFunction& loss_of,
                         std::span<const std::uint64_t> ids, const ScoreLabels& labels,
                         const std::string& when, const std::string& hint) {
  if (std::isfinite(loss)) return;
  throw Error(message(labels.where, ": the loss is ", loss, when, " at finite scores\n  from ",
                      labels.objective, term_of(loss_of(scores)), ", of ",
                      culprits(scores, ids, labels,
                               [&](const ScoreSet& group) {
                                 return !std::isfinite(loss_of(group).loss_sum.item<double>());
                               }),
                      tail(hint)));
}

void require_finite_slopes(const ScoreSet& scores, const LossFunction& loss_of,
                           std::span<const std::uint64_t> ids, const ScoreLabels& labels,
                           const std::string& when, const std::string& hint) {
  if (has_finite_slopes(scores, loss_of)) return;
  throw Error(
      message(labels.where, ": the slope of the loss by a score is not finite", when, "\n  from ",
              labels.objective, ", of ",
              culprits(scores, ids, labels,
                       [&](const ScoreSet& group) { return !has_finite_slopes(group, loss_of); }),
              tail(hint)));
}

}  // namespace lldm
