// SPDX-License-Identifier: MIT
// What a report says of training itself, also where nothing was evaluated.
#include <fstream>

#include "lldm/errors.hpp"
#include "lldm/report/report.hpp"
#include "lldm/storage/files.hpp"
#include "report/report_notes.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using testing::contains;
using Json = nlohmann::ordered_json;

namespace {

Json entry(const std::string& stage, const std::string& role, std::int64_t seed,
           const std::string& evaluated_by, const std::string& hash, const Json& metrics) {
  return {{"axes", Json::object()},
          {"seed", seed},
          {"stage", stage},
          {"role", role},
          {"starts_from", ""},
          {"evaluated_by", evaluated_by},
          {"estimator", role == "preference" ? "segmented" : ""},
          {"hash", hash},
          {"model_hash", stage + std::to_string(seed)},
          {"settings", stage + evaluated_by},
          {"metrics", metrics}};
}

Json trained(const std::string& stage, const std::string& role, std::int64_t seed, double loss) {
  Json metrics = {{"steps", 8},
                  {"rows", 20},
                  {"training_loss", loss},
                  {"training_seconds", 2.0},
                  {"peak_bytes", 3 << 20}};
  if (role == "preference")
    metrics.update({{"held_out_loss", 2.0 * loss},
                    {"least_held_out_loss", loss},
                    {"best_step", 4},
                    {"score_sd", 1.5},
                    {"held_out_reward_accuracy", 0.25},
                    {"held_out_pairs", 4}});
  return entry(stage, role, seed, "", stage + std::to_string(seed), metrics);
}

/// What `lldm report` writes of a report.json with these entries.
struct Pages {
  testing::TemporaryFolder folder;
  Pages(const std::vector<Json>& rows, const std::vector<Json>& training,
        const std::vector<std::string>& notes = {}) {
    testing::write_file(folder / "report.json", Json{{"name", "n"},
                                                     {"description", ""},
                                                     {"is_whole", true},
                                                     {"measured", Json::array()},
                                                     {"rows", rows},
                                                     {"training", training},
                                                     {"work", Json::array()},
                                                     {"notes", notes}}
                                                    .dump());
    merge_reports({folder.path()}, folder / "out");
  }
  [[nodiscard]] std::string text(const std::string& file) const {
    return read_file(folder / "out" / file);
  }
};

std::size_t count_of(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("Report: a run without an evaluation shows what training says of itself", "[report]") {
  const Pages pages({}, {trained("sft", "start", 1, 0.5), trained("dpo", "preference", 1, 0.25)},
                    {kNothingEvaluated, "dpo: odd"});
  const std::string page = pages.text("report.md"), costs = pages.text("costs.md"),
                    shown = report_text(pages.folder / "out", 400);
  for (const std::string& text : {page, shown}) {
    CHECK_THAT(text, contains("nothing was evaluated"));
    CHECK_THAT(text, contains("Training\n"));
    CHECK_THAT(text, contains("0.250 [0.0456, 0.699 Wilson]"));  // one of four held-out pairs
    CHECK_THAT(text, contains("held-out loss"));
  }
  CHECK_THAT(page, contains("\n| sft   |     1 |     8 |   20 |        0.5000 |"));
  CHECK_THAT(page, contains("|        0.2500 |        0.5000 |              0.2500 |       4 |\n"));
  CHECK_THAT(costs, contains("3.00 MiB"));
  CHECK_THAT(shown, contains("3.00 MiB"));
  const Json report = Json::parse(pages.text("report.json"));
  CHECK(report.at("rows").empty());
  REQUIRE(report.at("lines").size() == 2);
  const Json& line = report.at("lines").at(1);
  CHECK((line.at("label") == "dpo" && line.at("evaluated_by") == ""));
  CHECK(line.at("figures").at("held_out_loss").at("mean") == 0.5);
  CHECK(line.at("figures").at("training_loss").at("mean") == 0.25);
  CHECK(report.at("training").size() == 2);
  const Pages other({}, {trained("sft", "start", 2, 0.7)});
  merge_reports({pages.folder.path(), other.folder.path()}, pages.folder / "both");
  const Json both = Json::parse(read_file(pages.folder / "both" / "report.json"));
  const std::string run = pages.folder.path().filename();
  CHECK(both.at("notes") == Json{run + ": " + kNothingEvaluated, run + "/dpo: odd"});
  CHECK(both.at("training").size() == 3);
  CHECK_THAT(read_file(pages.folder / "both" / "report.md"),
             contains("|     2 |     8 |   20 |        0.6000 |"));
}

TEST_CASE("Report: training has one line of a model, however often it was measured", "[report]") {
  const auto measured = [](std::int64_t seed, const std::string& by, double accuracy) {
    Json metrics = trained("dpo", "preference", seed, 0.25).at("metrics");
    metrics.update({{"accuracy", accuracy}, {"items", 8}});
    return entry("dpo", "preference", seed, by, by + std::to_string(seed), metrics);
  };
  const std::vector<Json> training = {trained("sft", "start", 1, 0.5),
                                      trained("dpo", "preference", 1, 0.25),
                                      trained("dpo", "preference", 2, 0.75)};
  // Of seed 2 the second evaluation is not there.
  const Pages pages({measured(1, "a", 0.5), measured(2, "a", 0.5), measured(1, "b", 0.5)},
                    training);
  const std::string page = pages.text("report.md");
  CHECK(count_of(page, "\n| dpo (a) ") == 1);
  CHECK(count_of(page, "\n| dpo ") == 4);  // two of Results, one of noise, one of training
  CHECK_THAT(page, contains("\n| dpo   |     2 |     8 |   20 |        0.5000 |"));
  CHECK(count_of(pages.text("costs.md"), "\n| dpo ") == 1);
  // A model that nothing measured has a line of its own; the others theirs only.
  std::vector<std::string> labels;
  const Json report = Json::parse(pages.text("report.json"));
  for (const Json& line : report.at("lines")) labels.push_back(line.at("label"));
  CHECK(labels == std::vector<std::string>{"dpo (a)", "dpo (b)", "sft"});
}

TEST_CASE("Report: notes of finished work", "[report]") {
  const auto notes = [](const Json& more) {
    Json work = {{"folder", "ev"}};
    work.update(more);
    return notes_of(work);
  };
  CHECK(notes(Json::object()).empty());
  const auto asked = [](int items, int prompts) {
    return Json{{"shared_prompts", {{"prompts", prompts}, {"items", items}, {"shared", 0}}}};
  };
  CHECK(notes(asked(2, 2)).empty());
  REQUIRE(notes(asked(2, 1)).size() == 1);
  CHECK_THAT(notes(asked(2, 1)).front(), contains("ev: 2 items of 1 prompts"));
  const auto pairs = [](int rows) {
    return Json{{"score_study", Json::object()}, {"held_out", {{"rows", rows}, {"prompts", 2}}}};
  };
  CHECK(notes(pairs(2)).empty());
  REQUIRE(notes(pairs(3)).size() == 1);
  CHECK_THAT(notes(pairs(3)).front(), contains("3 held-out rows of 2 prompts"));
  const auto held = [](int shared) {
    return Json{{"held_out",
                 {{"shared_prompts", 0},
                  {"earlier_stages", {{"prompts", 8}, {"shared", shared}, {"is_known", true}}}}}};
  };
  CHECK(notes(held(0)).empty());
  REQUIRE(notes(held(3)).size() == 1);
  CHECK_THAT(notes(held(3)).front(), contains("ev: 3 of 8 held-out prompts were trained on by "
                                              "stages before it"));
}
