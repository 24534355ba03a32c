// SPDX-License-Identifier: MIT
#include "objective/evaluation_margins.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/log_sigmoid.h>

#include "lldm/errors.hpp"

namespace lldm {

EvaluationMargins evaluation_margins(const ScoreSet& scores, std::string_view objective) {
  if (!scores.reference.defined())
    throw ShapeError(message(objective, ": the score set has no reference scores"));
  if (!scores.parts.defined() || !scores.reference_parts.defined())
    throw ShapeError(message(objective,
                             ": the scores have no parts by evaluation\n  use a score estimator "
                             "whose score is a sum (eubo's is not)"));
  const std::int64_t groups = scores.parts.size(0), width = scores.parts.size(2);
  if (scores.reference_parts.sizes() != scores.parts.sizes())
    throw ShapeError(message(objective, ": policy and reference have other evaluations: parts ",
                             scores.parts.sizes(), " and ", scores.reference_parts.sizes()));
  at::Tensor counts = at::full({groups}, static_cast<double>(width), at::kDouble);
  if (const auto found = scores.auxiliary.find("evaluations"); found != scores.auxiliary.end()) {
    counts = found->second.select(1, 0);
    const at::Tensor others = found->second.select(1, 1);
    for (std::int64_t b = 0; b < groups; ++b)
      if (counts[b].item<double>() != others[b].item<double>())
        throw ShapeError(message(
            objective, ": the answers of pair ", b, " of the batch have ", counts[b].item<double>(),
            " and ", others[b].item<double>(),
            " evaluations, which cannot be compared one by one\n  use a score estimator whose "
            "number of evaluations does not depend on the answer, or response_length = N"));
  }
  const at::Tensor ratios = scores.parts - scores.reference_parts;
  const at::Tensor each = counts.unsqueeze(1);
  const at::Tensor is_asked = at::arange(width, at::kDouble).unsqueeze(0) < each;
  return {(ratios.select(1, 0) - ratios.select(1, 1)) * each, is_asked.to(at::kDouble) / each};
}

at::Tensor mean_log_sigmoid_losses(const EvaluationMargins& of, double beta) {
  return -(at::log_sigmoid(of.margins * beta) * of.weights);
}

}  // namespace lldm
