// SPDX-License-Identifier: MIT
#include "run/leftovers.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include "lldm/errors.hpp"
#include "run/work_claim.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;

namespace {

/// The number of a process that is no more.
std::string dead_process() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  return std::to_string(child);
}

Work work_in(const std::filesystem::path& folder, char digit) {
  Work work;
  work.hash = std::string(64, digit);
  work.folder = folder;
  return work;
}

}  // namespace

TEST_CASE("What killed writers left in a run folder goes, and nothing else", "[run][leftovers]") {
  const testing::TemporaryFolder out;
  RunSchedule schedule;
  schedule.work = {work_in(out / "sft", 'a'), work_in(out / "cells/x/tuned", 'b')};
  const std::string dead = ".partial-" + dead_process();
  const std::string alive = ".partial-" + std::to_string(::getppid());
  const std::vector<std::string> left = {"index.json" + dead,
                                         "report.md" + dead,
                                         "accuracy.svg" + dead,
                                         "config.history/0001.toml" + dead,
                                         "sft" + dead + "/files/model.safetensors",
                                         "sft/items.jsonl" + dead,
                                         "sft/checkpoints/step-00000001" + dead + "/state.json",
                                         "cells/x/tuned" + dead + "/result.json"};
  const std::vector<std::string> kept = {"index.json" + alive,          "notes.txt" + dead,
                                         "mine" + dead + "/x",          "cells/x/mine" + dead,
                                         "report.md.partial-yesterday", "sft/model/config.json",
                                         "sft/items.jsonl" + alive};
  for (const auto* names : {&left, &kept})
    for (const std::string& name : *names) {
      std::filesystem::create_directories((out / name).parent_path());
      testing::write_file(out / name, "x");
    }
  {
    const auto claim = WorkClaim::take(out.path(), schedule.work[1]);
    clean_leftovers(out.path(), schedule);
    CHECK(std::filesystem::exists(out / left.back()));  // somebody is at it
  }
  clean_leftovers(out.path(), schedule);
  for (const std::string& name : left) {
    INFO(name);
    CHECK_FALSE(std::filesystem::exists(out / name));
  }
  for (const std::string& name : kept) {
    INFO(name);
    CHECK(std::filesystem::exists(out / name));
  }
  CHECK_FALSE(std::filesystem::exists(out / ("sft" + dead)));
}
