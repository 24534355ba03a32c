// SPDX-License-Identifier: MIT
#include "lldm/score/gradient_path.hpp"

#include "lldm/errors.hpp"

namespace lldm {

std::string_view to_string(GradientPath path) {
  for (const auto& choice : choices(std::type_identity<GradientPath>{}))
    if (choice.value == path) return choice.name;
  return "?";
}

void check_gradient_path(GradientPath path, const ObjectiveNeeds& needs, Combination combination) {
  const auto refuse = [&](std::string_view reason, std::string_view remedy) {
    throw ConfigError(message("gradient_path = \"", to_string(path),
                              "\" is not exact here: ", reason, "\n  use ", remedy));
  };
  if (needs.use == ScoreUse::parts && combination != Combination::sum)
    throw ConfigError(
        "the objective reads the parts of the scores by evaluation, but the estimator combines its "
        "readouts non-linearly\n  use an estimator whose score is a sum, or an objective of the "
        "scores");
  if (path == GradientPath::linear) {
    if (needs.use != ScoreUse::linear)
      refuse("the objective's weights depend on the scores",
             needs.use == ScoreUse::parts || needs.use == ScoreUse::coupled || needs.mismatched
                 ? "retain or replay"
                 : "retain, replay or pairwise");
    if (combination != Combination::sum)
      refuse("the estimator combines its readouts non-linearly", "retain or replay");
  }
  if (path == GradientPath::pairwise) {
    if (needs.use == ScoreUse::coupled)
      refuse("the objective couples pairs of the whole step", "retain or replay");
    if (needs.use == ScoreUse::parts)
      refuse("the objective reads the parts of the scores by evaluation", "retain or replay");
    if (needs.mismatched)
      refuse("the objective reads the scores of mismatched answers", "retain or replay");
    if (needs.group_size != 2)
      refuse("the objective does not compare two answers", "linear, retain or replay");
    if (combination != Combination::sum)
      refuse("the estimator combines its readouts non-linearly", "retain or replay");
  }
}

std::int64_t pairwise_buffers(const ObjectiveNeeds& needs) {
  return needs.use == ScoreUse::difference ? 1 : 2;
}

}  // namespace lldm
