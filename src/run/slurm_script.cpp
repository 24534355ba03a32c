// SPDX-License-Identifier: MIT
#include "lldm/run/slurm_script.hpp"

#include <algorithm>
#include <cctype>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

/// The name as a job's: sbatch lines know no shell quoting that every version agrees on.
std::string job_name(std::string name) {
  std::replace_if(
      name.begin(), name.end(),
      [](unsigned char c) { return !(std::isalnum(c) || c == '_' || c == '-' || c == '.'); }, '_');
  return name.empty() ? "lldm" : name;
}

constexpr std::int64_t kMiB = 1 << 20;
/// Program, libraries and thread stacks, which the plan does not count.
constexpr std::int64_t kProgramMiB = 1024;

}  // namespace

std::string shell_quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text)
    if (c == '\'')
      quoted += "'\\''";
    else
      quoted += c;
  return quoted + "'";
}

std::string slurm_script(const SlurmJob& job) {
  if (job.num_cells < 1 || job.cells_per_task < 1 || job.threads < 1 || job.seconds_to_save < 1)
    throw ShapeError("slurm_script: counts must be positive");
  const std::int64_t tasks = (job.num_cells + job.cells_per_task - 1) / job.cells_per_task;
  const std::string store = job.store.empty() ? "" : " --store " + shell_quoted(job.store.string());
  std::string head = message(
      "#!/usr/bin/env bash\n"
      "# Written by lldm grid emit: ",
      job.num_cells, " cells, ", job.cells_per_task, " to a task.\n",
      "# Submit with what your cluster wants, for example: sbatch --time=4:00:00 --partition=cpu "
      "grid.sbatch\n"
      "# When all tasks have ended: lldm grid collect FOLDER\n"
      "#SBATCH --job-name=",
      job_name(job.name), "\n#SBATCH --array=0-", tasks - 1,
      "\n#SBATCH --cpus-per-task=", job.threads, "\n#SBATCH --signal=B:TERM@", job.seconds_to_save,
      "\n#SBATCH --requeue\n#SBATCH --open-mode=append\n");
  if (job.memory_bytes > 0)
    head += message("#SBATCH --mem=", (job.memory_bytes + kMiB - 1) / kMiB + kProgramMiB, "M\n");
  if (job.needs_gpu) head += "#SBATCH --gpus=1\n";
  return head + message(
                    "set -u\n"
                    "program=",
                    shell_quoted(job.program.string()),
                    "\nfolder=", shell_quoted(job.folder.string()), "\ncells=", job.num_cells,
                    "\ncells_per_task=", job.cells_per_task,
                    R"SH(
task=${SLURM_ARRAY_TASK_ID:?run this with sbatch}
first=$((task * cells_per_task))
last=$((first + cells_per_task - 1))
[ "$last" -lt "$cells" ] || last=$((cells - 1))

# The signal before the limit reaches this shell alone: lldm gets it from here, saves, and ends with 75.
"$program" grid work "$folder" --cells "$first-$last")SH",
                    store, R"SH( &
worker=$!
stopping=
trap 'stopping=1; kill -TERM "$worker" 2> /dev/null' TERM INT
wait "$worker"
code=$?
# A signal ends `wait` before the worker has ended: its own code comes with the next one.
while [ -n "$stopping" ] && [ "$code" -gt 128 ]; do
  stopping=
  wait "$worker"
  code=$?
done
if [ "$code" -eq 75 ]; then
  scontrol requeue "${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}_$task"
fi
exit "$code"
)SH");
}

}  // namespace lldm
