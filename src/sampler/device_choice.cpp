// SPDX-License-Identifier: MIT
#include "sampler/device_choice.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/full.h>
#include <ATen/ops/log.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include <limits>

namespace lldm {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void exclude(at::Tensor& logits, const std::vector<std::int64_t>& tokens) {
  for (const std::int64_t token : tokens)
    if (token >= 0 && token < logits.size(1)) logits.select(1, token).fill_(-kInfinity);
}

}  // namespace

at::Tensor guided(const Guidance& guidance, at::Tensor conditional,
                  const at::Tensor& unconditional) {
  const at::Tensor is_possible = conditional != -kInfinity;
  const at::Tensor combined =
      unconditional + (conditional - unconditional) * (guidance.scale + 1.0);
  return at::where(is_possible, combined, conditional);
}

at::Tensor choose_on_device(const TokenChoice& choice, at::Tensor logits,
                            const at::Tensor& uniforms, CandidateStatistics statistics) {
  exclude(logits, choice.never_chosen);
  const at::Tensor largest = logits.amax(1);  // NaN where a row has one
  const at::Tensor is_bad = (largest.isnan() | (largest == kInfinity)).to(at::kDouble);
  // argmax takes the first of equals.
  const at::Tensor token =
      choice.temperature > 0.0
          ? at::argmax(logits - at::log(-at::log(uniforms)) * choice.temperature, 1)
          : at::argmax(logits, 1);
  at::Tensor probability =
      at::full({logits.size(0)}, std::numeric_limits<double>::quiet_NaN(), logits.options());
  at::Tensor second = probability, entropy = probability;
  if (statistics != CandidateStatistics::none) {
    exclude(logits, choice.discounted);
    const at::Tensor column = token.unsqueeze(1);
    const at::Tensor offsets = logits - logits.amax(1, /*keepdim=*/true);
    const at::Tensor weights = offsets.exp();
    const at::Tensor sum = weights.sum(1);
    probability = weights.gather(1, column).squeeze(1) / sum;
    if (statistics == CandidateStatistics::all) {
      const at::Tensor is_chosen = at::arange(logits.size(1), token.options()) == column;
      second = weights.masked_fill(is_chosen, 0.0).amax(1) / sum;
      const at::Tensor terms = at::where(weights > 0.0, weights * offsets, at::zeros_like(weights));
      entropy = at::log(sum) - terms.sum(1) / sum;
    }
  }
  return at::stack({token.to(at::kDouble), is_bad, probability, second, entropy}, 1);
}

std::vector<ChosenRow> chosen_rows(const at::Tensor& chosen) {
  std::vector<ChosenRow> rows;
  const double* data = chosen.const_data_ptr<double>();
  for (std::int64_t q = 0; q < chosen.size(0); ++q, data += kChosenColumns)
    rows.push_back(
        {{-1, static_cast<std::int64_t>(data[0]), data[2], data[3], data[4]}, data[1] == 0.0});
  return rows;
}

}  // namespace lldm
