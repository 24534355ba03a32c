// SPDX-License-Identifier: MIT
// What one optimizer step of an experiment's stage costs on this machine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "lldm/experiment/loaded_experiment.hpp"
#include "lldm/measure/useful_work.hpp"
#include "lldm/track/phase_clock.hpp"

namespace lldm {

class Logger;
class MemoryManager;
class Registry;

struct StepMeasurementOptions {
  std::string stage = "";          // "": the last one that trains
  std::int64_t steps = 10;         // that are measured
  std::int64_t warm_up = 2;        // before them
  std::filesystem::path run = {};  // of an earlier run: its models and rows; "": fresh weights
  /// Where to write what the policy was asked, a micro-batch a line, for other programs that are to
  /// do the same work; "": nowhere.
  std::filesystem::path plans = {};
};

struct StepMeasurement {
  std::string work;                            // "sft_134m: sft, llada of 134.1M parameters, ..."
  std::vector<double> learning_rates, losses;  // of every step, those of the warm-up first
  std::vector<double> seconds;                 // of every measured step
  PhaseSeconds phases{};                       // of the step of median length
  UsefulWork useful;                           // of all measured steps
  double product_flops_per_second = 0;         // of the same process, in the same dtype
  std::string product_library;                 // that gave it
  std::vector<std::pair<std::string, std::int64_t>> peak_bytes;  // by purpose; then "total"
  std::int64_t predicted_peak_bytes = 0;
  std::int64_t process_peak_bytes =
      0;  // of host memory, program and libraries too, before the products are measured
  /// Of a step, by what takes them, by the device profile that the file names.
  std::vector<std::pair<std::string, double>> predicted_seconds;
  std::int64_t allocations_per_step = 0;  // of tensors; 0 where one step alone was run
  std::string gradient_path, device, dtype;
  int threads = 0;
  std::int64_t vocabulary = 0;

  [[nodiscard]] double seconds_per_step() const;  // the median
  /// A mean over the measured steps.
  [[nodiscard]] double per_step(double total) const {
    return seconds.empty() ? 0 : total / static_cast<double>(seconds.size());
  }
  [[nodiscard]] double useful_flops_per_second() const;
  [[nodiscard]] double predicted_seconds_per_step() const;
};

/// Trains `warm_up + steps` optimizer steps of a stage with the trainer that a run has, and keeps
/// nothing of them.  A stage that starts from an earlier stage's model starts from fresh weights of
/// the same shape, unless `run` names a folder where that stage is finished.  Validation,
/// checkpoints and metrics are left out.  A reference cache is filled in a folder of its own before
/// the first step, and removed.
///
/// Errors  ConfigError for a file with a grid of several cells, a stage that does not train, rows
///         that an earlier stage makes (without `run`); as a run else.
[[nodiscard]] StepMeasurement measure_step(const LoadedExperiment& loaded, const Registry& registry,
                                           MemoryManager& memory, Logger& logger,
                                           const StepMeasurementOptions& options);

/// The keys that scripts rely on: work, seconds_per_step, useful_tokens_per_step,
/// evaluations_per_step, useful_flops_per_step, gemm_flops_per_second, peak_bytes,
/// predicted_peak_bytes; and what else is known.
[[nodiscard]] nlohmann::ordered_json to_json(const StepMeasurement& measurement);
/// Figures, then phases with their share of the step, then bytes by purpose.
[[nodiscard]] std::string measurement_text(const StepMeasurement& measurement);
/// Seconds by phase, as a plot.
[[nodiscard]] std::string measurement_svg(const StepMeasurement& measurement);

}  // namespace lldm
