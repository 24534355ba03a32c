// SPDX-License-Identifier: MIT
// The one planner of training: what a step holds and which gradient path it takes, the same for a
// file that is looked at (`lldm plan`) and for a stage that runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lldm/experiment/experiment.hpp"
#include "lldm/memory/device_profile.hpp"
#include "lldm/memory/planner.hpp"
#include "lldm/score/engine.hpp"
#include "lldm/score/gradient_path.hpp"
#include "lldm/stage/training_options.hpp"
#include "model/pass_memory.hpp"
#include "stage/host_memory.hpp"
#include "stage/step_sizes.hpp"

namespace lldm {

/// What lasts from before the first step to the end.
struct StepModel {
  PassModel pass;
  std::int64_t weight_bytes = 0;
  std::int64_t matrix_bytes = 0;  // of them, in blocks' matrices
  WeightPlacement frozen = {};    // of those that are not trained
  std::int64_t trained = 0;       // numbers that training changes
  OptimizerOptions optimizer = {};
  std::vector<std::vector<std::int64_t>> trained_sizes = {};  // of every trained tensor
  std::int64_t optimizer_bytes = 0;      // what the optimizer keeps between steps, on the device
  std::int64_t optimizer_host = 0;       // beside a GPU: what it keeps on the host
  std::int64_t optimizer_staging = 0;    // and what it copies through there, locked
  std::int64_t optimizer_workspace = 0;  // while it updates
  double optimizer_moves = 28;  // bytes of memory whose moving takes as long as a number's update
  std::int64_t gradient_sums = 0;     // bytes: gradients are added up beside those of a micro-batch
  bool has_reference = false;         // a frozen one beside the policy
  std::int64_t followed_values = 0;   // of the tensor whose gradient is compared (GradientNoise)
  std::int64_t publishing_bytes = 0;  // numbers on their way to a file, between steps
  PlanMoment exchange = {};           // while several processes add up their gradients
};

/// The model of a stage, by its shape alone.
struct ModelFacts {
  ModelShape shape;
  std::int64_t adapter_values = 0;  // 0: the weights themselves are trained
  std::vector<std::vector<std::int64_t>> trained_sizes = {};  // of every trained tensor
  bool has_reference = false;
  bool publishes_sums = false;  // of weights and updates
};
/// Another storage, and what follows from it.
void set_storage(StepModel& model, WeightStorage storage);

/// Another optimizer, or another place of its states.
void set_optimizer(StepModel& model, const OptimizerOptions& optimizer);

/// What a process of several holds beside while gradients are added up.
void set_exchange(StepModel& model, Reduction reduction);

/// Whether [memory] frozen_weights = "streamed" has something to stream: an adapter's base, or a
/// reference of its own.
bool has_streamed(const StepModel& model);

StepModel step_model(const ExperimentOptions& options, const TrainingStage& stage,
                     const ModelFacts& facts, const std::string& device);

/// How a step is done: what the planner may choose.
struct StepSettings {
  GradientPath path = GradientPath::linear;
  std::int64_t max_tokens_per_forward = 0;
  std::int64_t pairwise_copies = kPairwiseCopies;
  std::int64_t head_rows = 0;  // HeadChunks::trained_rows

  /// Whether steps of both have the same bits.
  bool operator==(const StepSettings&) const = default;
};

/// What it comes to.
struct StepPlan {
  StepSettings settings;
  MemoryPlan memory;
  std::int64_t tokens_per_forward = 0;   // of the largest forward pass with a graph
  std::int64_t queries_per_forward = 0;  // of the pass with most
  std::int64_t tokens_kept = 0;          // of the graphs that are alive together
  /// Of a pass that scores between steps, or reads a path that the model walks itself: as large as
  /// holds no more than the rest of a step does, and at least as large as the step's own.
  std::int64_t scored_tokens = 0;
  std::int64_t held_bytes = 0;  // whatever the rows are: from the first step to the last
};

/// What steps hold in the host's memory: on the CPU everything; beside a GPU streamed weights,
/// inputs of blocks, the optimizer's states and what they are copied through.
HostNeeds host_needs(const StepModel& model, const StepPlan& plan);

/// Predicts the peak of a step under these settings.
StepPlan plan_step(const StepModel& model, const StepSizes& sizes, const ObjectiveNeeds& needs,
                   const StepSettings& settings, ByteSize budget);

}  // namespace lldm
