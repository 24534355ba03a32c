// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "lldm/laws/estimator_laws.hpp"
#include "lldm/laws/law.hpp"

namespace lldm::laws {

/// A text of one prompt token and `size` response tokens over V = 3, with a recorded order, under
/// masks (token 3) of the cosine schedule.
[[nodiscard]] World law_world(std::size_t size);

/// The laws of concepts/score_estimator.hpp on texts of at most four tokens, all of whose masks are
/// enumerated, and the check of the gradient through the score engine.
[[nodiscard]] std::vector<Law> score_estimator_laws(const AnyScoreEstimator& estimator);

}  // namespace lldm::laws
