// SPDX-License-Identifier: MIT
// TRL's options by token: every row of golden/preference/dpo_tokens.jsonl.gz, through plans of one
// copy with one query per token.
#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>
#include <torch/csrc/autograd/autograd.h>

#include <iostream>
#include <map>

#include "lldm/builtin/builtin.hpp"
#include "lldm/config/diagnostics.hpp"
#include "lldm/errors.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/objective/ipo.hpp"
#include "lldm/objective/pretraining.hpp"
#include "lldm/objective/weighted_sum.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/score/combine.hpp"
#include "support/contains.hpp"
#include "support/preference_golden.hpp"
#include "train/shared_length.hpp"

using namespace lldm;
using namespace lldm::testing;
using nlohmann::json;

namespace {

/// The pairs of a row: plans in order chosen, rejected, ...; and where text i of the row stands.
struct Pairs {
  std::vector<ScorePlan> plans;
  std::vector<std::size_t> row_of;  // [plans] index into the row's lists

  explicit Pairs(const json& row) {
    const std::size_t pairs = row.at("lengths").size() / 2;
    for (std::size_t b = 0; b < pairs; ++b)
      for (const std::size_t i : {b, pairs + b}) {
        ScorePlan plan;
        plan.length = plan.num_scored = row.at("lengths")[i].get<std::int64_t>();
        plan.tokens.resize(static_cast<std::size_t>(plan.length));
        for (std::int32_t t = 0; t < plan.length; ++t)
          plan.queries.push_back({.copy = 0, .position = t, .target = 0, .weight = 1.0});
        plans.push_back(std::move(plan));
        row_of.push_back(i);
      }
  }
  [[nodiscard]] at::Tensor readouts(const json& values) const {
    std::vector<double> flat;
    for (std::size_t p = 0; p < plans.size(); ++p)
      for (std::size_t t = 0; t < plans[p].queries.size(); ++t)
        flat.push_back(values[row_of[p]][t]);
    return at::tensor(flat, at::kDouble);
  }
  [[nodiscard]] ScoreSet set(const at::Tensor& policy, const at::Tensor& reference,
                             double beyond) const {
    std::vector<ScorePlan> weighed = plans;
    weigh_beyond_shared_length(weighed, 2, beyond);
    ScoreSet set;
    set.policy = combine(weighed, policy).scores.view({-1, 2});
    set.reference = combine(weighed, reference).scores.view({-1, 2});
    std::vector<double> lengths;
    for (const ScorePlan& plan : plans) lengths.push_back(static_cast<double>(plan.num_scored));
    set.lengths = at::tensor(lengths, at::kDouble).view({-1, 2});
    set.totals.groups = static_cast<double>(set.policy.size(0));
    set.totals.rows = 2 * set.totals.groups;
    set.totals.first_tokens = set.lengths.select(1, 0).sum().item<double>();
    set.totals.tokens = set.lengths.sum().item<double>();
    return set;
  }
};

AnyObjective objective_of(const std::string& type, double beta, double ld_alpha) {
  if (type == "sigmoid") return Dpo({.beta = beta, .ld_alpha = ld_alpha});
  if (type == "ipo")
    return Ipo({.beta = beta, .normalize = Normalize::response_length, .ld_alpha = ld_alpha});
  INFO(type);
  REQUIRE(type == "sft");  // the mean over the chosen tokens of the batch, whatever ld_alpha is
  return WeightedSum({{"sft", Pretraining({}), 1.0}, {"none", Dpo({}), 0.0}});
}

at::Tensor loss_of(const json& row, const Pairs& pairs, const at::Tensor& policy,
                   const at::Tensor& reference) {
  const json& cfg = row.at("cfg");
  const double alpha = cfg.at("ld_alpha").is_null() ? 1.0 : cfg.at("ld_alpha").get<double>();
  at::Tensor loss;
  for (const json& type : cfg.at("loss_type")) {
    const AnyObjective objective = objective_of(type, cfg.at("beta"), alpha);
    const ObjectiveNeeds needs = objective.needs();
    const ScoreSet set = pairs.set(policy, reference, needs.beyond_shared_length);
    const at::Tensor part = normalised_loss(objective.evaluate(set), needs.denominator, set.totals);
    loss = loss.defined() ? loss + part : part;
  }
  return loss;
}

std::string refusal_of_weighting() {
  Registry registry;
  register_builtin_components(registry);
  config::Value table = config::Value::table({});
  table.set("type", config::Value::string("dpo"));
  table.set("use_weighting", config::Value::boolean(true));
  config::Diagnostics diagnostics;
  (void)registry.bind(Role::objective, table, diagnostics);
  REQUIRE(diagnostics.num_errors() == 1);
  return diagnostics.errors().front().text();
}

}  // namespace

TEST_CASE("preference: ld_alpha by token; use_weighting is refused by name",
          "[golden][preference]") {
  std::map<std::string, int> covered;
  int rows = 0, refused = 0;
  for (const json& row : read_preference_golden("dpo_tokens.jsonl.gz")) {
    INFO(row.at("id").get<std::string>() << " " << row.at("cfg"));
    ++rows;
    if (row.at("cfg").at("use_weighting").get<bool>()) {
      ++refused;
      continue;
    }
    const Pairs pairs(row);
    const at::Tensor policy = pairs.readouts(row.at("logps")).set_requires_grad(true);
    const at::Tensor loss = loss_of(row, pairs, policy, pairs.readouts(row.at("ref_logps")));
    CHECK(is_close(loss.item<double>(), row.at("f64").at("loss"), 1e-12, 1e-14));
    const at::Tensor slope = torch::autograd::grad({loss}, {policy}).front();
    std::int64_t at = 0;
    for (std::size_t p = 0; p < pairs.plans.size(); ++p)
      for (std::size_t t = 0; t < pairs.plans[p].queries.size(); ++t)
        CHECK(is_close(slope[at++].item<double>(), row.at("f64").at("grad")[pairs.row_of[p]][t],
                       1e-12, 1e-14));
    ++covered[row.at("cfg").at("ld_alpha").dump()];
  }
  for (const auto& [alpha, count] : covered)
    std::cout << "preference/dpo_tokens.jsonl.gz: " << count << " rows of ld_alpha " << alpha
              << " agree\n";
  std::cout << "preference/dpo_tokens.jsonl.gz: " << refused
            << " rows of use_weighting are refused by name\n";
  CHECK(rows == rows_by_manifest("dpo_tokens.jsonl.gz"));
  const std::string refusal = refusal_of_weighting();
  CHECK_THAT(refusal, contains("has no key \"use_weighting\""));
  CHECK_THAT(refusal, contains("sum of squared probabilities"));
}

TEST_CASE("preference: one sum reads one weight behind the shared length", "[golden][preference]") {
  CHECK_THROWS_WITH(WeightedSum({{"dpo", Dpo({.ld_alpha = 0.3}), 1}, {"sft", Pretraining({}), 1}}),
                    contains("give every term the same ld_alpha"));
}
