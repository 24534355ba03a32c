// SPDX-License-Identifier: MIT
#include "lldm/track/export.hpp"

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "lldm/storage/files.hpp"
#include "lldm/track/metrics.hpp"
#include "support/catch.hpp"
#include "support/shell.hpp"
#include "support/temporary_folder.hpp"

namespace fs = std::filesystem;
using lldm::testing::run_shell;
using lldm::testing::TemporaryFolder;
using nlohmann::json;

namespace {

const double kNaN = std::numeric_limits<double>::quiet_NaN();

/// A run folder whose name needs quoting in Python and in a shell.
fs::path make_run(const TemporaryFolder& folder, bool has_config = true) {
  const auto run = folder / "run \"q\" \\n \xc3\xa9";
  fs::create_directory(run);
  double now = 1700000000.25;
  lldm::MetricsWriter writer(run / "metrics.jsonl", lldm::real_file_ops(), [&] { return now++; });
  writer.log("sft", 1, {{"train/loss", 1.5}, {"train/a,b", 2}});
  writer.log("sft", 2, {{"train/loss", kNaN}});
  writer.log("tuned", 1, {{"eval/acc@8", 0.25}});
  if (has_config)
    std::ofstream(run / "config.resolved.toml")
        << "seed = 42\n[model]\nwidth = 64\n[[stage]]\nname = \"sft\"\n";
  return run;
}

bool has_python() { return run_shell(lldm::testing::python() + " -c 'import tomllib'").code == 0; }

/// Compiles and runs a script against the clients of tests/support/fake_clients; returns what was
/// called.
std::vector<json> calls_of(const fs::path& script, const std::string& arguments = "") {
  const auto python = lldm::testing::python();
  const auto compiled = run_shell(python + " -m py_compile '" + script.string() + "'");
  INFO(compiled.output);
  REQUIRE(compiled.code == 0);
  const auto result = run_shell("PYTHONPATH='" LLDM_SOURCE_DIR
                                "/tests/support/fake_clients' PYTHONDONTWRITEBYTECODE=1 " +
                                python + " '" + script.string() + "' " + arguments);
  INFO(result.output);
  REQUIRE(result.code == 0);
  std::vector<json> calls;
  std::istringstream lines(result.output);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("CALL ")) calls.push_back(json::parse(line.substr(5)));
  return calls;
}

}  // namespace

TEST_CASE("export_csv writes every line and every metric", "[track][export]") {
  TemporaryFolder folder;
  const auto run = make_run(folder);
  CHECK_FALSE(lldm::export_csv(run, folder / "out.csv"));
  CHECK(lldm::read_file(folder / "out.csv") ==
        "stage,step,wall_time,train/loss,\"train/a,b\",eval/acc@8\n"
        "sft,1,1700000000.25,1.5,2,\n"
        "sft,2,1700000001.25,NaN,,\n"
        "tuned,1,1700000002.25,,,0.25\n");
}

TEST_CASE("Exports name the cells of a grid by axes and seed", "[track][export]") {
  TemporaryFolder folder;
  const auto run = make_run(folder);
  const json cell = {{"id", "x"}};
  const json index = {{"cells", {cell, cell}},
                      {"work",
                       {{{"folder", "sft"},
                         {"name", "sft, seed 42"},
                         {"stage", "sft"},
                         {"model", ""},
                         {"axes", json::object()},
                         {"seed", 42}},
                        {{"folder", "tuned"},
                         {"name", "tuned, beta=0.1, seed 2"},
                         {"stage", "tuned"},
                         {"model", ""},
                         {"axes", {{"tuned.objective.beta", 0.1}, {"e", {{"type", "a,b"}}}}},
                         {"seed", 2}}}}};
  std::ofstream(run / "index.json") << index.dump();
  CHECK_FALSE(lldm::export_csv(run, folder / "out.csv"));
  CHECK(lldm::read_file(folder / "out.csv") ==
        "stage,step,wall_time,seed,e,tuned.objective.beta,train/loss,\"train/a,b\",eval/acc@8\n"
        "sft,1,1700000000.25,42,,,1.5,2,\n"
        "sft,2,1700000001.25,42,,,NaN,,\n"
        "tuned,1,1700000002.25,2,\"{\"\"type\"\":\"\"a,b\"\"}\",0.1,,,0.25\n");
  CHECK_FALSE(lldm::export_wandb_script(run, folder / "replay.py"));
  bool is_named = false;
  for (const json& call : calls_of(folder / "replay.py"))
    is_named =
        is_named || call.dump().find("tuned/beta=0.1/seed 2/eval/acc@8") != std::string::npos;
  CHECK(is_named);
}

TEST_CASE("Exports tell of a half-written last line and leave it out", "[track][export]") {
  TemporaryFolder folder;
  const auto run = make_run(folder);
  std::ofstream(run / "metrics.jsonl", std::ios::app) << "{\"stage\":\"tu";
  CHECK(lldm::export_csv(run, folder / "out.csv"));
  CHECK(lldm::export_wandb_script(run, folder / "replay.py"));
  CHECK(lldm::read_file(folder / "out.csv").ends_with("0.25\n"));
  if (has_python()) CHECK(calls_of(folder / "replay.py").size() == 9);
}

TEST_CASE("Exports name the file that is missing", "[track][export]") {
  TemporaryFolder folder;
  CHECK_THROWS_WITH(lldm::export_csv(folder / "none", folder / "out.csv"),
                    "cannot read \"" + (folder / "none/metrics.jsonl").string() +
                        "\": No such file or directory");
  CHECK_THROWS_AS(lldm::export_mlflow_script(folder / "none", folder / "out.py"), lldm::FileError);
  CHECK_THROWS_AS(lldm::export_wandb_script(folder / "none", folder / "out.py"), lldm::FileError);
}

TEST_CASE("The wandb script replays the run", "[track][export]") {
  if (!has_python()) {
    WARN("skipped: no python3 with tomllib");
    return;
  }
  TemporaryFolder folder;
  const auto run = make_run(folder);
  CHECK_FALSE(lldm::export_wandb_script(run, folder / "replay.py"));
  const auto calls = calls_of(folder / "replay.py", "--project p");
  REQUIRE(calls.size() == 9);
  CHECK(calls[0][0] == "init");
  CHECK(calls[0][1]["project"] == "p");
  CHECK(calls[0][1]["name"] == run.filename().string());
  CHECK(calls[0][1]["config"]["model"]["width"] == 64);
  CHECK(calls[2][1] == json{{"name", "sft/*"}, {"step_metric", "sft/step"}});
  CHECK(calls[3][1]["data"] == json{{"sft/train/loss", 1.5},
                                    {"sft/train/a,b", 2},
                                    {"sft/step", 1},
                                    {"sft/wall_time", 1700000000.25}});
  CHECK(calls[7][1]["data"] ==
        json{{"tuned/eval/acc@8", 0.25}, {"tuned/step", 1}, {"tuned/wall_time", 1700000002.25}});
  CHECK(calls[8][0] == "finish");
}

TEST_CASE("The mlflow script replays the run, with times and legal names", "[track][export]") {
  if (!has_python()) {
    WARN("skipped: no python3 with tomllib");
    return;
  }
  TemporaryFolder folder;
  const auto run = make_run(folder);
  CHECK_FALSE(lldm::export_mlflow_script(run, folder / "replay.py"));
  fs::rename(run, folder / "moved");  // the folder can be given
  const auto calls = calls_of(folder / "replay.py", "'" + (folder / "moved").string() + "'");
  REQUIRE(calls.size() == 5);
  CHECK(calls[0] == json{"set_experiment", {{"name", "lldm"}}});
  CHECK(calls[1][1]["run_name"] == "moved");
  CHECK(calls[2][1]["params"] ==
        json::array({{"seed", "42"}, {"model.width", "64"}, {"stage.0.name", "sft"}}));
  const auto metrics = calls[3][1]["metrics"];
  REQUIRE(metrics.size() == 4);
  CHECK(metrics[0] == json{"sft/train/loss", 1.5, 1700000000250, 1});
  CHECK(metrics[1][0] == "sft/train/a_b");
  CHECK(metrics[3] == json{"tuned/eval/acc_8", 0.25, 1700000002250, 1});
}

TEST_CASE("Scripts say what they cannot send", "[track][export]") {
  if (!has_python()) {
    WARN("skipped: no python3 with tomllib");
    return;
  }
  TemporaryFolder folder;
  const auto run = make_run(folder, false);
  CHECK_FALSE(lldm::export_wandb_script(run, folder / "replay.py"));
  CHECK(calls_of(folder / "replay.py")[0][1]["config"].empty());
  const auto result = run_shell(
      "PYTHONPATH='" LLDM_SOURCE_DIR "/tests/support/fake_clients' PYTHONDONTWRITEBYTECODE=1 " +
      lldm::testing::python() + " '" + (folder / "replay.py").string() + "'");
  CHECK(result.output.find("configuration not sent: ") != std::string::npos);
}
