// SPDX-License-Identifier: MIT
// TRL's losses without a reference: every row of golden/preference/cpo_orpo.jsonl.gz.
#include <iostream>
#include <map>

#include "lldm/concepts/any_objective.hpp"
#include "lldm/objective/cpo.hpp"
#include "lldm/objective/orpo.hpp"
#include "lldm/objective/simpo.hpp"
#include "support/preference_golden.hpp"
#include "support/score_sets.hpp"

using namespace lldm;
using namespace lldm::testing;
using nlohmann::json;

namespace {

/// The pair losses alone: TRL's figures leave the likelihood of the chosen text out.
AnyObjective objective_of(const json& cfg, bool is_averaged) {
  const double beta = cfg.at("beta");
  if (cfg.at("method") == "orpo") return Orpo({.beta = beta, .sft_weight = 0.0});
  REQUIRE(cfg.at("method") == "cpo");
  const auto type = cfg.at("loss_type").get<std::string>();
  const double eps = cfg.at("label_smoothing");
  if (type == "simpo")
    return Simpo({.beta = beta,
                  .margin = cfg.at("simpo_gamma"),
                  .alpha = cfg.at("alpha"),
                  .label_smoothing = eps});
  Cpo::Options options{.beta = beta, .label_smoothing = eps, .sft_weight = 0.0};
  if (is_averaged) options.normalize = Normalize::response_length;
  bool is_known = false;
  for (const auto& choice : choices(std::type_identity<CpoLoss>{}))
    if (choice.name == type) options.loss = choice.value, is_known = true;
  INFO(type);
  REQUIRE(is_known);
  return Cpo(options);
}

ScoreSet set_of(const json& batch) {
  std::vector<double> policy, lengths;
  for (std::size_t b = 0; b < batch.at("logps_chosen").size(); ++b)
    for (const char* side : {"chosen", "rejected"}) {
      policy.push_back(batch.at(std::string("logps_") + side)[b]);
      lengths.push_back(batch.at(std::string("len_") + side)[b]);
    }
  return score_set(2, policy, {}, lengths);
}

double at(const at::Tensor& values, std::int64_t b, std::int64_t g) {
  return values[b][g].item<double>();
}

void check_row(const json& row, const ScoreSet& set, const AnyObjective& objective,
               const json& expected, double relative, double absolute) {
  const ObjectiveResult result = objective.evaluate(set);
  const auto pairs = static_cast<double>(set.policy.size(0));
  CHECK(is_close(result.loss_sum.item<double>() / pairs, expected.at("loss"), relative, absolute));
  const at::Tensor slope = slopes(objective, set);
  double rewards[2] = {0, 0};
  for (std::int64_t b = 0; b < set.policy.size(0); ++b) {
    const auto i = static_cast<std::size_t>(b);
    std::int64_t g = 0;
    for (const std::string side : {"chosen", "rejected"}) {
      // TRL's vectors are per token where the loss is: so are its gradients.
      const double length = row.at("length_averaged").get<bool>() ? at(set.lengths, b, g) : 1.0;
      CHECK(is_close(at(set.policy, b, g) / length, row.at("in").at("logps_" + side)[i], 1e-14, 0));
      CHECK(is_close(at(slope, b, g) * length / pairs, expected.at("grad_" + side)[i], relative,
                     absolute));
      rewards[g++] += expected.at("rewards_" + side)[i].get<double>() / pairs;
    }
    const ScoreSet one = score_set(2, {at(set.policy, b, 0), at(set.policy, b, 1)}, {},
                                   {at(set.lengths, b, 0), at(set.lengths, b, 1)});
    CHECK(is_close(objective.evaluate(one).loss_sum.item<double>(), expected.at("per_example")[i],
                   relative, absolute));
  }
  CHECK(is_close(result.metrics.at("rewards/chosen").value(), rewards[0], relative, absolute));
  CHECK(is_close(result.metrics.at("rewards/rejected").value(), rewards[1], relative, absolute));
  for (const char* name : {"log_odds_ratio", "log_odds_chosen"})
    if (expected.contains(name))
      CHECK(is_close(result.metrics.at(name).value(), expected.at(name), relative, absolute));
}

}  // namespace

TEST_CASE("preference: TRL's losses without a reference", "[golden][preference]") {
  std::map<std::string, json> batches;
  for (const json& batch : read_preference_golden("batches.jsonl"))
    batches[batch.at("batch").get<std::string>()] = batch;
  std::map<std::string, int> covered;
  int rows = 0, overflows = 0;
  for (const json& row : read_preference_golden("cpo_orpo.jsonl.gz")) {
    const json& cfg = row.at("cfg");
    INFO(row.at("id").get<std::string>() << " " << cfg);
    const AnyObjective objective = objective_of(cfg, row.at("length_averaged"));
    const ScoreSet set = set_of(batches.at(row.at("batch").get<std::string>()));
    for (const char* precision : {"f64", "f32"}) {
      if (!row.contains(precision) || row.at(precision).is_null()) continue;
      const bool is_single = precision == std::string("f32");
      if (is_finite(row.at(precision))) {
        check_row(row, set, objective, row.at(precision), is_single ? 5e-5 : 1e-12,
                  is_single ? 1e-6 : 1e-14);
      } else {
        ++overflows;
        CHECK(std::isfinite(objective.evaluate(set).loss_sum.item<double>()));
        CHECK(slopes(objective, set).isfinite().all().item<bool>());
      }
    }
    ++covered[cfg.at("method").get<std::string>() + " " + cfg.value("loss_type", "")];
    ++rows;
  }
  for (const auto& [kind, count] : covered)
    std::cout << "preference/cpo_orpo.jsonl.gz: " << count << " rows of " << kind << " agree\n";
  std::cout << "preference/cpo_orpo.jsonl.gz: " << overflows
            << " figures overflow in the library and are finite here\n";
  CHECK(rows == rows_by_manifest("cpo_orpo.jsonl.gz"));
}
