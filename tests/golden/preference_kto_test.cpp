// SPDX-License-Identifier: MIT
// TRL's KTO losses: every row of golden/preference/kto.jsonl.gz.
#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>
#include <torch/csrc/autograd/autograd.h>

#include <iostream>
#include <map>

#include "lldm/objective/kto.hpp"
#include "support/preference_golden.hpp"
#include "support/score_sets.hpp"

using namespace lldm;
using namespace lldm::testing;
using nlohmann::json;

namespace {

Kto objective_of(const json& cfg) {
  Kto::Options options{.beta = cfg.at("beta"),
                       .desirable_weight = cfg.at("desirable_weight"),
                       .undesirable_weight = cfg.at("undesirable_weight")};
  const auto name = cfg.at("loss_type").get<std::string>();
  bool is_known = false;
  for (const auto& choice : choices(std::type_identity<KtoLoss>{}))
    if (choice.name == name) options.loss = choice.value, is_known = true;
  INFO(name);
  REQUIRE(is_known);
  return Kto(options);
}

at::Tensor vector_of(const json& values) {
  return at::tensor(values.get<std::vector<double>>(), at::kDouble);
}

at::Tensor labels_of(const json& values) {
  std::vector<double> labels;
  for (const json& label : values) labels.push_back(label.get<bool>() ? 1.0 : 0.0);
  return at::tensor(labels, at::kDouble) > 0.5;
}

struct Tolerance {
  double relative, absolute;
};

void check_row(const json& row, const Kto& objective, const json& expected,
               const Tolerance& within) {
  const json& input = row.at("input");
  const at::Tensor policy = vector_of(input.at("logps")).set_requires_grad(true);
  const at::Tensor ratios = policy - vector_of(input.at("ref_logps"));
  const at::Tensor labels = labels_of(input.at("label"));
  const double kl =
      objective.baseline(vector_of(input.at("kl_logps")) - vector_of(input.at("ref_kl_logps")));
  const at::Tensor losses = objective.losses(ratios, labels, kl);
  const at::Tensor loss = losses.mean();
  CHECK(is_close(loss.item<double>(), expected.at("loss"), within.relative, within.absolute));
  const at::Tensor slope = torch::autograd::grad({loss}, {policy}).front();
  for (std::int64_t i = 0; i < slope.size(0); ++i)
    CHECK(is_close(slope[i].item<double>(), expected.at("grad")[static_cast<std::size_t>(i)],
                   within.relative, within.absolute));
  if (expected.contains("per_example"))
    for (std::int64_t i = 0; i < slope.size(0); ++i)
      CHECK(is_close(losses[i].item<double>(),
                     expected.at("per_example")[static_cast<std::size_t>(i)], within.relative,
                     within.absolute));
  if (expected.contains("metrics"))
    CHECK(is_close(kl, expected.at("metrics").at("kl"), within.relative, within.absolute));
}

/// The row's answers put together as pairs, where there are as many of both kinds.
std::optional<ScoreSet> pairs_of(const json& row) {
  const json& input = row.at("input");
  std::vector<double> policy[2], reference[2];
  for (std::size_t i = 0; i < input.at("label").size(); ++i) {
    const int side = input.at("label")[i].get<bool>() ? 0 : 1;
    policy[side].push_back(input.at("logps")[i]);
    reference[side].push_back(input.at("ref_logps")[i]);
  }
  if (policy[0].size() != policy[1].size()) return std::nullopt;
  std::vector<double> p, r;
  for (std::size_t i = 0; i < policy[0].size(); ++i)
    for (int side = 0; side < 2; ++side) {
      p.push_back(policy[side][i]);
      r.push_back(reference[side][i]);
    }
  ScoreSet set = score_set(2, p, r, std::vector<double>(p.size(), 1.0));
  set.auxiliary["mismatched_policy"] = vector_of(input.at("kl_logps"));
  set.auxiliary["mismatched_reference"] = vector_of(input.at("ref_kl_logps"));
  return set;
}

/// The row's answers as they stand: one a row, wanted or not.
ScoreSet labelled(const json& row) {
  const json& input = row.at("input");
  const auto values = [&](const char* name) { return input.at(name).get<std::vector<double>>(); };
  const std::size_t count = values("logps").size();
  ScoreSet set =
      score_set(1, values("logps"), values("ref_logps"), std::vector<double>(count, 1.0));
  set.auxiliary["wanted"] = labels_of(input.at("label")).to(at::kDouble);
  set.auxiliary["mismatched_policy"] = vector_of(input.at("kl_logps"));
  set.auxiliary["mismatched_reference"] = vector_of(input.at("ref_kl_logps"));
  return set;
}

/// The objective itself on labelled answers: loss, gradient and metrics as TRL's KTOTrainer has
/// them.
void check_labelled(const json& row, const Kto& objective) {
  const json& expected = row.at("f64");
  const ScoreSet set = labelled(row);
  const ObjectiveResult result = objective.evaluate(set);
  CHECK(is_close(result.loss_sum.item<double>() / set.totals.rows, expected.at("loss"), 1e-12,
                 1e-14));
  const at::Tensor slope = slopes(objective, set) / set.totals.rows;
  for (std::int64_t i = 0; i < slope.size(0); ++i)
    CHECK(is_close(slope[i][0].item<double>(), expected.at("grad")[static_cast<std::size_t>(i)],
                   1e-12, 1e-14));
  for (const auto& [name, value] : expected.at("metrics").items())
    if (result.metrics.contains(name))
      CHECK(is_close(result.metrics.at(name).value(), value, 1e-12, 1e-14));
}

}  // namespace

TEST_CASE("preference: TRL's losses, gradients and baseline of single answers",
          "[golden][preference]") {
  std::map<std::string, int> covered;
  int rows = 0, paired = 0;
  for (const json& row : read_preference_golden("kto.jsonl.gz")) {
    INFO(row.at("id").get<std::string>() << " " << row.at("input").at("kind"));
    const Kto objective = objective_of(row.at("cfg"));
    REQUIRE(is_finite(row.at("f64")));
    check_row(row, objective, row.at("f64"), {1e-12, 1e-14});
    check_row(row, objective, row.at("f32"), {5e-5, 1e-6});
    check_labelled(row, objective);
    if (const auto set = pairs_of(row)) {  // the objective itself, on pairs
      const double loss = objective.evaluate(*set).loss_sum.item<double>() / set->totals.rows;
      CHECK(is_close(loss, row.at("f64").at("loss"), 1e-12, 1e-14));
      const auto metrics = objective.evaluate(*set).metrics;
      for (const auto& [name, expected] : row.at("f64").at("metrics").items())
        if (metrics.contains(name))
          CHECK(is_close(metrics.at(name).value(), expected, 1e-12, 1e-14));
      ++paired;
    }
    ++covered[row.at("cfg").at("loss_type").get<std::string>()];
    ++rows;
  }
  for (const auto& [kind, count] : covered)
    std::cout << "preference/kto.jsonl.gz: " << count << " rows of " << kind << " agree\n";
  std::cout << "preference/kto.jsonl.gz: " << paired << " of them as pairs\n";
  CHECK(rows == rows_by_manifest("kto.jsonl.gz"));
}
