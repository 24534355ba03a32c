// SPDX-License-Identifier: MIT
// The commands of grids and stores, in the table of commands.
#include "cli/option_specs.hpp"

namespace lldm::cli {
namespace {

const OptionSpec kJobs{"jobs", Takes::value, "Worker processes; default 1.", "N"};
const OptionSpec kRetryFailed{"retry-failed", Takes::nothing,
                              "Try again what is recorded as failed.", ""};

}  // namespace

std::vector<Command> grid_commands() {
  return {{"grid plan",
           "FILE",
           "the cells of a grid, the work they share, forward passes, memory",
           "A misspelt axis is an error here.  See: lldm describe grid",
           1,
           1,
           {kReadOut, kSet, kPlugin},
           run_grid_plan},
          {"grid run",
           "FILE",
           "run every cell in worker processes; finished ones are skipped",
           "The same command again goes on, also after SIGKILL, and gives the report of a run left "
           "alone.\n"
           "The bits do not depend on --jobs: every worker has the file's `threads`, 1 if it names "
           "none.\n"
           "N is lowered, and said so, where N workers might hold more than [memory] budget or the "
           "machine has.",
           1,
           1,
           {kOut, kJobs, kRetryFailed, kStrictResume, kFresh, kStore, kSet, kPlugin},
           run_grid_run},
          {"grid status",
           "DIR",
           "how far the run in a folder is, cell by cell",
           "States: done, running (somebody is at its work), failed, waiting.",
           1,
           1,
           {{"json", Takes::nothing, "One JSON object.", ""}, kPlugin},
           run_grid_status},
          {"grid resume",
           "DIR",
           "go on with a grid from its folder alone",
           "As grid run, with the folder's config.resolved.toml.",
           1,
           1,
           {kJobs, kRetryFailed, kStrictResume, kStore, kPlugin},
           run_grid_resume},
          {"grid collect",
           "DIR",
           "write the report of what is finished, and print it",
           "A report of less than everything says that it is partial.",
           1,
           1,
           {kPlugin},
           run_grid_collect},
          {"grid emit",
           "FILE",
           "write an sbatch array script that runs the grid on a SLURM cluster",
           "Writes DIR/grid.sbatch and prepares DIR, which every node must see.  Options given to "
           "sbatch win over\n"
           "the script's.  SIGTERM comes two minutes before the limit; a stopped task is queued "
           "again.",
           1,
           1,
           {{"slurm", Takes::nothing, "The scheduler.", ""},
            kOut,
            {"cells-per-task", Takes::value,
             "Cells of one array task; default: 1, more above 1000 cells.", "N"},
            kStore,
            kSet,
            kPlugin},
           run_grid_emit},
          {"grid work",
           "DIR",
           "one worker: do work of a prepared grid beside other workers",
           "What grid run and grid emit start.  Ends when all its cells are done or have failed.",
           1,
           1,
           {{"cells", Takes::value, "Only these cells, counted from 0 in the order of grid plan.",
             "A-B"},
            {"sharers", Takes::value, "Processes that share [memory] budget; default 1.", "N"},
            kStrictResume,
            kStore,
            kPlugin},
           run_grid_work},
          {"store list",
           "DIR",
           "the finished work in a store, the longest unused first",
           "A store is what --store DIR of run and grid run fills.  See docs/growing.md.",
           1,
           1,
           {{"json", Takes::nothing, "One JSON object.", ""}},
           run_store_list},
          {"store prune",
           "DIR",
           "remove work from a store by age, use or size; says what it removes",
           "At least one limit.  Runs have copies: nothing of theirs is touched.\n"
           "Example: lldm store prune store --unused-for 30 --max-size \"20 GiB\" --dry-run",
           1,
           1,
           {{"older-than", Takes::value, "Published more than so many days ago.", "DAYS"},
            {"unused-for", Takes::value, "Neither published nor taken for so many days.", "DAYS"},
            {"max-size", Takes::value,
             "The longest unused go until the rest fits, written with its unit.", "SIZE"},
            {"damaged", Takes::nothing, "Work whose files are not what was published.", ""},
            {"dry-run", Takes::nothing, "Only say what would be removed.", ""}},
           run_store_prune}};
}

}  // namespace lldm::cli
