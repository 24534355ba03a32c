// SPDX-License-Identifier: MIT
// TRL's DPO losses by score: every row of golden/preference/dpo.jsonl.gz; the kinds that no
// objective of ours covers yet are listed by name.
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>

#include "lldm/objective/aot.hpp"
#include "lldm/objective/aot_unpaired.hpp"
#include "lldm/objective/apo_down.hpp"
#include "lldm/objective/apo_zero.hpp"
#include "lldm/objective/bco_pair.hpp"
#include "lldm/objective/discopop.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/objective/exo_pair.hpp"
#include "lldm/objective/hinge.hpp"
#include "lldm/objective/ipo.hpp"
#include "lldm/objective/nca_pair.hpp"
#include "lldm/objective/pretraining.hpp"
#include "lldm/objective/robust.hpp"
#include "lldm/objective/sppo_hard.hpp"
#include "lldm/objective/weighted_sum.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/preference_golden.hpp"
#include "support/score_sets.hpp"
#include "support/table_denoiser.hpp"

using namespace lldm;
using namespace lldm::testing;
using nlohmann::json;

namespace {

at::Tensor column(const json& batch, const char* chosen, const char* rejected) {
  const auto first = batch.at(chosen).get<std::vector<double>>(),
             second = batch.at(rejected).get<std::vector<double>>();
  std::vector<double> both;
  for (std::size_t b = 0; b < first.size(); ++b) both.insert(both.end(), {first[b], second[b]});
  return at::tensor(both, at::kDouble).view({-1, 2});
}

ScoreSet score_set(const json& batch) {
  ScoreSet set;
  set.policy = column(batch, "logps_chosen", "logps_rejected");
  set.reference = column(batch, "ref_logps_chosen", "ref_logps_rejected");
  set.lengths = column(batch, "len_chosen", "len_rejected");
  set.totals.groups = static_cast<double>(set.policy.size(0));
  set.totals.rows = 2 * set.totals.groups;
  set.totals.tokens = set.lengths.sum().item<double>();
  set.totals.first_tokens = set.lengths.select(1, 0).sum().item<double>();
  return set;
}

ScoreSet single(const ScoreSet& set, std::int64_t b) {
  ScoreSet one = set;
  one.policy = set.policy.narrow(0, b, 1);
  one.reference = set.reference.narrow(0, b, 1);
  one.lengths = set.lengths.narrow(0, b, 1);
  one.totals.groups = 1;
  one.totals.first_tokens = one.lengths.select(1, 0).sum().item<double>();
  return one;
}

FDivergence divergence_of(const json& cfg) {
  const auto name = cfg.at("f_divergence_type").get<std::string>();
  FDivergence divergence;
  for (const auto& choice : choices(std::type_identity<FDivergenceType>{}))
    if (choice.name == name) divergence.type = choice.value;
  if (cfg.contains("f_alpha_divergence_coef"))
    divergence.alpha = cfg.at("f_alpha_divergence_coef").get<double>();
  return divergence;
}

/// One of TRL's losses as an objective of ours.
std::optional<AnyObjective> single_objective(const std::string& type, const json& cfg) {
  const auto beta = cfg.at("beta").get<double>(), eps = cfg.at("label_smoothing").get<double>();
  const FDivergence f = divergence_of(cfg);
  constexpr auto by_length = Normalize::response_length;
  if (type == "sigmoid") return Dpo({.beta = beta, .f_divergence = f});
  if (type == "sigmoid_norm") return Dpo({.beta = beta, .normalize = by_length, .f_divergence = f});
  if (type == "ipo") return Ipo({.beta = beta, .normalize = by_length, .f_divergence = f});
  if (type == "hinge") return Hinge({.beta = beta, .f_divergence = f});
  if (type == "robust")
    return Robust({.shared = {.beta = beta, .f_divergence = f}, .label_smoothing = eps});
  if (type == "exo_pair")
    return ExoPair({.shared = {.beta = beta, .f_divergence = f}, .label_smoothing = eps});
  if (type == "discopop")
    return Discopop({.shared = {.beta = beta, .f_divergence = f},
                     .temperature = cfg.at("discopop_tau").get<double>()});
  if (type == "nca_pair") return NcaPair({.beta = beta});
  if (type == "bco_pair") return BcoPair({.shared = {.beta = beta}});
  if (type == "sppo_hard") return SppoHard({.beta = beta});
  if (type == "apo_zero") return ApoZero({.beta = beta});
  if (type == "apo_down") return ApoDown({.beta = beta});
  if (type == "aot") return Aot({.shared = {.beta = beta}, .label_smoothing = eps});
  if (type == "aot_unpaired")
    return AotUnpaired({.shared = {.beta = beta}, .label_smoothing = eps});
  // TRL's sft term is the mean over the chosen tokens of the batch: our pretraining.
  if (type == "sft") return Pretraining({});
  return {};
}

/// The row's loss as a weighted sum over pairs, or nothing where a part of it is not built yet.
std::optional<WeightedSum> objective_of(const json& cfg) {
  std::vector<WeightedSum::Term> terms;
  for (std::size_t i = 0; i < cfg.at("loss_type").size(); ++i) {
    const auto type = cfg.at("loss_type")[i].get<std::string>();
    const auto objective = single_objective(type, cfg);
    if (!objective) return {};
    const double weight =
        cfg.contains("loss_weights") ? cfg.at("loss_weights")[i].get<double>() : 1.0;
    terms.push_back({type, *objective, weight});
  }
  // A sum needs one term over pairs to read pairs: sft alone is given one of weight 0.
  if (terms.size() == 1 && terms[0].name == "sft")
    terms.push_back({"none", Dpo({.beta = cfg.at("beta").get<double>()}), 0.0});
  return WeightedSum(std::move(terms));
}

std::string kind_of(const json& row) {
  std::string kind;
  for (const auto& type : row.at("cfg").at("loss_type"))
    kind += (kind.empty() ? "" : " + ") + type.get<std::string>();
  return kind + " (" + row.at("cfg").at("f_divergence_type").get<std::string>() + ")";
}

/// The largest part of a mean in which large parts of both signs may cancel; at least 1.
double largest(const json& row) {
  double most = 1;
  for (const char* precision : {"f64", "f32"})
    if (const json& figures = row.at(precision);
        figures.is_object() && figures.contains("per_example"))
      for (const json& value : figures.at("per_example"))
        if (value.is_number()) most = std::max(most, std::abs(value.get<double>()));
  return most;
}

/// What the library's exo_pair may be wrong by, in double precision too.  It takes log(eps) and
/// log(1 - eps) of float32 tensors: the argument is rounded (relative 2^-24, so 2^-24 in its
/// logarithm) and the logarithm is right to one float32 ulp (2^-23 of it).  With q = sigmoid(m) and
/// r = 1 - q the loss is q (log q - log(1 - eps)) + r (log r - log eps), so that these errors stand
///   in the loss      as q e_1 + r e_2, at most |e_1| + |e_2|;
///   in a score's slope  as q r (e_1 - e_2) times beta |ds/dx|, which is large where ds/dx is:
/// e^9.1 at a log-ratio of -9.1 under forward_kl.
struct ExoRounding {
  double loss = 0;
  at::Tensor slope = {};  // [B, 2]; undefined without exo_pair
};

double logarithm_error(double x) { return 0x1p-24 + 0x1p-23 * std::abs(std::log(x)); }

ExoRounding exo_rounding(const json& cfg, const ScoreSet& set) {
  double weight = 0;
  for (std::size_t i = 0; i < cfg.at("loss_type").size(); ++i)
    if (cfg.at("loss_type")[i] == "exo_pair")
      weight +=
          cfg.contains("loss_weights") ? std::abs(cfg.at("loss_weights")[i].get<double>()) : 1;
  if (weight == 0) return {};
  const double eps = cfg.at("label_smoothing"), beta = cfg.at("beta");
  const double error = weight * (logarithm_error(eps) + logarithm_error(1 - eps));
  const at::Tensor ratios = (set.policy - set.reference).detach().set_requires_grad(true);
  const at::Tensor scores = divergence_scores(ratios, divergence_of(cfg));
  const at::Tensor by_ratio = torch::autograd::grad({scores.sum()}, {ratios}).front().abs();
  const at::Tensor chosen = (beta * (scores.select(1, 0) - scores.select(1, 1))).detach().sigmoid();
  return {error, by_ratio * (chosen * (1 - chosen)).unsqueeze(1) * (beta * error) /
                     static_cast<double>(set.policy.size(0))};
}

struct Tolerance {
  double relative, absolute;
  bool loss_only = false;  // ties in a sorted loss: the order of the gradients is not defined
  bool is_single = false;  // the library's figures are in float32
  ExoRounding exo = {};

  [[nodiscard]] double of_loss() const { return absolute + exo.loss; }
  [[nodiscard]] double of_slope(std::int64_t b, int answer) const {
    return absolute + (exo.slope.defined() ? exo.slope[b][answer].item<double>() : 0.0);
  }
};

/// Whether a share of accurate pairs is one that float32 can have seen: differences of rewards that
/// it cannot resolve count either way.
bool is_possible_accuracy(double share, const ScoreSet& set) {
  const at::Tensor ratios = set.policy - set.reference;
  const at::Tensor margins = ratios.select(1, 0) - ratios.select(1, 1);
  const double blur = 1e-6 * set.policy.abs().max().item<double>();
  const auto above = [&](double limit) {
    return (margins > limit).to(at::kDouble).mean().item<double>();
  };
  return share >= above(blur) - 1e-6 && share <= above(-blur) + 1e-6;
}

/// The share of pairs whose rewards are equal.
double ties(const ScoreSet& set) {
  const at::Tensor ratios = set.policy - set.reference;
  return (ratios.select(1, 0) == ratios.select(1, 1)).to(at::kDouble).mean().item<double>();
}

void check_gradient(const json& expected, const ScoreSet& set, const WeightedSum& objective,
                    const Tolerance& within) {
  const auto slope = slopes(objective, set);
  for (std::int64_t b = 0; b < set.policy.size(0); ++b) {
    const auto at = static_cast<std::size_t>(b);
    CHECK(is_close(slope[b][0].item<double>(), expected.at("grad_chosen")[at], within.relative,
                   within.of_slope(b, 0)));
    CHECK(is_close(slope[b][1].item<double>(), expected.at("grad_rejected")[at], within.relative,
                   within.of_slope(b, 1)));
  }
}

void check_values(const json& expected, const ScoreSet& set, const WeightedSum& objective,
                  const Tolerance& within) {
  const ObjectiveResult result = objective.evaluate(set);
  CHECK(is_close(result.loss_sum.item<double>(), expected.at("loss"), within.relative,
                 within.of_loss()));
  if (within.loss_only) return;
  check_gradient(expected, set, objective, within);
  if (expected.contains("metrics"))
    for (const auto& [name, value] : expected.at("metrics").items()) {
      INFO(name);
      REQUIRE(result.metrics.contains(name));
      const double got = result.metrics.at(name).value();
      if (name == "rewards/accuracies" && within.is_single)
        CHECK(is_possible_accuracy(value, set));
      else if (name == "rewards/accuracies")  // TRL counts no tie, in float32: the same float
        CHECK(static_cast<float>(got - ties(set) / 2) == Approx(value.get<float>()).epsilon(1e-6));
      else
        CHECK(is_close(got, value, within.relative, within.absolute));
    }
  if (!expected.contains("per_example") || expected.at("per_example").is_null()) return;
  for (std::int64_t b = 0; b < set.policy.size(0); ++b)
    CHECK(is_close(objective.evaluate(single(set, b)).loss_sum.item<double>(),
                   expected.at("per_example")[static_cast<std::size_t>(b)], within.relative,
                   within.of_loss()));
}

/// Where the library overflows to NaN or infinity, a finite loss and gradient are right.
void check_stays_finite(const ScoreSet& set, const WeightedSum& objective) {
  CHECK(std::isfinite(objective.evaluate(set).loss_sum.item<double>()));
  CHECK(slopes(objective, set).isfinite().all().item<bool>());
}

json manifest() {
  std::ifstream in(golden_root() / "manifest_texts.json");
  REQUIRE(in);
  return json::parse(in);
}

}  // namespace

TEST_CASE("preference: TRL's losses, gradients and metrics", "[golden][preference]") {
  std::map<std::string, json> batches;
  for (const json& batch : read_preference_golden("batches.jsonl"))
    batches[batch.at("batch").get<std::string>()] = batch;
  std::map<std::string, int> covered, missing, batch_kinds;
  int overflows = 0;
  for (const json& row : read_preference_golden("dpo.jsonl.gz")) {
    const std::string kind = kind_of(row);
    const auto objective = objective_of(row.at("cfg"));
    if (!objective) {
      ++missing[kind];
      continue;
    }
    ++covered[kind];
    const json& batch = batches.at(row.at("batch").get<std::string>());
    ++batch_kinds[batch.at("kind").get<std::string>()];
    INFO(row.at("id").get<std::string>() << ", " << kind);
    const ScoreSet set = score_set(batch);
    const bool has_ties = row.value("ties", false);
    // Single precision of the library against double precision of ours.
    for (const auto& [precision, within] :
         {std::pair{"f64",
                    Tolerance{1e-12, 1e-14, has_ties, false, exo_rounding(row.at("cfg"), set)}},
          std::pair{"f32", Tolerance{5e-5, 1e-6 * largest(row), has_ties, true}}}) {
      const json& expected = row.at(precision);
      if (expected.is_null()) continue;  // no double path in the library
      if (is_finite(expected))
        check_values(expected, set, *objective, within);
      else
        check_stays_finite(set, *objective);
      overflows += is_finite(expected) ? 0 : 1;
    }
  }
  int rows = 0;
  for (const auto& [kind, count] : covered) {
    std::cout << "preference/dpo.jsonl.gz: " << count << " rows of " << kind << " agree\n";
    rows += count;
  }
  CHECK(rows > 0);
  std::cout << "preference/dpo.jsonl.gz: " << overflows
            << " figures overflow in the library and are finite here\n";
  for (const auto& [kind, count] : missing)
    FAIL_CHECK("preference/dpo.jsonl.gz: no objective for " << count << " rows of " << kind);
  CHECK(rows == manifest().at("rows").at("preference/dpo.jsonl.gz").get<int>());
  std::set<std::string> kinds;  // extremes, ties, tiny differences: every kind of batch was read
  for (const auto& [name, batch] : batches) kinds.insert(batch.at("kind").get<std::string>());
  CHECK(batch_kinds.size() == kinds.size());
}

TEST_CASE("preference: every file is read whole and is as the manifest says",
          "[golden][preference]") {
  const json rows = manifest().at("rows");
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(golden_root() / "preference")) {
    const std::string name = "preference/" + entry.path().filename().string();
    INFO(name);
    REQUIRE(rows.contains(name));
    const auto read = read_preference_golden(entry.path().filename().string());
    CHECK(read.size() == rows.at(name).get<std::size_t>());
    ++files;
  }
  std::size_t expected = 0;
  for (const auto& [name, count] : rows.items()) expected += name.starts_with("preference/");
  CHECK(files == expected);
}
