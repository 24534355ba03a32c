// SPDX-License-Identifier: MIT
// Groups, intervals and sentences of a report, on figures small enough to work out by hand.
#include <cmath>

#include "experiment/report_labels.hpp"
#include "experiment/report_table.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"

using namespace lldm;
using Json = nlohmann::ordered_json;

namespace {

Json row(const std::string& stage, const std::string& role, std::int64_t seed, double accuracy,
         double lines, const Json& axes = Json::object(), const std::string& from = "") {
  return {{"axes", axes},
          {"seed", seed},
          {"stage", stage},
          {"role", role},
          {"starts_from", from},
          {"evaluated_by", "scores"},
          {"metrics", {{"accuracy", accuracy}, {"superfluous_steps", lines}, {"items", 500}}}};
}

const Json kFull = {{"tuned.score_estimator", {{"type", "full_trajectory"}, {"steps", 4}}}};

/// A start, a tuned model and a control over three seeds, whose differences are easy.
Json three_seeds() {
  Json report = {{"rows", Json::array()}, {"work", Json::array()}};
  for (const std::int64_t seed : {1, 2, 3}) {
    const double shift = 0.1 * static_cast<double>(seed);
    report["rows"].push_back(row("tuned", "preference", seed, 0.5 + shift, 1.0, kFull, "verbose"));
    report["rows"].push_back(row("control", "control", seed,
                                 0.5 + shift + 0.01 * (2.0 - static_cast<double>(seed)), 2.0));
    report["rows"].push_back(row("verbose", "start", seed, 0.5 + 2 * shift, 2.0 + shift));
  }
  return report;
}

const ReportGroup& named(const std::vector<ReportGroup>& groups, const std::string& label) {
  for (const ReportGroup& group : groups)
    if (group.label == label) return group;
  FAIL("no group " << label);
  return groups.front();
}

}  // namespace

TEST_CASE("Report: axes of one type are told apart by the keys that differ",
          "[experiment][report]") {
  const Json mc2 = {
      {"tuned.score_estimator", {{"type", "mc"}, {"draws", 2}, {"count", "uniform"}}}};
  const Json mc8 = {
      {"tuned.score_estimator", {{"type", "mc"}, {"draws", 8}, {"count", "uniform"}}}};
  Json beta = kFull;
  beta["tuned.objective.beta"] = 0.1;
  Json report = {
      {"rows",
       {row("tuned", "preference", 1, 0, 0, mc2), row("tuned", "preference", 1, 1, 0, mc8),
        row("tuned", "preference", 1, 2, 0, beta)}}};
  const AxisLabels labels(report);
  CHECK(labels.of(mc2) == ", mc draws=2");
  CHECK(labels.of(mc8) == ", mc draws=8");
  CHECK(labels.of(beta) == ", full_trajectory, beta=0.1");
  CHECK(labels.of(Json::object()).empty());
  const auto groups = group_rows(report);
  REQUIRE(groups.size() == 3);  // and not merged under one name
  CHECK(groups[1].label == "tuned, mc draws=8");
}

TEST_CASE("Report: groups stand in the order start, preference, control", "[experiment][report]") {
  const Json report = three_seeds();
  const auto groups = group_rows(report);
  REQUIRE(groups.size() == 3);
  CHECK(groups[0].label == "verbose");
  CHECK(groups[1].label == "tuned, full_trajectory");
  CHECK(groups[2].label == "control");
  CHECK(groups[1].rows.size() == 3);
}

TEST_CASE("Report: intervals over seeds are Student's, differences are paired",
          "[experiment][report]") {
  const Json report = three_seeds();
  const auto groups = group_rows(report);
  const ReportGroup& tuned = named(groups, "tuned, full_trajectory");
  // 0.6, 0.7, 0.8: mean 0.7, s = 0.1, t(0.975, 2) = 4.303.
  const Spread accuracy = spread_of(tuned, "accuracy");
  CHECK(accuracy.has_interval);
  CHECK(std::abs(accuracy.mean - 0.7) < 1e-12);
  CHECK(std::abs(accuracy.high - 0.7 - 4.303 * 0.1 / std::sqrt(3.0)) < 1e-12);
  // Against the start: -0.1, -0.2, -0.3; unpaired it would be s of both groups.
  const Spread change = change_of(tuned, groups, "accuracy");
  CHECK(std::abs(change.mean + 0.2) < 1e-12);
  CHECK(std::abs(change.low + 0.2 + 4.303 * 0.1 / std::sqrt(3.0)) < 1e-12);
  // Against the control: -0.01, 0, 0.01 though both spread by 0.1.
  const Spread difference = difference_of(tuned, named(groups, "control"), "accuracy");
  CHECK(std::abs(difference.mean) < 1e-12);
  CHECK(std::abs(difference.high - 4.303 * 0.01 / std::sqrt(3.0)) < 1e-12);
  CHECK(!spread_of(tuned, "no_such_metric").is_known);
  CHECK(!change_of(named(groups, "control"), groups, "accuracy").is_known);
}

TEST_CASE("Report: one seed has its items' interval, or none", "[experiment][report]") {
  Json report = {{"rows",
                  {row("verbose", "start", 1, 0.6, 2.0),
                   row("tuned", "preference", 1, 0.5, 1.0, {}, "verbose")}}};
  report["rows"][1]["axes"] = Json::object();
  auto groups = group_rows(report);
  CHECK(!change_of(groups[1], groups, "accuracy").has_interval);
  CHECK_THAT(findings(report), testing::contains("one figure, no interval"));
  for (Json& r : report["rows"]) {
    const double accuracy = r["metrics"]["accuracy"].get<double>();
    r["metrics"]["accuracy_low"] = accuracy - 0.03;
    r["metrics"]["accuracy_high"] = accuracy + 0.04;
  }
  groups = group_rows(report);
  const Spread own = spread_of(groups[1], "accuracy");
  CHECK((own.low == Approx(0.47) && own.high == Approx(0.54)));
  const Spread change = change_of(groups[1], groups, "accuracy");
  CHECK(change.mean == Approx(-0.1));
  CHECK(change.low == Approx(-0.15));  // hypot(0.03, 0.04) each way
  CHECK(change.high == Approx(-0.05));
}

TEST_CASE("Report: sentences claim what the intervals carry", "[experiment][report]") {
  const std::string text = findings(three_seeds());
  // Lines: 1 against 2.1, 2.2, 2.3: -1.2 +- 0.25 excludes zero; accuracy -0.2 +- 0.25 does not.
  CHECK_THAT(text, testing::contains("superfluous lines fell by 1.2"));
  CHECK_THAT(text, testing::contains("accuracy changed by -20"));
  CHECK_THAT(text, testing::contains("(the interval includes no change)"));
  CHECK_THAT(text,
             testing::contains("tuned models that are shorter than it: tuned, full_trajectory"));
  CHECK_THAT(text, testing::contains("no clear difference in accuracy: tuned, full_trajectory"));
  CHECK_THAT(text, !testing::contains("less often right than it"));
}

TEST_CASE("Report: a change is against the start of the same cell", "[experiment][report]") {
  const Json low = {{"sft.optimizer.learning_rate", 0.001}},
             high = {{"sft.optimizer.learning_rate", 0.01}};
  const Json report = {{"rows",
                        {row("sft", "start", 1, 0.5, 0, low), row("sft", "start", 1, 0.9, 2, high),
                         row("tuned", "preference", 1, 0.5, 0, low, "sft"),
                         row("tuned", "preference", 1, 0.7, 1, high, "sft")}}};
  const auto groups = group_rows(report);
  CHECK(change_of(named(groups, "tuned, learning_rate=0.001"), groups, "accuracy").mean ==
        Approx(0.0).margin(1e-12));
  CHECK(change_of(named(groups, "tuned, learning_rate=0.01"), groups, "accuracy").mean ==
        Approx(-0.2));
  // A start of other seeds is no start.
  const Json other = {{"rows",
                       {row("sft", "start", 1, 0.5, 0), row("sft", "start", 2, 0.6, 0),
                        row("tuned", "preference", 3, 0.7, 0, Json::object(), "sft")}}};
  const auto without = group_rows(other);
  CHECK(!change_of(named(without, "tuned"), without, "accuracy").is_known);
}
