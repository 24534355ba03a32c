// SPDX-License-Identifier: MIT
#include "model/head.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/logsumexp.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <limits>

#include "lldm/memory/purpose.hpp"
#include "lldm/track/phase_clock.hpp"
#include "model/device_products.hpp"
#include "model/direct_gradients.hpp"
#include "model/first_order.hpp"
#include "model/held_signals.hpp"
#include "model/kernels/rows.hpp"
#include "model/products.hpp"
#include "model/sliced_head.hpp"

namespace lldm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

std::int64_t chunk_rows(const at::Tensor& weight, bool is_trained) {
  return head_rows_now(weight.size(0), static_cast<std::int64_t>(weight.element_size()),
                       is_trained);
}

/// log softmax(logits)[target] into `chosen`; where a slope is wanted, softmax - onehot(target) in
/// the logits' place.
void choose(at::Tensor& logits, const at::Tensor& targets, std::int64_t excluded, bool wants_slope,
            const at::Tensor& chosen) {
  if (!logits.is_cpu()) {
    if (excluded >= 0) logits.select(1, excluded).fill_(-std::numeric_limits<double>::infinity());
    const auto places = targets.unsqueeze(1);
    const auto sums = at::logsumexp(logits, {1}, /*keepdim=*/true);
    at::Tensor(chosen).copy_(logits.gather(1, places).sub_(sums).squeeze(1));
    if (wants_slope)
      logits.sub_(sums).exp_().scatter_add_(1, places, at::full_like(places, -1, logits.options()));
    return;
  }
  const auto run = [&]<class T>(T) {
    const SoftmaxSlope<T> args{logits.mutable_data_ptr<T>(),
                               targets.const_data_ptr<std::int64_t>(),
                               chosen.mutable_data_ptr<T>(),
                               logits.size(1),
                               excluded,
                               wants_slope};
    at::parallel_for(0, logits.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
      softmax_slope(args, begin, end);
    });
  };
  if (logits.scalar_type() == at::kDouble)
    run(double{});
  else
    run(float{});
}

/// Adds the gradient slope^T rows of a weight [V, D] to its sum: a slice of its rows after the
/// other, so that it never exists whole beside it.
void add_weight_gradient(const at::Tensor& sum, const at::Tensor& slope, const at::Tensor& rows) {
  const std::int64_t all = sum.size(0);
  const std::int64_t step =
      head_slice_rows(sum.size(1) * static_cast<std::int64_t>(rows.element_size()));
  for (std::int64_t begin = 0; begin < all; begin += step) {
    const std::int64_t size = std::min(step, all - begin);
    sum.narrow(0, begin, size).add_(product(slope.narrow(1, begin, size).t(), rows));
  }
}

/// With s = softmax - onehot(target), d log p / d rows = -s W and d log p / d W = -s^T rows.  A
/// frozen head makes the first in the forward pass and keeps that; a trained one keeps s where it
/// is one chunk, and else makes it again.
class HeadLogProbabilities : public torch::autograd::Function<HeadLogProbabilities> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& rows,
                            const at::Tensor& weight, const at::Tensor& targets,
                            std::int64_t excluded, bool is_recorded) {
    const PurposeScope purpose(MemoryPurpose::logits);
    const PhaseScope phase(StepPhase::head);
    const HeldSignals held_signals;
    const bool is_trained = is_recorded && weight.requires_grad(),
               is_frozen_path = is_recorded && rows.requires_grad() && !is_trained;
    const std::int64_t count = rows.size(0), step = chunk_rows(weight, is_trained);
    const bool keeps_slope = is_trained && step >= count;
    const auto ids = targets.contiguous();
    auto result = at::empty({count}, rows.options());
    at::Tensor kept;
    if (is_frozen_path) kept = at::empty(rows.sizes(), rows.options());
    const auto bytes = static_cast<std::int64_t>(weight.element_size());
    for (std::int64_t begin = 0, size = 0; begin < count; begin += size) {
      const std::int64_t rest = count - begin;
      size = is_trained ? std::min(step, rest) : next_head_rows(rest, weight.size(0), bytes);
      auto logits = rows_by(rows.narrow(0, begin, size), weight);
      choose(logits, ids.narrow(0, begin, size), excluded, is_frozen_path || keeps_slope,
             result.narrow(0, begin, size));
      if (is_frozen_path) kept.narrow(0, begin, size).copy_(product(logits, weight));
      if (keeps_slope) kept = std::move(logits);
    }
    context->save_for_backward({rows, weight, ids, kept});
    context->saved_data["excluded"] = excluded;
    context->saved_data["is_direct"] = DirectGradients::are_on();
    return result;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    refuse_second_derivative();
    const PurposeScope purpose(MemoryPurpose::logits);
    const PhaseScope phase(StepPhase::head);
    const HeldSignals held_signals;
    const auto saved = context->get_saved_variables();
    const auto &rows = saved[0], &weight = saved[1], &targets = saved[2], &kept = saved[3];
    const bool wants_rows = context->needs_input_grad(0);
    const auto upstream = gradients[0].unsqueeze(1).neg();
    if (!context->needs_input_grad(1))
      return {wants_rows ? kept.mul(upstream) : at::Tensor(), {}, {}, {}, {}};
    const std::int64_t count = rows.size(0), step = chunk_rows(weight, true);
    const auto scaled = rows.mul(upstream);
    const auto sum = DirectGradients::target(weight, context->saved_data["is_direct"].toBool());
    at::Tensor rows_gradient = wants_rows ? at::empty_like(rows) : at::Tensor(), weight_gradient;
    for (std::int64_t begin = 0; begin < count; begin += step) {
      const std::int64_t size = std::min(step, count - begin);
      auto slope = kept;
      if (!slope.defined()) {
        slope = rows_by(rows.narrow(0, begin, size), weight);
        choose(slope, targets.narrow(0, begin, size), context->saved_data["excluded"].toInt(), true,
               at::empty({size}, rows.options()));
      }
      if (wants_rows)
        rows_gradient.narrow(0, begin, size)
            .copy_(product(slope, weight).mul_(upstream.narrow(0, begin, size)));
      if (sum.defined()) {
        add_weight_gradient(sum, slope, scaled.narrow(0, begin, size));
        continue;
      }
      auto part = product(slope.t(), scaled.narrow(0, begin, size));
      weight_gradient = weight_gradient.defined() ? weight_gradient.add_(part) : std::move(part);
    }
    return {rows_gradient, weight_gradient, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor head_logits(const at::Tensor& rows, const Matrix& head, at::ScalarType compute) {
  const HeldSignals held_signals;
  // Products that write where they are told to have no derivative.
  const bool is_recorded =
      at::GradMode::is_enabled() && (rows.requires_grad() || head.values().requires_grad());
  const HeldHead held =
      held_head(head, rows.scalar_type(), is_recorded ? rows.scalar_type() : compute);
  if (head.is_plain() && !held.on_device) return rows_by(rows, head.values());
  const std::int64_t step =
      sliced_head_columns(head.columns(), rows.element_size(), held.chunk_bytes());
  const auto read = held.read(rows);
  std::vector<at::Tensor> parts;
  for (std::int64_t begin = 0; begin < head.rows(); begin += step)
    parts.push_back(held.logits(
        read, head.dequantized(begin, std::min(step, head.rows() - begin), held.type), -1));
  return parts.size() == 1 ? parts.front() : at::cat(parts, 1);
}

at::Tensor head_log_probabilities(const at::Tensor& rows, const Matrix& head,
                                  const at::Tensor& targets, std::optional<std::int64_t> excluded,
                                  at::ScalarType compute) {
  HeldHead held = held_head(head, rows.scalar_type(), compute);
  const bool is_sliced = !head.is_plain() || held.on_device;
  note_head_cut(!is_sliced);
  if (is_sliced)
    return sliced_log_probabilities(rows, targets, std::move(held), excluded.value_or(-1));
  return HeadLogProbabilities::apply(rows, head.values(), targets, excluded.value_or(-1),
                                     c10::GradMode::is_enabled());
}

}  // namespace lldm
