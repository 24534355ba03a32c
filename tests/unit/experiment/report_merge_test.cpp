// SPDX-License-Identifier: MIT
// Reports over several folders, counts so small that they can be worked out by hand, and figures
// that are none.
#include <fstream>

#include "lldm/report/report.hpp"
#include "lldm/storage/files.hpp"
#include "report/columns.hpp"
#include "report/lines.hpp"
#include "report/plot_sink.hpp"
#include "report/report_plots.hpp"
#include "report/report_runs.hpp"
#include "report/report_table.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {

/// A folder with a report of a start and a model tuned from it at one beta, and the items of both.
struct Run {
  fs::path folder;
  Json rows = Json::array();

  Run(const fs::path& where, std::size_t items, double beta) : folder(where) {
    fs::create_directories(folder);
    // One beta is one cell: its axis stands at the shared start too.
    add("sft", "start", "s", items, 0, {{"tuned.objective.beta", beta}});
    rows.back()["model_hash"] = "m";
  }

  void add(const std::string& stage, const std::string& role, const std::string& hash,
           std::size_t items, std::size_t right, const Json& axes) {
    std::ofstream out(folder / (hash + ".jsonl"));
    for (std::size_t i = 0; i < items; ++i)
      out << Json{{"id", i}, {"prompt", "q"}, {"correct", i < right}}.dump() << "\n";
    rows.push_back({{"axes", axes},
                    {"seed", 1},
                    {"stage", stage},
                    {"role", role},
                    {"starts_from", role == "start" ? "" : "sft"},
                    {"evaluated_by", "ev"},
                    {"hash", hash},
                    {"settings", hash},
                    {"evaluation", "e"},
                    {"metrics",
                     {{"accuracy", static_cast<double>(right) / static_cast<double>(items)},
                      {"items", items}}},
                    {"items", hash + ".jsonl"}});
    if (role != "start") rows.back()["from_hash"] = "m";
  }

  void write(const Json& failed = Json::array()) const {
    std::ofstream(folder / "report.json") << Json{{"name", "n"},      {"description", ""},
                                                  {"is_whole", true}, {"measured", Json::array()},
                                                  {"rows", rows},     {"work", Json::array()},
                                                  {"failed", failed}}
                                                 .dump();
  }
};

Run tuned_run(const fs::path& folder, double beta, const std::string& hash, std::size_t right,
              std::size_t items = 20) {
  Run run(folder, items, beta);
  run.add("tuned", "preference", hash, items, right, {{"tuned.objective.beta", beta}});
  run.write();
  return run;
}

/// What stands in the tables' lines for `label`.
Json line(const fs::path& report, const std::string& label) {
  const Json whole = Json::parse(read_file(report / "report.json"));
  for (const Json& entry : whole.at("lines"))
    if (entry.at("label") == label) return entry;
  FAIL("no line " << label);
  return {};
}

Json change(const fs::path& report, const std::string& label) {
  return line(report, label).at("changes").at("accuracy");
}

}  // namespace

TEST_CASE("Merged reports are the same whatever the order and the paths of the folders",
          "[experiment][report]") {
  const testing::TemporaryFolder folder;
  const fs::path a = folder.path() / "a", b = folder.path() / "b", out = folder.path() / "both";
  tuned_run(a, 0.1, "ta", 4);
  tuned_run(b, 0.4, "tb", 8);
  merge_reports({a, b}, out);
  const std::string report = read_file(out / "report.json"), text = read_file(out / "report.md");
  CHECK(line(out, "sft").at("axes").empty());  // the start is of both betas
  CHECK(change(out, "tuned, beta=0.1").at("mean") == Approx(0.2));
  CHECK(change(out, "tuned, beta=0.1").at("p") == 0.125);
  CHECK(change(out, "tuned, beta=0.4").at("is_change") == true);
  fs::create_directory_symlink(b, folder.path() / "link");
  for (const std::vector<fs::path>& given : {std::vector{b, a},
                                             {fs::relative(a), b},
                                             {folder.path() / "link", a},
                                             {a / ".." / "a", b / "."}}) {
    merge_reports(given, out);
    CHECK(read_file(out / "report.json") == report);
    CHECK(read_file(out / "report.md") == text);
  }
  // Given twice it counts once and is told; moved it gives the same figures.
  merge_reports({b, a, b}, out);
  CHECK_THAT(read_file(out / "report.md"), testing::contains("is given twice and counts once"));
  fs::rename(a, folder.path() / "z");
  merge_reports({b, folder.path() / "z"}, out);
  CHECK(change(out, "tuned, beta=0.1").at("low") ==
        Json::parse(report).at("lines")[1].at("changes").at("accuracy").at("low"));
}

TEST_CASE("Runs that say other figures of the same work are told", "[experiment][report]") {
  const testing::TemporaryFolder folder;
  tuned_run(folder.path() / "a", 0.1, "t", 4);
  tuned_run(folder.path() / "b", 0.1, "t", 5);
  const ReportData data = read_runs({folder.path() / "a", folder.path() / "b"});
  REQUIRE(data.notes.size() == 1);
  CHECK_THAT(data.notes.front(),
             testing::contains("b and a measured the same work of tuned (t) with other figures"));
}

TEST_CASE("Roles that folders give the same model differently are told", "[experiment][report]") {
  const testing::TemporaryFolder folder;
  const fs::path a = folder.path() / "a", b = folder.path() / "b", out = folder.path() / "out";
  tuned_run(a, 0.1, "t", 4);
  Run other = tuned_run(b, 0.1, "t", 4);
  other.rows[1]["role"] = "control";
  other.write();
  merge_reports({a, b}, out);
  CHECK_THAT(read_file(out / "report.md"),
             testing::contains("b and a give tuned (t) other roles, control and preference: that "
                               "of the latter is shown"));
  CHECK(line(out, "tuned").at("role") == "preference");
  // Of two seeds that differ in it none is counted as the other.
  other.rows[1]["seed"] = 2;
  other.rows[1]["hash"] = "t2";
  other.rows[1]["settings"] = "t";
  other.write();
  merge_reports({a, b}, out);
  CHECK(Json::parse(read_file(out / "report.json")).at("lines").size() == 3);
}

TEST_CASE("Items that cannot be read are told, and give no interval", "[experiment][report]") {
  const testing::TemporaryFolder folder;
  const fs::path a = folder.path() / "a", out = folder.path() / "out";
  tuned_run(a, 0.1, "t", 4);
  const auto why = [&] {
    merge_reports({a}, out);
    const Json seen = change(out, "tuned");
    CHECK(seen.at("interval") == "none");
    CHECK(!seen.contains("low"));
    CHECK(seen.at("is_change") == false);
    CHECK_THAT(read_file(out / "report.md"), testing::contains(seen.at("why").get<std::string>()));
    return seen.at("why").get<std::string>();
  };
  std::ofstream(a / "s.jsonl") << "{\"id\": 1, \"correct\": tr\n";
  CHECK(why() == "s.jsonl of a cannot be read: line 1 is no item");
  fs::remove(a / "s.jsonl");
  CHECK(why() == "s.jsonl of a is not there");
  std::ofstream(a / "s.jsonl") << "{\"id\": 77, \"correct\": true}\n";
  CHECK(why() == "the two sides have no item in common");
}

TEST_CASE("Shares and flips of small counts have exact figures", "[experiment][report]") {
  const testing::TemporaryFolder folder;
  struct Case {
    std::size_t items, right;
    double low, high, p;  // Wilson's of the tuned model, McNemar's of the change from none right
    bool is_change;
  };
  for (const Case& c : {Case{20, 0, 0, 0.161125, 1, false},
                        {20, 4, 0.080657, 0.416017, 0.125, false},
                        {20, 5, 0.111862, 0.468701, 0.0625, false},
                        {20, 6, 0.145477, 0.518970, 0.03125, true},
                        {20, 20, 0.838875, 1, 2.0 / 1048576, true},
                        {1, 1, 0.206549, 1, 1, false}}) {
    INFO(c.right << " of " << c.items);
    const fs::path a = folder.path() / "a", out = folder.path() / "out";
    tuned_run(a, 0.1, "t", c.right, c.items);
    merge_reports({a}, out);
    const Json figure = line(out, "tuned").at("figures").at("accuracy");
    CHECK(figure.at("interval") == "Wilson");
    CHECK(figure.at("low").get<double>() == Approx(c.low).margin(1e-6));
    CHECK(figure.at("high").get<double>() == Approx(c.high).margin(1e-6));
    const Json seen = change(out, "tuned");
    CHECK(seen.at("test") == "exact McNemar");
    CHECK(seen.at("p").get<double>() == Approx(c.p));
    CHECK(seen.at("up") == c.right);
    CHECK(seen.at("is_change") == c.is_change);
    const bool all_alike = c.right == 0 || c.right == c.items;
    CHECK(seen.at("interval") == (all_alike ? "none" : "paired bootstrap"));
    CHECK((seen.contains("why") == all_alike));
    CHECK_THAT(read_file(out / "report.md"),
               testing::contains(c.is_change ? "accuracy rose by" : "accuracy: no change"));
  }
}

TEST_CASE("A figure that is not finite is a row that says nan and why", "[experiment][report]") {
  const testing::TemporaryFolder folder;
  Run run(folder.path() / "a", 20, 0.1);
  run.add("tuned", "preference", "t", 20, 4, {{"tuned.objective.beta", 0.1}});
  run.add("tuned", "preference", "u", 20, 4, {{"tuned.objective.beta", 0.4}});
  for (const Json& not_finite : {Json(nullptr), Json("NaN"), Json("Infinity")}) {
    run.rows.back()["metrics"]["accuracy"] = not_finite;
    run.write({{{"stage", "tuned"},
                {"model", ""},
                {"axes", {{"tuned.objective.beta", 0.8}}},
                {"seed", 3},
                {"error", "the loss is nan"}}});
    const fs::path out = folder.path() / "out";
    merge_reports({run.folder}, out);
    const Json figure = line(out, "tuned, beta=0.4").at("figures").at("accuracy");
    CHECK(figure.at("mean") == (not_finite == "Infinity" ? "Infinity" : "NaN"));
    CHECK(figure.at("why") == "accuracy was not finite when it was measured, seed 1");
    const std::string text = read_file(out / "report.md"), plot = read_file(out / "accuracy.svg");
    CHECK_THAT(text, testing::contains("tuned, beta=0.4, accuracy: "));
    CHECK_THAT(text, testing::contains("accuracy was not finite when it was measured, seed 1"));
    CHECK_THAT(text, testing::contains("the loss is nan"));
    CHECK_THAT(plot, testing::contains("not drawn: tuned, beta=0.4 is nan"));
    CHECK_THAT(plot, testing::contains("n: 1 seed (1), 20 items each"));
    CHECK_THAT(report_text(out, 200), testing::contains("nan"));
  }
}

TEST_CASE("Seeds that asked other items are resampled one by one", "[experiment][report]") {
  const testing::TemporaryFolder folder;
  Run run(folder.path() / "a", 20, 0.1);
  run.add("tuned", "preference", "t", 20, 6, Json::object());
  run.add("sft", "start", "s2", 20, 0, Json::object());
  run.add("tuned", "preference", "t2", 20, 6, Json::object());
  for (const char* hash : {"s2", "t2"}) {  // the same ids of other prompts
    std::string text = read_file(run.folder / (std::string(hash) + ".jsonl"));
    for (std::size_t at = 0; (at = text.find("\"q\"", at)) != std::string::npos;)
      text.replace(at, 3, "\"r\"");
    std::ofstream(run.folder / (std::string(hash) + ".jsonl")) << text;
  }
  for (const std::size_t second : {std::size_t{2}, std::size_t{3}}) {
    run.rows[second]["seed"] = 2;
    run.rows[second]["settings"] = run.rows[second - 2]["settings"];
  }
  run.rows[2]["model_hash"] = run.rows[3]["from_hash"] = "m2";
  run.write();
  merge_reports({run.folder}, folder.path() / "out");
  const Json seen = change(folder.path() / "out", "tuned");
  CHECK(seen.at("items") == 40);  // not twenty items of two seeds each
  CHECK(seen.at("up") == 12);
  CHECK(seen.at("seeds") == 2);
}

TEST_CASE("The same estimator has the same colour in every plot", "[experiment][report]") {
  ReportGroups groups;
  for (const char* estimator : {"segmented", "monte_carlo_elbo"})
    for (const char* beta : {"0.1", "0.4"}) {
      ReportGroup group;
      group.label = group.name = std::string("tuned, ") + estimator + ", beta=" + beta;
      group.role = "preference";
      group.estimator = estimator;
      groups.push_back(group);
    }
  ReportStyles styles(groups);
  CHECK(styles.key_of(groups[0]) == "segmented");
  const PlotStyle first = styles.of("segmented", groups[0].label),
                  second = styles.of("segmented", groups[1].label);
  CHECK((first.colour == second.colour && first.pattern != second.pattern));
  CHECK(styles.of("monte_carlo_elbo", "any").colour != first.colour);
  CHECK(styles.of("segmented", groups[0].label).pattern == first.pattern);
  // With one estimator the lines themselves have colours.
  groups.erase(groups.begin() + 2, groups.end());
  ReportStyles alone(groups);
  CHECK(alone.of(alone.key_of(groups[0]), "a").colour !=
        alone.of(alone.key_of(groups[1]), "b").colour);
}

TEST_CASE("Every column of the report is explained in docs/report.md", "[experiment][report]") {
  const std::string page = read_file(fs::path(LLDM_SOURCE_DIR) / "docs/report.md");
  for (const char* table : {kResultsTitle, kEstimatorsTitle, kStudyTitle, kPairsTitle,
                            kTrainingTitle, kFailedTitle, kCostsTitle}) {
    INFO("docs/report.md should hold, below \"" << table << "\":\n" << columns_markdown(table));
    CHECK(page.find("### " + std::string(table) + "\n\n" + columns_markdown(table)) != page.npos);
  }
}
