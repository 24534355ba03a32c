// SPDX-License-Identifier: MIT
// TRL's preference losses: every file and row of golden/preference is read; the kinds that no
// objective of ours covers yet are listed by name.
#include <torch/csrc/autograd/autograd.h>

#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>

#include "lldm/objective/dpo.hpp"
#include "lldm/objective/ipo.hpp"
#include "lldm/objective/pretraining.hpp"
#include "lldm/objective/weighted_sum.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/gzip.hpp"
#include "support/table_denoiser.hpp"

using namespace lldm;
using namespace lldm::testing;
using nlohmann::json;

namespace {

std::vector<json> read_rows(const std::filesystem::path& path) {
  std::string text;
  if (path.extension() == ".gz") {
    text = read_gzip(path);
  } else {
    std::ifstream in(path);
    INFO(path.string());
    REQUIRE(in);
    text.assign(std::istreambuf_iterator<char>(in), {});
  }
  std::vector<json> rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (!line.empty()) rows.push_back(json::parse(line));
  return rows;
}

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

/// One of TRL's losses as an objective of ours.
std::optional<AnyObjective> single_objective(const std::string& type, double beta) {
  if (type == "sigmoid") return Dpo({.beta = beta});
  if (type == "sigmoid_norm") return Dpo({.beta = beta, .normalise = Normalise::response_length});
  if (type == "ipo") return Ipo({.beta = beta, .normalise = Normalise::response_length});
  // TRL's sft term is the mean over the chosen tokens of the batch: our pretraining.
  if (type == "sft") return Pretraining({});
  return {};
}

/// The row's loss as a weighted sum over pairs, or nothing where a part of it is not built yet.
std::optional<WeightedSum> objective_of(const json& cfg) {
  if (cfg.at("f_divergence_type") != "reverse_kl") return {};
  std::vector<WeightedSum::Term> terms;
  for (std::size_t i = 0; i < cfg.at("loss_type").size(); ++i) {
    const auto type = cfg.at("loss_type")[i].get<std::string>();
    const auto objective = single_objective(type, cfg.at("beta").get<double>());
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

bool is_close(double got, double expected, double relative, double absolute) {
  return std::abs(got - expected) <= relative * std::abs(expected) + absolute;
}

std::string kind_of(const json& row) {
  std::string kind;
  for (const auto& type : row.at("cfg").at("loss_type"))
    kind += (kind.empty() ? "" : " + ") + type.get<std::string>();
  return kind + " (" + row.at("cfg").at("f_divergence_type").get<std::string>() + ")";
}

void check_values(const json& expected, const ScoreSet& set, const WeightedSum& objective,
                  double relative, double absolute) {
  ScoreSet leaf = set;
  leaf.policy = set.policy.clone().set_requires_grad(true);
  const ObjectiveResult result = objective.evaluate(leaf);
  CHECK(is_close(result.loss_sum.item<double>(), expected.at("loss"), relative, absolute));
  const at::Tensor slope = torch::autograd::grad({result.loss_sum}, {leaf.policy}).front();
  for (std::int64_t b = 0; b < set.policy.size(0); ++b) {
    const auto at = static_cast<std::size_t>(b);
    CHECK(is_close(slope[b][0].item<double>(), expected.at("grad_chosen")[at], relative, absolute));
    CHECK(
        is_close(slope[b][1].item<double>(), expected.at("grad_rejected")[at], relative, absolute));
  }
  if (!expected.contains("metrics")) return;
  for (const auto& [name, value] : expected.at("metrics").items()) {
    INFO(name);
    REQUIRE(result.metrics.contains(name));
    const double got = result.metrics.at(name).value();
    if (name == "rewards/accuracies")  // TRL takes this mean in float32: the same float
      CHECK(static_cast<float>(got) == value.get<float>());
    else
      CHECK(is_close(got, value, relative, absolute));
  }
  if (expected.at("per_example").is_null()) return;
  for (std::int64_t b = 0; b < set.policy.size(0); ++b)
    CHECK(is_close(objective.evaluate(single(set, b)).loss_sum.item<double>(),
                   expected.at("per_example")[static_cast<std::size_t>(b)], relative, absolute));
}

json manifest() {
  std::ifstream in(golden_root() / "manifest_texts.json");
  REQUIRE(in);
  return json::parse(in);
}

}  // namespace

TEST_CASE("preference: TRL's losses, gradients and metrics", "[golden][preference]") {
  const auto folder = golden_root() / "preference";
  std::map<std::string, json> batches;
  for (const json& batch : read_rows(folder / "batches.jsonl"))
    batches[batch.at("batch").get<std::string>()] = batch;
  std::map<std::string, int> covered, missing, batch_kinds;
  for (const json& row : read_rows(folder / "dpo.jsonl.gz")) {
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
    check_values(row.at("f64"), set, *objective, 1e-12, 1e-14);
    // The library's own single precision against our double one.
    check_values(row.at("f32"), set, *objective, 5e-5, 1e-6);
  }
  int rows = 0;
  for (const auto& [kind, count] : covered) {
    std::cout << "preference/dpo.jsonl.gz: " << count << " rows of " << kind << " agree\n";
    rows += count;
  }
  CHECK(rows > 0);
  for (const auto& [kind, count] : missing) {
    std::cout << "preference/dpo.jsonl.gz: not covered yet: " << count << " rows of " << kind
              << "\n";
    rows += count;
  }
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
    const auto read = read_rows(entry.path());
    CHECK(read.size() == rows.at(name).get<std::size_t>());
    ++files;
    if (name.find("dpo.jsonl") == std::string::npos && name.find("batches") == std::string::npos)
      std::cout << name << ": not covered yet: " << read.size() << " rows\n";
  }
  std::size_t expected = 0;
  for (const auto& [name, count] : rows.items()) expected += name.starts_with("preference/");
  CHECK(files == expected);
}
