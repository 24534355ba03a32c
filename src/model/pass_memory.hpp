// SPDX-License-Identifier: MIT
// What a forward and a backward pass hold, from sizes alone: read off the code of the block
// (block_node.cpp, block_saved.hpp, linear.cpp), the head (head.cpp) and the transformer, tensor by
// tensor.  Who changes what they keep changes this; tests/unit/stage/planned_memory_test.cpp
// compares both.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "lldm/memory/planner.hpp"
#include "lldm/model/model.hpp"

namespace lldm {

/// The model and what is trained of it.
struct PassModel {
  ModelShape shape;
  Precision precision;
  Recomputation recomputation = Recomputation::none;
  bool is_on_cpu = true;
  /// Whether the block's parts are operations (block_parts_operations.cpp): on the CPU under
  /// attention patterns, on a GPU where fused parts failed their trial.
  bool is_by_operations = false;
  bool has_patterns = false;        // of attention, which take masks where it is not our kernels'
  bool has_device_products = true;  // on a GPU, of 16 bits with float32 results

  bool trains_weights = true;       // else an adapter, or nothing
  std::int64_t adapter_values = 0;  // of all blocks
  bool has_dropout = false;         // of the adapter's inputs

  std::int64_t head_rows = 0;  // HeadChunks::trained_rows
};

/// Whether logits of a trained head are cut by rows, so that its gradient's last bits go by them.
[[nodiscard]] bool cuts_trained_head(const PassModel& model);

/// What goes through the model at once.
struct Pack {
  std::int64_t tokens = 0;
  std::int64_t queries = 0;             // rows that reach the head
  std::int64_t masks = 0;               // numbers of its attention masks, under patterns
  std::int64_t largest_mask = 0;        // of them: the longest text's square
  std::vector<std::int64_t> runs = {};  // tokens of each text's copies, which share a mask
  std::int64_t texts = 0;               // noised copies
  std::int64_t ids = 0;                 // distinct ones at most; 0: as many as tokens
  std::int64_t posteriors = 0;          // readouts of two of its queries each

  auto operator<=>(const Pack&) const = default;
};

/// Of training_moments the last: all graphs are there, and readouts become scores.
inline constexpr const char* kScoresMoment = "scores";

/// The moments of a forward and a backward pass over packs whose graphs are alive together (one,
/// but for `retain`), beside weights, gradients and whatever else lasts.
std::vector<PlanMoment> training_moments(const PassModel& model, std::span<const Pack> packs);

/// Those of a pass without a graph.
std::vector<PlanMoment> scoring_moments(const PassModel& model, const Pack& pack);

/// Those of one whose logits are drawn from: a path that the model walks itself.
std::vector<PlanMoment> walking_moments(const PassModel& model, const Pack& pack);

}  // namespace lldm
