// SPDX-License-Identifier: MIT
#include "lldm/objective/kto.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>

#include <algorithm>

#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"
#include "lldm/objective/normalize.hpp"

namespace lldm {

void Kto::Options::check(config::OptionsCheck& check) const {
  if (loss == KtoLoss::apo_zero_unpaired && kl)
    check.error("kl", "loss = \"apo_zero_unpaired\" has no baseline",
                "leave kl out, or take loss = \"kto\"");
  if (desirable_weight == 0 && undesirable_weight == 0)
    check.error("desirable_weight", "both weights are 0: nothing would be learnt",
                "legal: at most one of desirable_weight and undesirable_weight is 0");
}

Kto::Kto(const Options& options) : options_(options) {
  config::require_legal(options, "[objective] kto");
}

ObjectiveNeeds Kto::needs() const {
  return {.group_size = 2,
          .reference = true,
          .use = has_baseline() ? ScoreUse::coupled : ScoreUse::each,
          .denominator = Denominator::rows,
          .mismatched = has_baseline(),
          .unpaired = true};
}

double Kto::baseline(const at::Tensor& mismatched) const {
  return has_baseline() ? std::max(0.0, mismatched.mean().item<double>()) : 0.0;
}

at::Tensor Kto::losses(const at::Tensor& log_ratios, const at::Tensor& is_desirable,
                       double baseline) const {
  // 1 - sigmoid(x) = sigmoid(-x), without cancellation; an undesirable answer turns the sign.
  const at::Tensor towards = (log_ratios - baseline) * options_.beta;
  const at::Tensor weights =
      at::where(is_desirable, at::tensor(options_.desirable_weight, at::kDouble),
                at::tensor(options_.undesirable_weight, at::kDouble));
  return at::sigmoid(at::where(is_desirable, -towards, towards)) * weights;
}

namespace {

/// Means over the wanted and the other answers [B] by themselves, as TRL's KTOTrainer logs them.
std::map<std::string, Mean> unpaired_metrics(const ScoreSet& scores, const at::Tensor& ratios,
                                             const at::Tensor& is_wanted, double beta) {
  std::map<std::string, Mean> metrics;
  const at::Tensor policy = scores.policy.detach();
  for (const bool wanted : {true, false}) {
    const at::Tensor share = is_wanted.eq(wanted).to(at::kDouble);
    const double count = share.sum().item<double>();
    if (count == 0) continue;
    const char* side = wanted ? "chosen" : "rejected";
    metrics[message("rewards/", side)] = {beta * (ratios.detach() * share).sum().item<double>(),
                                          count};
    metrics[message("logps/", side)] = {(policy * share).sum().item<double>(), count};
  }
  if (metrics.size() == 4)
    metrics["rewards/margins"] = {
        metrics.at("rewards/chosen").value() - metrics.at("rewards/rejected").value(), 1};
  return metrics;
}

/// [B, G] whether an answer is desirable: the first of a pair, or one that is labelled so.
at::Tensor desirable(const ScoreSet& scores) {
  const auto sizes = scores.policy.sizes();
  if (sizes[1] != 1) return (at::tensor({1.0, 0.0}, at::kDouble) > 0.5).expand(sizes);
  const auto wanted = scores.auxiliary.find("wanted");
  if (wanted == scores.auxiliary.end())
    throw ShapeError(
        "kto: the score set holds one answer a row and no auxiliary \"wanted\"\n  say which "
        "answers "
        "are wanted, or give pairs");
  return (wanted->second > 0.5).view({sizes[0], 1});
}

}  // namespace

ObjectiveResult Kto::evaluate(const ScoreSet& scores) const {
  const at::Tensor ratios = log_ratios(scores, Normalize::none);
  double shift = 0;
  if (has_baseline()) {
    for (const char* name : {"mismatched_policy", "mismatched_reference"})
      if (!scores.auxiliary.contains(name))
        throw ShapeError(message("kto: the score set has no auxiliary \"", name,
                                 "\"\n  score mismatched answers, or set kl = \"none\""));
    shift = baseline(scores.auxiliary.at("mismatched_policy").detach() -
                     scores.auxiliary.at("mismatched_reference"));
  }
  const at::Tensor is_desirable = desirable(scores);
  ObjectiveResult result{losses(ratios, is_desirable, shift).sum(),
                         ratios.size(1) == 1
                             ? unpaired_metrics(scores, ratios, is_desirable, options_.beta)
                             : preference_metrics(scores, options_.beta)};
  if (has_baseline()) {
    const auto groups = static_cast<double>(ratios.size(0));
    result.metrics["kl"] = {shift * groups, groups};
  }
  return result;
}

}  // namespace lldm
