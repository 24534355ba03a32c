// SPDX-License-Identifier: MIT
// From the name of a target, as estimators declare it, to its exact weights: the names are checked
// against enumeration, not against the estimator.
#pragma once

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lldm/concepts/plan.hpp"
#include "lldm/laws/exact_targets.hpp"

namespace lldm::laws {

/// Weights of the chain rule inside consecutive blocks: earlier blocks clean, later ones masked.
std::vector<double> block_elbo_weights(std::size_t size, std::size_t length);

/// Weights of a recorded order, `shrink` neighbouring steps as one: a token is read where it and
/// everything written later is masked.
std::vector<double> recorded_weights(const std::vector<std::int64_t>& reveal_step,
                                     std::int64_t shrink);

struct DeclaredTarget {
  std::vector<double> weights;  // [2^R, R]
  double constant = 0;
};

/// The exact target of a name for one text; nothing for a name that this enumeration does not know.
std::optional<DeclaredTarget> declared_target(const std::string& name, const Text& text,
                                              const ScheduleFormula& schedule);

}  // namespace lldm::laws
