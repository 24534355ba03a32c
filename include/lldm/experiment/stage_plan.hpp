// SPDX-License-Identifier: MIT
// What a stage will cost, from the file alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lldm/memory/planner.hpp"
#include "lldm/model/model.hpp"
#include "lldm/score/gradient_path.hpp"

namespace lldm {

/// One way to do a training stage's steps.  The results of a run follow from storage and optimizer
/// (of trained bfloat16 weights from its place too); the rest moves last bits at most.
struct StepChoice {
  WeightStorage storage = WeightStorage::plain;
  bool trains_weights = false;        // or an adapter
  std::string optimizer = {};         // its type
  bool is_optimizer_on_host = false;  // its states
  bool is_streamed = false;           // weights that are not trained pass through the device
  Recomputation recomputation = Recomputation::none;
  GradientPath path = GradientPath::linear;
  std::int64_t max_tokens_per_forward = 0;
  std::int64_t pairwise_copies = 0;  // of an answer in one pass, on `pairwise`
  std::int64_t head_rows = 0;        // queries whose logits exist at once, of a trained head
  bool has_reference = false;
  bool is_reference_cached = false;  // and not held
  bool is_configured = false;        // what the file says, where these are open:
  bool is_path_open = false, is_recomputation_open = false;
  std::int64_t tokens_per_forward = 0;  // of the largest pass with a graph
  bool has_same_numbers = true;         // as what the file says, but for last bits
  std::int64_t held_bytes = 0;          // whatever the rows are
  std::int64_t host_bytes = 0;          // beside a GPU
  std::int64_t locked_host_bytes = 0;   // of them
  MemoryPlan memory = {};
  std::vector<std::pair<std::string_view, double>> seconds = {};  // of a step, by what takes them

  [[nodiscard]] double seconds_per_step() const {
    double sum = 0;
    for (const auto& part : seconds) sum += part.second;
    return sum;
  }
};

/// The step that a file asks for, with fewer noised copies of a text: a noisier score, and so other
/// numbers.
struct FewerCopies {
  std::string key;                   // "score_estimator.steps"
  std::int64_t value = 0, now = 0;   // of the key
  std::int64_t copies_per_text = 0;  // that it leaves
  StepChoice choice = {};
};

/// Of the stage's rows, where they can be read, in the order that a run takes them; else upper
/// figures: every text as long as the model accepts.
/// A stage that trains nothing has no figures.
struct StagePlan {
  std::optional<MemoryPlan> memory = {};
  std::string note = {};                                 // what had to be assumed, a line; often ""
  std::string lengths = {};                              // what texts' lengths were taken from
  std::string trained = {};                              // how much of the model, a line
  GradientPath gradient_path = GradientPath::automatic;  // that was chosen
  std::int64_t tokens_per_forward = 0;                   // of the largest forward pass
  std::int64_t host_bytes = 0;                           // beside a GPU
  std::int64_t copies_per_text = 0;                      // forward passes of one answer
  std::optional<std::int64_t> forward_passes = {};  // of the policy in the stage, answers times
                                                    // copies; nothing where the rows are not known
  std::string steps = "-", batch = "-", estimator = "-";  // for a table
  std::filesystem::path reference_cache = {};             // "": none
  /// Every way that the stage's parts allow, where the experiment asks for them (lists_choices).
  std::vector<StepChoice> choices = {};
  std::vector<FewerCopies> fewer = {};  // by key, those with most copies first
};

}  // namespace lldm
