// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <vector>

#include "lldm/concepts/objective.hpp"
#include "lldm/concepts/plan.hpp"
#include "lldm/config/field.hpp"

namespace lldm {

/// How dLoss/dS is pushed back through the evaluations of a score.  All give the same gradient.
enum class GradientPath : std::uint8_t {
  automatic,  // the planner (in a run) or the trainer chooses
  linear,     // weights known: score and back-propagate in one pass; memory of one forward
  retain,     // keep the graph of every evaluation; memory grows with T
  replay,     // score without graph, then once more with known coefficients; one extra forward
  pairwise,   // back-propagate at once into side buffers, scale when the pair is scored; no extra
              // forward
};
constexpr auto choices(std::type_identity<GradientPath>) {
  return std::array{Choice<GradientPath>{"auto", GradientPath::automatic},
                    Choice<GradientPath>{"linear", GradientPath::linear},
                    Choice<GradientPath>{"retain", GradientPath::retain},
                    Choice<GradientPath>{"replay", GradientPath::replay},
                    Choice<GradientPath>{"pairwise", GradientPath::pairwise}};
}
std::string_view to_string(GradientPath path);

/// ConfigError naming path and reason if `path` does not give the exact gradient for such an
/// objective and combination.
void check_gradient_path(GradientPath path, const ObjectiveNeeds& needs, Combination combination);

/// The paths among which `automatic` chooses, the fastest first and the one that needs least memory
/// last: linear alone where the weights are known.
std::vector<GradientPath> exact_gradient_paths(const ObjectiveNeeds& needs,
                                               Combination combination);

/// Side buffers that `pairwise` holds, each as large as the trainable weights: 1 for a loss of the
/// difference, 2 for losses of each score.
std::int64_t pairwise_buffers(const ObjectiveNeeds& needs);

}  // namespace lldm
