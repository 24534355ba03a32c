// SPDX-License-Identifier: MIT
#include "model/head.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <limits>

#include "lldm/memory/purpose.hpp"
#include "model/first_order.hpp"

namespace lldm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

std::int64_t rows_per_chunk(const at::Tensor& weight) {
  const std::int64_t row_bytes = weight.size(0) * static_cast<std::int64_t>(weight.element_size());
  return std::max<std::int64_t>(1, kHeadChunkBytes / row_bytes);
}

at::Tensor chunk_logits(const at::Tensor& rows, const at::Tensor& weight, std::int64_t excluded) {
  auto logits = at::mm(rows, weight.t());
  if (excluded >= 0) logits.select(1, excluded).fill_(-std::numeric_limits<double>::infinity());
  return logits;
}

class HeadLogProbabilities : public torch::autograd::Function<HeadLogProbabilities> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& rows,
                            const at::Tensor& weight, const at::Tensor& targets,
                            std::int64_t excluded) {
    const PurposeScope purpose(MemoryPurpose::logits);
    const std::int64_t count = rows.size(0), step = rows_per_chunk(weight);
    auto result = at::empty({count}, rows.options());
    auto sums = at::empty({count}, rows.options());
    at::Tensor kept;
    for (std::int64_t begin = 0; begin < count; begin += step) {
      const std::int64_t size = std::min(step, count - begin);
      const auto logits = chunk_logits(rows.narrow(0, begin, size), weight, excluded);
      const auto sum = at::logsumexp(logits, {1});
      const auto chosen = logits.gather(1, targets.narrow(0, begin, size).unsqueeze(1)).squeeze(1);
      sums.narrow(0, begin, size).copy_(sum);
      result.narrow(0, begin, size).copy_(chosen.sub(sum));
      if (size == count) kept = logits;  // one chunk: cheaper to keep than to compute again
    }
    const bool is_needed = rows.requires_grad() || weight.requires_grad();
    context->save_for_backward({rows, weight, targets, sums, is_needed ? kept : at::Tensor()});
    context->saved_data["excluded"] = excluded;
    return result;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    refuse_second_derivative();
    const PurposeScope purpose(MemoryPurpose::logits);
    const auto saved = context->get_saved_variables();
    const auto &rows = saved[0], &weight = saved[1], &targets = saved[2], &sums = saved[3];
    const std::int64_t excluded = context->saved_data["excluded"].toInt();
    const bool wants_rows = context->needs_input_grad(0),
               wants_weight = context->needs_input_grad(1);
    const std::int64_t count = rows.size(0), step = rows_per_chunk(weight);
    at::Tensor rows_gradient = wants_rows ? at::empty_like(rows) : at::Tensor();
    at::Tensor weight_gradient = wants_weight ? at::zeros_like(weight) : at::Tensor();
    for (std::int64_t begin = 0; begin < count; begin += step) {
      const std::int64_t size = std::min(step, count - begin);
      const auto chunk = rows.narrow(0, begin, size);
      const auto logits =
          saved[4].defined() ? saved[4].clone() : chunk_logits(chunk, weight, excluded);
      // d log p(target) / d logits = onehot(target) - softmax
      const auto upstream = gradients[0].narrow(0, begin, size).unsqueeze(1);
      auto slope =
          logits.sub_(sums.narrow(0, begin, size).unsqueeze(1)).exp_().mul_(upstream.neg());
      slope.scatter_add_(1, targets.narrow(0, begin, size).unsqueeze(1), upstream);
      if (wants_rows) rows_gradient.narrow(0, begin, size).copy_(at::mm(slope, weight));
      if (wants_weight) weight_gradient.addmm_(slope.t(), chunk);
    }
    return {rows_gradient, weight_gradient, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor head_log_probabilities(const at::Tensor& rows, const at::Tensor& weight,
                                  const at::Tensor& targets, std::optional<std::int64_t> excluded) {
  return HeadLogProbabilities::apply(rows, weight, targets, excluded.value_or(-1));
}

}  // namespace lldm
