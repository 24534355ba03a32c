// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace lldm {

/// What a job of a grid needs to know.
struct SlurmJob {
  std::string name;                  // of the experiment
  std::filesystem::path program;     // lldm, an absolute path
  std::filesystem::path folder;      // of the run, an absolute path
  std::filesystem::path store = {};  // --store of its workers; "": none
  std::int64_t num_cells = 1;
  std::int64_t cells_per_task = 1;
  std::int64_t threads = 1;
  std::int64_t memory_bytes = 0;       // planned for one worker; 0: not asked for
  std::int64_t seconds_to_save = 120;  // between the signal and the end of the job
  bool needs_gpu = false;
};

/// One sbatch array script: a task for every `cells_per_task` cells, SIGTERM to the script
/// `seconds_to_save` before the limit, `scontrol requeue` of what was stopped and saved.  Every
/// path and name is quoted for the shell; the #SBATCH lines hold numbers and a cleaned name only.
/// Errors  ShapeError unless the counts are positive.
[[nodiscard]] std::string slurm_script(const SlurmJob& job);

/// `text` as one word of a POSIX shell: 'it'\''s'.
[[nodiscard]] std::string shell_quoted(const std::string& text);

}  // namespace lldm
