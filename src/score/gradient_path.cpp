// SPDX-License-Identifier: MIT
#include "lldm/score/gradient_path.hpp"

#include "lldm/errors.hpp"

namespace lldm {

std::string_view to_string(GradientPath path) {
  for (const auto& choice : choices(std::type_identity<GradientPath>{}))
    if (choice.value == path) return choice.name;
  return "?";
}

namespace {

/// Why a path is not exact for such an objective and combination, and what is, by lines; "" if it
/// is.
std::string inexactness(GradientPath path, const ObjectiveNeeds& needs, Combination combination) {
  const auto because = [](std::string_view reason, std::string_view remedy) {
    return message(reason, "\n  use ", remedy);
  };
  const bool is_sum = combination == Combination::sum;
  const bool needs_graphs =
      needs.use == ScoreUse::parts || needs.use == ScoreUse::coupled || needs.mismatched;
  if (path == GradientPath::linear && needs.use != ScoreUse::linear)
    return because("the objective's weights depend on the scores",
                   needs_graphs ? "retain or replay" : "retain, replay or pairwise");
  if (path == GradientPath::pairwise) {
    if (needs.use == ScoreUse::coupled)
      return because("the objective couples pairs of the whole step", "retain or replay");
    if (needs.use == ScoreUse::parts)
      return because("the objective reads the parts of the scores by evaluation",
                     "retain or replay");
    if (needs.mismatched)
      return because("the objective reads the scores of mismatched answers", "retain or replay");
    if (needs.group_size != 2)
      return because("the objective does not compare two answers", "linear, retain or replay");
  }
  if ((path == GradientPath::linear || path == GradientPath::pairwise) && !is_sum)
    return because("the estimator combines its readouts non-linearly", "retain or replay");
  return "";
}

}  // namespace

void check_gradient_path(GradientPath path, const ObjectiveNeeds& needs, Combination combination) {
  if (needs.use == ScoreUse::parts && combination != Combination::sum)
    throw ConfigError(
        "the objective reads the parts of the scores by evaluation, but the estimator combines its "
        "readouts non-linearly\n  use an estimator whose score is a sum, or an objective of the "
        "scores");
  if (const std::string why = inexactness(path, needs, combination); !why.empty())
    throw ConfigError(
        message("gradient_path = \"", to_string(path), "\" is not exact here: ", why));
}

std::vector<GradientPath> exact_gradient_paths(const ObjectiveNeeds& needs,
                                               Combination combination) {
  if (inexactness(GradientPath::linear, needs, combination).empty()) return {GradientPath::linear};
  std::vector<GradientPath> paths = {GradientPath::retain};
  if (inexactness(GradientPath::pairwise, needs, combination).empty())
    paths.push_back(GradientPath::pairwise);
  paths.push_back(GradientPath::replay);
  return paths;
}

std::int64_t pairwise_buffers(const ObjectiveNeeds& needs) {
  return needs.use == ScoreUse::difference ? 1 : 2;
}

}  // namespace lldm
