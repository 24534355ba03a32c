// SPDX-License-Identifier: MIT
// What a training step has to compute, whoever computes it: counted from shapes alone.
#pragma once

#include <cstdint>

#include "lldm/concepts/plan.hpp"
#include "lldm/model/model_shape.hpp"

namespace lldm {

struct ScoreBatch;

/// The model that a step trains.
struct WorkShape {
  ModelShape model;
  std::int64_t adapter_values = 0;  // of its updates; 0: the weights are trained
  bool asks_reference = false;      // a frozen model is computed beside it
};

/// Floating-point operations of one evaluation of a copy: a multiplication and an addition are two.
/// With L tokens, Q queried rows, P the numbers of the blocks' matrices, A the width of a token's
/// queries, N blocks, D width, V logits and U the numbers of the updates:
///   forward(L, Q) = 2 L P  +  4 N L^2 A  +  2 Q D V  +  2 L U
/// The head reads queried rows alone; norms, rotations, SwiGLU and softmax are not counted.
[[nodiscard]] double forward_flops(const WorkShape& shape, double length, double queries);
/// Of its backward: every product twice where weights are trained; once (the input's gradient)
/// where they stand still, but for attention and updates.
[[nodiscard]] double backward_flops(const WorkShape& shape, double length, double queries);

/// What the steps so far had to do.  Every copy is evaluated once: what a gradient path computes
/// again, what fills a pack up and what is computed again in backward is no use and not counted; of
/// a path that the model walks itself only the last reading is.
struct UsefulWork {
  std::int64_t evaluations = 0;            // of copies, by the policy
  std::int64_t reference_evaluations = 0;  // by the frozen reference
  std::int64_t tokens = 0;                 // of the policy's
  std::int64_t queries = 0;                // rows of the policy's that reach the head
  double flops = 0;

  /// Adds what a micro-batch asks: policy forward and backward, the reference's forward where it is
  /// computed, and the forward passes over mismatched answers.
  void add(const ScoreBatch& batch, const WorkShape& shape);
};

}  // namespace lldm
