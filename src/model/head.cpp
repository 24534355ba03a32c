// SPDX-License-Identifier: MIT
#include "model/head.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/logaddexp.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <limits>

#include "lldm/memory/purpose.hpp"
#include "lldm/track/phase_clock.hpp"
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

struct HeldHead final : torch::CustomClassHolder {
  explicit HeldHead(Matrix head) : matrix(std::move(head)) {}
  Matrix matrix;
};

class HeadLogProbabilities : public torch::autograd::Function<HeadLogProbabilities> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& rows,
                            const at::Tensor& weight, const at::Tensor& targets,
                            std::int64_t excluded) {
    const PurposeScope purpose(MemoryPurpose::logits);
    const PhaseScope phase(StepPhase::head);
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
    const PhaseScope phase(StepPhase::head);
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

/// Of a head that is not plain: slices of its rows, each decoded once and used for all rows.
class SlicedHead : public torch::autograd::Function<SlicedHead> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& rows,
                            const at::Tensor& targets, const c10::intrusive_ptr<HeldHead>& head,
                            std::int64_t excluded) {
    const PurposeScope purpose(MemoryPurpose::logits);
    const PhaseScope phase(StepPhase::head);
    auto sums = at::full({rows.size(0)}, -std::numeric_limits<double>::infinity(), rows.options());
    auto chosen = at::empty({rows.size(0)}, rows.options());
    each_slice(head->matrix, rows, excluded,
               [&](std::int64_t begin, const at::Tensor& /*slice*/, const at::Tensor& logits) {
                 sums = at::logaddexp(sums, at::logsumexp(logits, {1}));
                 const std::int64_t count = logits.size(1);
                 const auto place = targets.sub(begin);
                 const auto is_here = place.ge(0).logical_and(place.lt(count));
                 const auto value =
                     logits.gather(1, place.clamp(0, count - 1).unsqueeze(1)).squeeze(1);
                 chosen = at::where(is_here, value, chosen);
               });
    context->save_for_backward({rows, targets, sums});
    context->saved_data["head"] = c10::IValue::make_capsule(head);
    context->saved_data["excluded"] = excluded;
    return chosen.sub(sums);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    refuse_second_derivative();
    const PurposeScope purpose(MemoryPurpose::logits);
    const PhaseScope phase(StepPhase::head);
    const auto saved = context->get_saved_variables();
    const auto &rows = saved[0], &targets = saved[1], &sums = saved[2];
    const auto held = context->saved_data["head"].toCapsule();
    const auto upstream = gradients[0].unsqueeze(1);
    auto rows_gradient = at::zeros_like(rows);
    each_slice(static_cast<const HeldHead&>(*held).matrix, rows,
               context->saved_data["excluded"].toInt(),
               [&](std::int64_t begin, const at::Tensor& slice, const at::Tensor& logits) {
                 // d log p(target) / d logits = onehot(target) - softmax
                 auto slope = logits.sub(sums.unsqueeze(1)).exp_().mul_(upstream.neg());
                 const std::int64_t count = slope.size(1);
                 const auto place = targets.sub(begin);
                 const auto is_here = place.ge(0).logical_and(place.lt(count));
                 slope.scatter_add_(1, place.clamp(0, count - 1).unsqueeze(1),
                                    upstream.mul(is_here.unsqueeze(1)));
                 rows_gradient.addmm_(slope, slice);
               });
    return {rows_gradient, at::Tensor(), at::Tensor(), at::Tensor()};
  }

 private:
  static void each_slice(const Matrix& head, const at::Tensor& rows, std::int64_t excluded,
                         const auto& use) {
    const std::int64_t step = std::max<std::int64_t>(
        1, kHeadChunkBytes / (std::max(head.columns(), rows.size(0)) *
                              static_cast<std::int64_t>(rows.element_size())));
    for (std::int64_t begin = 0; begin < head.rows(); begin += step) {
      const auto slice =
          head.dequantized(begin, std::min(step, head.rows() - begin), rows.scalar_type());
      const bool is_here = excluded >= begin && excluded < begin + slice.size(0);
      use(begin, slice, chunk_logits(rows, slice, is_here ? excluded - begin : -1));
    }
  }
};

}  // namespace

at::Tensor head_logits(const at::Tensor& rows, const Matrix& head) {
  if (head.is_plain()) return at::linear(rows, head.values());
  const std::int64_t step = std::max<std::int64_t>(
      1, kHeadChunkBytes / (head.columns() * static_cast<std::int64_t>(rows.element_size())));
  std::vector<at::Tensor> parts;
  for (std::int64_t begin = 0; begin < head.rows(); begin += step)
    parts.push_back(at::linear(
        rows, head.dequantized(begin, std::min(step, head.rows() - begin), rows.scalar_type())));
  return parts.size() == 1 ? parts.front() : at::cat(parts, 1);
}

at::Tensor head_log_probabilities(const at::Tensor& rows, const Matrix& head,
                                  const at::Tensor& targets, std::optional<std::int64_t> excluded) {
  if (!head.is_plain())
    return SlicedHead::apply(rows, targets, c10::make_intrusive<HeldHead>(head),
                             excluded.value_or(-1));
  return HeadLogProbabilities::apply(rows, head.values(), targets, excluded.value_or(-1));
}

}  // namespace lldm
