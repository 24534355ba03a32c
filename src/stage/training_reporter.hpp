// SPDX-License-Identifier: MIT
// Metrics, TensorBoard, progress and checkpoints of one training stage.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "lldm/stage/model_bundle.hpp"
#include "lldm/stage/run_context.hpp"
#include "lldm/track/tensorboard.hpp"
#include "lldm/train/trainer.hpp"
#include "stage/memory_given.hpp"

namespace lldm {

struct CheckpointState;

class TrainingReporter final : public TrainingObserver {
 public:
  TrainingReporter(const RunContext& run, const Work& work, const ModelBundle& bundle);

  /// Goes back to the newest whole checkpoint (or the one asked for) and returns where it stands.
  TrainingProgress resume(Optimizer& optimizer, std::int64_t total_steps);
  void start(std::int64_t first_step, std::int64_t total_steps);
  void finish();

  void on_log(std::int64_t step, std::int64_t total,
              const std::map<std::string, double>& metrics) override;
  void on_validation(std::int64_t step, const std::map<std::string, double>& metrics) override;
  void on_retry(std::int64_t step, const MemoryRetries& memory, const std::string& reason) override;
  void on_reclaim(std::int64_t step, std::string_view what, std::int64_t bytes) override;
  void on_skip(std::int64_t step, const LossScale& scale) override;
  void on_save(const TrainingProgress& progress, const Optimizer& optimizer) override;
  bool should_stop() override { return run_.options.observer->should_stop(); }

  /// Means over the stage: seconds_per_step, last loss, validation figures.
  [[nodiscard]] Result result() const;
  /// Passes of the whole stage by their names in its result: forward_passes, evaluated_passes,
  /// extra_passes, reference_passes, and the same of all validation passes, validation_*.
  [[nodiscard]] const std::map<std::string, std::int64_t>& passes() const { return passes_; }

 private:
  void write(std::int64_t step, const std::map<std::string, double>& metrics,
             const std::string& group);
  void keep_best(std::int64_t step, double loss);
  void recall();
  /// Adds the passes of the steps since the last call up to `step`, by their means.
  void count_training(std::int64_t step, const std::map<std::string, double>& metrics);
  void count_validation(const std::map<std::string, double>& metrics);
  void require_none_lost() const;
  void require_own_texts(const CheckpointState& state) const;
  [[nodiscard]] std::string template_text() const;
  void save(const TrainingProgress& progress, const Optimizer& optimizer);

  const RunContext& run_;
  const Work& work_;
  ModelBundle bundle_;
  std::string label_;
  std::unique_ptr<TensorBoardWriter> tensorboard_;
  double best_loss_;
  std::int64_t best_step_ = -1;
  std::int64_t save_errors_ = 0;
  MemoryRetries memory_ = {};
  std::int64_t skipped_steps_ = 0;
  MemoryGiven given_;
  std::int64_t counted_ = 0;
  std::map<std::string, std::int64_t> passes_;
  Result result_;
};

}  // namespace lldm
