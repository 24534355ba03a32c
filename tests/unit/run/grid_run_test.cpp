// SPDX-License-Identifier: MIT
// Claims of work, how far a grid is, and the script for a cluster.
#include "lldm/run/grid_run.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "experiment/work_names.hpp"
#include "lldm/builtin/builtin.hpp"
#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/run/slurm_script.hpp"
#include "run/lost_work.hpp"
#include "run/work_claim.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/shell.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using testing::contains;

namespace {

/// A grid of two betas and two seeds over one sft.
RunSchedule small_grid(const testing::TemporaryFolder& folder, const Registry& registry) {
  testing::write_file(folder / "e.toml", R"(
name = "small"
[[stage]]
name = "sft"
kind = "sft"
data = { file = "rows.jsonl" }
optimizer = { steps = 2 }
[[stage]]
name = "tuned"
kind = "preference"
from = "sft"
data = { file = "pairs.jsonl" }
optimizer = { steps = 2 }
[[stage]]
name = "scores"
kind = "evaluate"
models = ["tuned"]
pairs = { file = "pairs.jsonl" }
[grid]
seeds = { values = [1, 2], from = "tuned" }
axes = { "tuned.objective.beta" = [0.1, 0.5] }
)");
  const LoadedExperiment loaded = load_experiment(folder / "e.toml", {}, registry);
  return make_schedule(loaded.cells, loaded.experiments, folder / "out");
}

Registry builtin() {
  Registry registry;
  register_builtin_components(registry);
  return registry;
}

void finish(const Work& work) {
  std::filesystem::create_directories(work.folder);
  testing::write_file(work.folder / kResultName, nlohmann::json{{"hash", work.hash}}.dump());
}

}  // namespace

// promise 21
TEST_CASE("WorkClaim: one holder, free when it ends, however it ends", "[experiment][grid]") {
  const testing::TemporaryFolder folder;
  Work work;
  work.hash = std::string(64, 'a');
  CHECK(!claim_of(folder.path(), work));
  {
    const auto claim = WorkClaim::take(folder.path(), work);
    REQUIRE(claim);
    ClaimState said;
    said.label = "tuned, beta=0.1", said.unit = "steps", said.done = 3, said.total = 10;
    claim->say(said);
    CHECK(!WorkClaim::take(folder.path(), work));  // also not within the process
    const auto state = claim_of(folder.path(), work);
    REQUIRE(state);
    CHECK(state->process == ::getpid());
    CHECK((state->label == "tuned, beta=0.1" && state->done == 3 && state->total == 10));
  }
  CHECK(!claim_of(folder.path(), work));
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto claim = WorkClaim::take(folder.path(), work);
    static_cast<void>(::write(ready[1], claim ? "y" : "n", 1) == 1);
    ::pause();
    ::_exit(0);
  }
  char answer = 'n';
  REQUIRE(::read(ready[0], &answer, 1) == 1);
  CHECK(answer == 'y');
  CHECK(!WorkClaim::take(folder.path(), work));
  CHECK(claim_of(folder.path(), work)->process == child);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK(WorkClaim::take(folder.path(), work));
}

namespace {

/// A process that takes the work and dies of a signal.
void die_at(const std::filesystem::path& out, const Work& work, int signal) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);  // the test runner has its own
    const auto claim = WorkClaim::take(out, work);
    ::raise(signal);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE((WIFSIGNALED(status) && WTERMSIG(status) == signal));
}

}  // namespace

TEST_CASE("WorkClaim: a crash is noted, kills are counted until a checkpoint is saved",
          "[experiment][grid]") {
  const testing::TemporaryFolder folder;
  Work work;
  work.hash = std::string(64, 'a');
  work.folder = folder / "tuned";
  const auto failure = [&] {
    const auto dead = last_holder_of(folder.path(), work);
    return dead ? failure_by_death(WorkClaim::take(folder.path(), work)->dead().value()) : "";
  };
  die_at(folder.path(), work, SIGSEGV);
  CHECK_THAT(failure(), contains("crashed with signal 11"));
  CHECK_FALSE(WorkClaim::take(folder.path(), work)->dead());  // let go of
  die_at(folder.path(), work, SIGKILL);
  die_at(folder.path(), work, SIGKILL);
  std::filesystem::create_directories(work.folder / "checkpoints/step-00000005");
  die_at(folder.path(), work, SIGKILL);
  CHECK(last_holder_of(folder.path(), work)->deaths == 1);  // since the checkpoint
  die_at(folder.path(), work, SIGKILL);
  CHECK_THAT(failure(), contains("3 processes were killed at it"));
  die_at(folder.path(), work, SIGKILL);
  CHECK(failure().empty());
}

TEST_CASE("GridWatch: cells are done, running, failed or waiting by their work",
          "[experiment][grid]") {
  const testing::TemporaryFolder folder;
  const Registry registry = builtin();
  const RunSchedule schedule = small_grid(folder, registry);
  const auto out = folder / "out";
  REQUIRE(schedule.work.size() == 9);  // sft, then tuned and its scores in four cells
  GridWatch watch(schedule, out);
  CHECK(watch.look().count(CellState::waiting) == 4);
  finish(schedule.work[0]);
  finish(schedule.work[1]);
  finish(schedule.work[2]);
  std::filesystem::create_directories(schedule.work[3].folder);
  testing::write_file(
      schedule.work[3].folder / kFailureName,
      nlohmann::json{{"hash", schedule.work[3].hash}, {"error", "diverged"}}.dump());
  // Of another config: no failure of this work.
  std::filesystem::create_directories(schedule.work[7].folder);
  testing::write_file(schedule.work[7].folder / kFailureName,
                      nlohmann::json{{"hash", "other"}, {"error", "old"}}.dump());
  const auto claim = WorkClaim::take(out, schedule.work[5]);
  const GridStatus status = watch.look();
  CHECK(status.cells[0].state == CellState::done);
  CHECK(status.cells[1].state == CellState::failed);
  CHECK_THAT(status.cells[1].error, contains("tuned, beta=0.1, seed 2: diverged"));
  CHECK(status.cells[2].state == CellState::running);
  CHECK(status.cells[3].state == CellState::waiting);
  CHECK((status.cells[3].work_done == 1 && status.cells[3].work_total == 3));
  CHECK((status.work_done == 3 && status.work_failed == 1 && status.work_total == 9));
  const auto json = nlohmann::json::parse(status_json(status, schedule));
  CHECK(json.at("counts").at("cells") == 4);
  CHECK(json.at("counts").at("running") == 1);
  CHECK(json.at("cells")[1].at("state") == "failed");
  CHECK(json.at("cells")[1].at("axes").at("tuned.objective.beta") == 0.1);
  CHECK(json.at("cells")[1].at("seed") == 2);
  CHECK(json.at("cells")[0].at("error").is_null());
  CHECK(json.at("running")[0].at("process") == ::getpid());
}

TEST_CASE("index.json: folders have names by axes and seed", "[experiment][grid]") {
  const testing::TemporaryFolder folder;
  const Registry registry = builtin();
  const RunSchedule schedule = small_grid(folder, registry);
  const auto index = index_of(schedule, folder / "out");
  CHECK(index.at("cells")[3].at("name") == "beta=0.5, seed 2");
  CHECK(index.at("work")[0].at("name") == "sft, seed 42");
  CHECK(index.at("work")[7].at("name") == "tuned, beta=0.5, seed 2");
  CHECK(index.at("work")[7].at("folder") == "cells/" + schedule.cell_ids[3] + "/tuned");
  // A measurement by the seed of what it measures, not by the file's.
  CHECK(index.at("work")[8].at("name") == "scores of tuned, beta=0.5, seed 2");
  CHECK(index.at("work")[8].at("seed") == 2);
  RunSchedule other = schedule;
  other.work.back().hash = "another";
  CHECK(schedule_digest(other) != schedule_digest(schedule));
}

TEST_CASE("load_run: a folder without a run is told", "[experiment][grid]") {
  const testing::TemporaryFolder folder;
  CHECK_THROWS_AS(load_run(folder.path(), builtin()), DataError);
}

TEST_CASE("slurm_script: bash reads it, whatever the paths are called", "[experiment][grid]") {
  SlurmJob job{.name = "a name; with 'quotes' $(rm)",
               .program = "/opt/it's \"here\"/lldm",
               .folder = "/runs/$HOME and `x`",
               .store = "/p/a'b",
               .num_cells = 10,
               .cells_per_task = 4,
               .threads = 2,
               .memory_bytes = std::int64_t{3} << 30};
  const std::string script = slurm_script(job);
  const testing::TemporaryFolder folder;
  testing::write_file(folder / "grid.sbatch", script);
  CHECK(testing::run_shell("bash -n '" + (folder / "grid.sbatch").string() + "'").code == 0);
  CHECK_THAT(script, contains("#SBATCH --array=0-2\n"));
  CHECK_THAT(script, contains("#SBATCH --signal=B:TERM@120\n"));
  CHECK_THAT(script, contains("#SBATCH --requeue\n"));
  CHECK_THAT(script, contains("#SBATCH --cpus-per-task=2\n"));
  CHECK_THAT(script, contains("#SBATCH --mem=4096M\n"));
  CHECK_THAT(script, contains("#SBATCH --job-name=a_name__with__quotes____rm_\n"));
  CHECK(shell_quoted("it's") == "'it'\\''s'");
  job.cells_per_task = 0;
  CHECK_THROWS_AS(slurm_script(job), ShapeError);
}
