// SPDX-License-Identifier: MIT
// Groups, intervals and sentences of a report, on figures small enough to work out by hand.
#include <cmath>
#include <fstream>

#include "experiment/axis_labels.hpp"
#include "lldm/errors.hpp"
#include "report/line_labels.hpp"
#include "report/report_runs.hpp"
#include "report/report_table.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

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

std::vector<ReportRow> rows_of(const Json& report) {
  std::vector<ReportRow> rows;
  for (const Json& entry : report.at("rows")) rows.push_back(row_of(entry));
  return rows;
}

const ReportGroup& named(const std::vector<ReportGroup>& groups, const std::string& label) {
  for (const ReportGroup& group : groups)
    if (group.label == label) return group;
  FAIL("no group " << label);
  return groups.front();
}

}  // namespace

TEST_CASE("Report: labels say what differs and nothing else", "[experiment][report]") {
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
  const auto rows = rows_of(report);
  const auto groups = group_rows(rows);
  REQUIRE(groups.size() == 3);  // and not merged under one name
  CHECK(groups[1].label == "tuned, mc draws=8");
  CHECK(groups[2].label == "tuned, full_trajectory");  // beta is 0.1 wherever there is one
  // What only some lines have tells them apart where nothing else does.
  Json other = kFull;
  other["tuned.objective.beta"] = 0.4;
  CHECK(line_labels({{"tuned", kFull}, {"tuned", beta}, {"sft", kFull}}) ==
        std::vector<std::string>{"tuned", "tuned, beta=0.1", "sft"});
  CHECK(line_labels({{"tuned", other}, {"tuned", beta}, {"sft", beta}}) ==
        std::vector<std::string>{"tuned, beta=0.4", "tuned, beta=0.1", "sft"});
  // The measuring stage is named where two measure the same.
  CHECK(line_labels({{"sft", {}, "a"}, {"sft", {}, "b"}, {"tuned", {}, "a"}}) ==
        std::vector<std::string>{"sft (a)", "sft (b)", "tuned"});
}

TEST_CASE("Report: groups stand in the order start, preference, control", "[experiment][report]") {
  const Json report = three_seeds();
  const auto rows = rows_of(report);
  const auto groups = group_rows(rows);
  REQUIRE(groups.size() == 3);
  CHECK(groups[0].label == "verbose");
  CHECK(groups[1].label == "tuned");
  CHECK(groups[2].label == "control");
  CHECK(groups[1].rows.size() == 3);
}

TEST_CASE("Report: differences are paired by seed", "[experiment][report]") {
  const Json report = three_seeds();
  const auto rows = rows_of(report);
  const auto groups = group_rows(rows);
  const ReportGroup& tuned = named(groups, "tuned");
  // 0.6, 0.7, 0.8: mean 0.7, s = 0.1; over seeds a spread is told, no interval.
  const Spread accuracy = spread_of(tuned, "accuracy");
  CHECK(!accuracy.has_interval);
  CHECK(std::abs(accuracy.mean - 0.7) < 1e-12);
  CHECK(std::abs(accuracy.sd - 0.1) < 1e-12);
  CHECK(accuracy.seeds == 3);
  // Against the start: -0.1, -0.2, -0.3; unpaired it would be s of both groups.  Without items
  // Student's interval: t(0.975, 2) = 4.303.
  const Spread change = change_of(tuned, groups, "accuracy");
  CHECK(std::abs(change.mean + 0.2) < 1e-12);
  CHECK(change.low == Approx(-0.2 - 4.30265273 * 0.1 / std::sqrt(3.0)));
  CHECK(change.kind == IntervalKind::student);
  CHECK_THAT(change.why, testing::contains("holds no items"));
  // Against the control: -0.01, 0, 0.01 though both spread by 0.1.
  const Spread difference = difference_of(tuned, named(groups, "control"), "accuracy");
  CHECK(std::abs(difference.mean) < 1e-12);
  CHECK(difference.high == Approx(4.30265273 * 0.01 / std::sqrt(3.0)));
  CHECK(!spread_of(tuned, "no_such_metric").is_known);
  CHECK(!change_of(named(groups, "control"), groups, "accuracy").is_known);
}

TEST_CASE("Report: one seed without items has its figure and no interval of a change",
          "[experiment][report]") {
  Json report = {{"rows",
                  {row("verbose", "start", 1, 0.6, 2.0),
                   row("tuned", "preference", 1, 0.5, 1.0, {}, "verbose")}}};
  report["rows"][1]["axes"] = Json::object();
  for (Json& r : report["rows"]) {
    r["metrics"]["superfluous_steps_low"] = 0.9;
    r["metrics"]["superfluous_steps_high"] = 2.1;
  }
  const auto rows = rows_of(report);
  const auto groups = group_rows(rows);
  const Spread own = spread_of(groups[1], "accuracy");
  CHECK(own.kind == IntervalKind::wilson);  // of 250 right of 500
  CHECK((own.low == Approx(0.456341).margin(1e-6) && own.high == Approx(0.543659).margin(1e-6)));
  const Spread lines = spread_of(groups[1], "superfluous_steps");
  CHECK((lines.kind == IntervalKind::bootstrap && lines.low == 0.9 && lines.high == 2.1));
  const Spread change = change_of(groups[1], groups, "accuracy");
  CHECK(change.mean == Approx(-0.1));
  CHECK(!change.has_interval);  // two marginal intervals say nothing of a paired difference
  CHECK_THAT(findings(groups), testing::contains("one figure, no interval"));
}

TEST_CASE("Report: sentences claim what the intervals carry", "[experiment][report]") {
  const Json report = three_seeds();
  const auto rows = rows_of(report);
  const std::string text = findings(group_rows(rows));
  // Lines: 1 against 2.1, 2.2, 2.3: -1.2 +- 0.25 excludes zero; accuracy -0.2 +- 0.25 does not.
  CHECK_THAT(text, testing::contains("superfluous lines fell by 1.20 [-1.45, -0.952 Student]"));
  CHECK_THAT(text, testing::contains("accuracy: no change that is sure, -20.0 points"));
  CHECK_THAT(text, testing::contains("(the interval includes no change)"));
  // All three seeds differ by one line: no spread, so no interval, and without items no test.
  CHECK_THAT(text, testing::contains("no clear difference in length: tuned (-1.00)"));
  CHECK_THAT(text, testing::contains("no clear difference in accuracy: tuned (0.00 points"));
  CHECK_THAT(text, !testing::contains("less often right than it"));
}

TEST_CASE("Report: a change is against the start of the same cell", "[experiment][report]") {
  const Json low = {{"sft.optimizer.learning_rate", 0.001}},
             high = {{"sft.optimizer.learning_rate", 0.01}};
  const Json report = {{"rows",
                        {row("sft", "start", 1, 0.5, 0, low), row("sft", "start", 1, 0.9, 2, high),
                         row("tuned", "preference", 1, 0.5, 0, low, "sft"),
                         row("tuned", "preference", 1, 0.7, 1, high, "sft")}}};
  const auto rows = rows_of(report);
  const auto groups = group_rows(rows);
  CHECK(change_of(named(groups, "tuned, learning_rate=0.001"), groups, "accuracy").mean ==
        Approx(0.0).margin(1e-12));
  CHECK(change_of(named(groups, "tuned, learning_rate=0.01"), groups, "accuracy").mean ==
        Approx(-0.2));
  // A start of other seeds is no start.
  const Json other = {{"rows",
                       {row("sft", "start", 1, 0.5, 0), row("sft", "start", 2, 0.6, 0),
                        row("tuned", "preference", 3, 0.7, 0, Json::object(), "sft")}}};
  const auto others = rows_of(other);
  const auto without = group_rows(others);
  CHECK(!change_of(named(without, "tuned"), without, "accuracy").is_known);
}

namespace {

/// items.jsonl whose accuracy is 1 for the ids in `right`, of ten.
std::string items_file(const testing::TemporaryFolder& folder, const std::string& name,
                       const std::vector<int>& right) {
  std::ofstream out(folder.path() / name);
  for (int id = 0; id < 10; ++id)
    out << Json{{"id", id},
                {"correct", std::find(right.begin(), right.end(), id) != right.end()},
                {"metrics", {{"superfluous_steps", id % 3}}}}
               .dump()
        << "\n";
  return (folder.path() / name).string();
}

}  // namespace

TEST_CASE("Report: the interval of a change is a paired bootstrap over the items held",
          "[experiment][report]") {
  const testing::TemporaryFolder folder;
  Json report = {{"rows",
                  {row("sft", "start", 1, 0.5, 1.0),
                   row("tuned", "preference", 1, 0.7, 1.0, Json::object(), "sft")}}};
  report["rows"][0]["items"] = items_file(folder, "a.jsonl", {0, 1, 2, 3, 4});
  report["rows"][1]["items"] = items_file(folder, "b.jsonl", {0, 1, 2, 3, 4, 5, 6});
  auto rows = rows_of(report);
  auto groups = group_rows(rows);
  // Differences 0 0 0 0 0 1 1 0 0 0.  The bootstrap's distribution is Binomial(10, 0.2) / 10: its
  // 2.5 % quantile is 0 (P(0) = 0.107), its 97.5 % quantile 0.5 (P(<= 4) = 0.967, P(<= 5) = 0.994).
  const Spread change = change_of(groups[1], groups, "accuracy");
  REQUIRE(change.has_interval);
  CHECK(change.mean == Approx(0.2));
  CHECK((change.low == 0.0 && change.high == 0.5));
  CHECK(change.kind == IntervalKind::paired_bootstrap);
  REQUIRE(change.test);
  CHECK((change.test->name == "exact McNemar" && change.test->p == 0.5));
  CHECK((change.test->up == 2 && change.test->down == 0 && change.test->compared == 10));
  CHECK(!change.is_change());
  CHECK(change_text(change) == "0.200 [0.00, 0.500 paired bootstrap]");
  CHECK(test_text(change) == "p = 0.500 (2 up, 0 down of 10)");
  // The same prompts, the same lines: no interval of zero width that would know that it is so.
  const Spread lines = change_of(groups[1], groups, "superfluous_steps");
  CHECK((!lines.has_interval && lines.test && lines.test->p == 1));
  CHECK_THAT(lines.why, testing::contains("all 10 items differ alike"));

  // A second seed whose differences are -1 where the first's are 1: by item they cancel.
  report["rows"].push_back(row("sft", "start", 2, 0.7, 1.0));
  report["rows"].push_back(row("tuned", "preference", 2, 0.5, 1.0, Json::object(), "sft"));
  report["rows"][2]["items"] = report["rows"][1]["items"];
  report["rows"][3]["items"] = report["rows"][0]["items"];
  rows = rows_of(report);
  groups = group_rows(rows);
  const Spread both = change_of(named(groups, "tuned"), groups, "accuracy");
  CHECK(both.mean == Approx(0.0).margin(1e-12));
  CHECK((!both.has_interval && both.test && both.test->p == 1));
  CHECK(both.sd == Approx(0.2 * std::sqrt(2.0)));
}

TEST_CASE("Report: a change of items that all differ alike says why it has no interval",
          "[experiment][report]") {
  const testing::TemporaryFolder folder;
  Json report = {{"rows",
                  {row("sft", "start", 1, 0.0, 1.0),
                   row("tuned", "preference", 1, 1.0, 1.0, Json::object(), "sft")}}};
  report["rows"][0]["items"] = items_file(folder, "a.jsonl", {});
  report["rows"][1]["items"] = items_file(folder, "b.jsonl", {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  const auto rows = rows_of(report);
  const std::string text = findings(group_rows(rows));
  CHECK_THAT(text,
             testing::contains("accuracy rose by 100 points, exact McNemar p = 0.00195 (10 up, "
                               "0 down of 10) (no interval: all 10 items differ alike: "
                               "nothing to resample)"));
  CHECK_THAT(text, testing::contains("where all items differ alike there is no interval"));
}

TEST_CASE("Report: a difference counts when items, seeds and the exact test carry it",
          "[experiment][report]") {
  Spread spread{.mean = 0.2,
                .low = 0.1,
                .high = 0.3,
                .sd = 0.0,
                .seeds = 1,
                .is_known = true,
                .has_interval = true};
  CHECK(spread.is_change());
  spread.seeds = 3, spread.sd = 0.05;  // Student: 4.303 * 0.05 / sqrt(3) = 0.124
  CHECK(spread.is_change());
  spread.sd = 0.1;  // 0.248
  CHECK(!spread.is_change());
  spread.sd = 0.01, spread.low = -0.01;
  CHECK(!spread.is_change());
  spread.low = 0.1, spread.is_share = true;  // of a share the exact test has to say so too
  CHECK(!spread.is_change());
  spread.test = {.name = "exact McNemar", .p = 0.0625, .up = 5, .down = 0, .compared = 20};
  CHECK(!spread.is_change());
  spread.test->p = 0.03125;
  CHECK(spread.is_change());
}

TEST_CASE("Report: rows of other settings are other lines, other seeds are not",
          "[experiment][report]") {
  Json report = {{"rows",
                  {row("tuned", "preference", 1, 0.5, 1.0), row("tuned", "preference", 2, 0.6, 1.0),
                   row("tuned", "preference", 1, 0.9, 1.0)}}};
  report["rows"][0]["settings"] = report["rows"][1]["settings"] = "a";
  report["rows"][2]["settings"] = "b";
  report["rows"][0]["runs"] = {"first"}, report["rows"][1]["runs"] = {"second"};
  report["rows"][2]["runs"] = {"second"};
  const auto rows = rows_of(report);
  const auto groups = group_rows(rows);
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].rows.size() == 2);
  CHECK(groups[0].run == "first, second");
  CHECK(groups[1].run == "second");
  CHECK((groups[0].label == "tuned" && groups[0].name == "tuned [first, second]"));
  const auto tables = report_tables(groups);
  REQUIRE(tables.size() == 1);
  CHECK(tables[0].table.columns[1].header == "run");
  CHECK(tables[0].table.rows[0][1] == "first, second");
}

TEST_CASE("Report: several runs are put together, equal work once", "[experiment][report]") {
  const testing::TemporaryFolder folder;
  const auto write = [&](const char* run, const Json& rows) {
    std::filesystem::create_directories(folder.path() / run);
    std::ofstream(folder.path() / run / "report.json") << Json{
        {"name", run},
        {"description", ""},
        {"is_whole", true},
        {"rows", rows},
        {"work", Json::array()}}.dump();
    return folder.path() / run;
  };
  Json start = row("sft", "start", 1, 0.5, 1.0), a = row("tuned", "preference", 1, 0.6, 1.0),
       b = row("tuned", "preference", 2, 0.7, 1.0);
  a["starts_from"] = b["starts_from"] = "sft";
  start["hash"] = "s", a["hash"] = "a", b["hash"] = "b";
  start["items"] = "sft/items.jsonl";
  const auto first = write("first", {start, a}), second = write("second", {start, b});
  const ReportData data = read_runs({first, second});
  REQUIRE(data.rows.size() == 3);
  CHECK(data.rows[0].runs == std::vector<std::string>{"first", "second"});
  CHECK(data.rows[0].items == (std::filesystem::canonical(first) / "sft/items.jsonl").string());
  const auto groups = group_rows(data.rows);
  // The start is of both runs, though it is kept once: both changes are against it.
  const Spread change = change_of(named(groups, "tuned"), groups, "accuracy");
  CHECK(change.seeds == 2);
  CHECK(change.mean == Approx(0.15));
  CHECK_THROWS_AS(read_runs({folder.path()}), DataError);
}
