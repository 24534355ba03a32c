// SPDX-License-Identifier: MIT
// `lldm export`: a run's metrics for other programs.  Each reads RUN_DIR/metrics.jsonl and writes
// one file.  A half-written last line (a run that is being written, or was killed) is left out;
// each function returns true then, for the caller to say.
//
// Errors  of all: FileError if metrics.jsonl cannot be read or `out` not be written; DataError for
//         a damaged line.
#pragma once

#include <filesystem>

namespace lldm {

/// One row per line of metrics.jsonl, columns stage, step, wall_time and every metric by first
/// appearance; a metric that a line does not have is an empty cell.  Of a grid (index.json) `stage`
/// is the stage's name, and seed and axes follow as columns of their own.  RFC 4180, line end \n;
/// NaN, Infinity, -Infinity.
[[nodiscard]] bool export_csv(const std::filesystem::path& run_dir,
                              const std::filesystem::path& out);

/// A short Python script that replays metrics.jsonl through the official wandb client:
///   python3 OUT [RUN_DIR] [--project NAME]
/// Metrics are named STAGE/METRIC over the axis STAGE/step; STAGE of a grid is "tuned/beta=0.1/seed
/// 2".
[[nodiscard]] bool export_wandb_script(const std::filesystem::path& run_dir,
                                       const std::filesystem::path& out);

/// The same through the official MLflow client, with each line's wall time:
///   python3 OUT [RUN_DIR] [--experiment NAME]
[[nodiscard]] bool export_mlflow_script(const std::filesystem::path& run_dir,
                                        const std::filesystem::path& out);

}  // namespace lldm
