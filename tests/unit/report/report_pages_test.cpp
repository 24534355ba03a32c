// SPDX-License-Identifier: MIT
// What the pages of a report say of figures that are easily taken for one another.
#include <cmath>
#include <fstream>

#include "experiment/axis_labels.hpp"
#include "lldm/errors.hpp"
#include "lldm/report/report.hpp"
#include "lldm/storage/files.hpp"
#include "report/report_table.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {

Json row(const std::string& stage, const std::string& role, std::int64_t seed, const Json& axes,
         const Json& metrics) {
  return {{"axes", axes},
          {"seed", seed},
          {"stage", stage},
          {"role", role},
          {"starts_from", role == "preference" ? "sft" : ""},
          {"evaluated_by", "ev"},
          {"estimator", "segmented"},
          {"metrics", metrics}};
}

using Rows = std::vector<Json>;

/// What `lldm report` writes of these rows, and of learning curves.
struct Pages {
  testing::TemporaryFolder folder;
  explicit Pages(const Rows& rows, const Json& work = Json::array(),
                 const std::string& logged = "") {
    std::ofstream(folder / "report.json") << Json{
        {"name", "n"},
        {"description", ""},
        {"is_whole", true},
        {"rows", rows},
        {"work", work}}.dump();
    if (!logged.empty()) std::ofstream(folder / "metrics.jsonl") << logged;
    merge_reports({folder.path()}, folder / "out");
  }
  [[nodiscard]] std::string text(const std::string& file) const {
    return read_file(folder / "out" / file);
  }
  /// The cells of the first line that begins with "| `label`" below `title`.
  [[nodiscard]] std::string line(const std::string& title, const std::string& label) const {
    const std::string page = text("report.md");
    const auto at = page.find("\n| " + label + " ", page.find("## " + title));
    REQUIRE(at != std::string::npos);
    return page.substr(at + 1, page.find('\n', at + 1) - at);
  }
};

const Json kPairs = {
    {"preference_accuracy", 0.5},          {"reward_accuracy", 0.75}, {"items", 24},
    {"held_out_reward_accuracy", 0.25},    {"held_out_pairs", 4},     {"score_sd", 1.5},
    {"preference_accuracy_per_token", 0.5}};

}  // namespace

TEST_CASE("Report: reward accuracy of an evaluation and of held-out pairs are two figures",
          "[experiment][report]") {
  const Pages pages(
      Rows{row("sft", "start", 1, Json::object(), {{"preference_accuracy", 0.5}, {"items", 24}}),
           row("tuned", "preference", 1, Json::object(), kPairs)});
  // Wilson's of 18 of 24, and of 1 of 4.
  CHECK_THAT(pages.line("Pairs by absolute score", "tuned"),
             testing::contains("| 0.750 [0.551, 0.880 Wilson] |"));
  CHECK_THAT(pages.line("Score estimators: noise", "tuned"),
             testing::contains("| 0.250 [0.0456, 0.699 Wilson] |"));
  CHECK_THAT(report_text(pages.folder / "out", 400),
             testing::contains("0.750 [0.551, 0.880 Wilson]"));
  // Where no stage has a reference there is no such column.
  const Pages without(
      Rows{row("sft", "start", 1, Json::object(), {{"preference_accuracy", 0.5}, {"items", 24}})});
  CHECK_THAT(without.text("report.md"), !testing::contains("reward accuracy"));
}

TEST_CASE("Report: a bias has the standard error of its seeds' mean and its own interval",
          "[experiment][report]") {
  const auto study = [](std::int64_t seed, double bias, double error) {
    return row("study", "none", seed, {{"budget", 4.0}},
               {{"gradient_variance", 1.0},
                {"bias", bias},
                {"bias_standard_error", error},
                {"bias_interval", "Student"},
                {"bias_low", bias - 1},
                {"bias_high", bias + 1}});
  };
  const Pages one(Rows{study(1, 0.5, 0.3)});
  CHECK_THAT(one.line("Score estimators: bias", "study"), testing::contains("| 0.500 ± 0.30 |"));
  const Json line = Json::parse(one.text("report.json")).at("lines").at(0);
  CHECK(line.at("figures").at("bias").at("interval") == "Student");
  const Pages two(Rows{study(1, 0.5, 0.3), study(2, 0.7, 0.4)});  // hypot(0.3, 0.4) / 2
  CHECK_THAT(two.line("Score estimators: bias", "study"), testing::contains("| 0.600 ± 0.25 |"));
}

TEST_CASE("Report: a figure without an interval says why, and a test its name",
          "[experiment][report]") {
  const Pages pages(Rows{row("sft", "start", 1, Json::object(),
                             {{"accuracy", 0.0},
                              {"items", 8},
                              {"superfluous_steps", 0.0},
                              {"superfluous_steps_interval", "none"}})});
  CHECK_THAT(pages.text("report.md"),
             testing::contains("sft, superfluous lines: no interval; all 8 items are alike: "
                               "nothing to resample."));
  Spread change{.mean = 0.1, .seeds = 2, .is_known = true};
  change.test = {.name = "exact sign flips", .p = 0.5, .up = 2, .down = 1, .compared = 8};
  CHECK(test_text(change) == "p = 0.500 by exact sign flips (2 up, 1 down of 8)");
}

TEST_CASE("Report: axes of one name are told apart, and lines without an axis are named",
          "[experiment][report]") {
  Rows rows;
  for (const double rate : {0.1, 0.2})
    for (const double start : {0.3, 0.4})
      rows.push_back(row("tuned", "preference", 1,
                         {{"tuned.optimizer.rate", rate}, {"sft.optimizer.rate", start}},
                         {{"accuracy", rate}, {"items", 8}}));
  rows.push_back(row("tuned", "preference", 1, {{"tuned.objective.beta", 0.1}},
                     {{"accuracy", 0.9}, {"items", 8}}));
  const Pages pages(rows);
  CHECK_THAT(pages.text("report.md"),
             testing::contains("| tuned, tuned.optimizer.rate=0.1, sft.optimizer.rate=0.3 "));
  CHECK_THAT(pages.text("accuracy_over_sft_optimizer_rate.svg"),
             testing::contains("tuned.optimizer.rate=0.1"));
  CHECK_THAT(pages.text("accuracy_over_tuned_optimizer_rate.svg"),
             testing::contains("sft.optimizer.rate=0.3"));
  CHECK_THAT(pages.text("accuracy_over_tuned_optimizer_rate.svg"),
             testing::contains("not drawn: 1 line without tuned.optimizer.rate"));
  CHECK(short_axis("tuned.objective.beta", {"tuned.optimizer.rate"}) == "beta");
  CHECK(short_axis("a.c", {"a.c", "b.c", "x.a.c"}) == "a.c");
}

TEST_CASE("Report: n below a plot is of what it shows", "[experiment][report]") {
  Rows rows;
  Json work = Json::array();
  std::string logged;
  const auto add = [&](double beta, std::int64_t seed) {
    const Json axes = {{"tuned.objective.beta", beta}};
    rows.push_back(row("tuned", "preference", seed, axes, kPairs));
    const std::string folder = message("f", work.size());
    work.push_back({{"stage", "tuned"}, {"axes", axes}, {"seed", seed}, {"folder", folder}});
    logged +=
        Json{{"stage", folder}, {"step", 1}, {"wall_time", 1.0}, {"train/rewards/margins", 0.5}}
            .dump() +
        "\n";
  };
  add(0.1, 1), add(0.1, 2), add(0.4, 1);
  const Pages pages(rows, work, logged);
  // Two curves of two seeds and of one; noise is of the four held-out pairs, not of the 24 asked.
  CHECK_THAT(pages.text("preference_margin.svg"), testing::contains("n: 1 to 2 seeds (1, 2);"));
  CHECK_THAT(pages.text("score_sd_over_beta.svg"), testing::contains("4 pairs each"));
  CHECK_THAT(pages.text("preference_accuracy_over_beta.svg"), testing::contains("24 items each"));
}
