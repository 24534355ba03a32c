// SPDX-License-Identifier: MIT
#include "model/head.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/logaddexp.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
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

/// A head that is decoded by slices, and how its products are made.
struct HeldHead final : torch::CustomClassHolder {
  HeldHead(Matrix head, at::ScalarType read, bool is_narrow)
      : matrix(std::move(head)), type(read), on_device(is_narrow) {}

  /// What products read.
  [[nodiscard]] at::Tensor read(const at::Tensor& x) const { return x.to(type); }
  [[nodiscard]] at::Tensor product_of(const at::Tensor& a, const at::Tensor& b) const {
    return on_device ? device_product(a, b, type) : product(a, b);
  }
  /// Of rows that were read.
  [[nodiscard]] at::Tensor logits(const at::Tensor& rows, const at::Tensor& slice,
                                  std::int64_t excluded) const {
    auto result = on_device ? device_product(rows, slice.t(), type) : rows_by(rows, slice);
    if (excluded >= 0) result.select(1, excluded).fill_(-std::numeric_limits<double>::infinity());
    return result;
  }
  [[nodiscard]] std::int64_t chunk_bytes() const {
    return on_device ? kDeviceHeadChunkBytes : kHeadChunkBytes;
  }

  Matrix matrix;
  at::ScalarType type;  // of slices
  bool on_device;       // products of 16 bits on a GPU
};

/// Of rows in `rows_type`.
HeldHead held_head(const Matrix& head, at::ScalarType rows_type, at::ScalarType compute) {
  const bool on_device =
      rows_type == at::kFloat && has_device_products(head.values().device(), compute);
  return {head, on_device ? compute : rows_type, on_device};
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

/// Of a head that is not plain: slices of its rows, each decoded once and used for all rows, some
/// of them after the other.  Where it is cut depends on the head alone: a row's bits go by nothing
/// that is beside it.
/// `weight`: its numbers, or its codes, which no gradient reaches.
class SlicedHead : public torch::autograd::Function<SlicedHead> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& rows,
                            const at::Tensor& weight, const at::Tensor& targets,
                            const c10::intrusive_ptr<HeldHead>& head, std::int64_t excluded) {
    const PurposeScope purpose(MemoryPurpose::logits);
    const PhaseScope phase(StepPhase::head);
    const HeldSignals held_signals;
    auto sums = at::full({rows.size(0)}, -std::numeric_limits<double>::infinity(), rows.options());
    auto chosen = at::empty({rows.size(0)}, rows.options());
    each_slice(*head, rows,
               [&](std::int64_t begin, const at::Tensor& slice, const at::Tensor& read) {
                 each_group(*head, read, slice, excluded - begin, [&](const Group& group) {
                   const auto own = sums.narrow(0, group.first, group.count);
                   own.copy_(at::logaddexp(own, at::logsumexp(group.logits, {1})));
                   const Target target(targets, begin, group);
                   const auto value = group.logits.gather(1, target.place).squeeze(1);
                   const auto places = chosen.narrow(0, group.first, group.count);
                   places.copy_(at::where(target.is_here, value, places));
                 });
               });
    context->save_for_backward({rows, targets, sums, weight});
    context->saved_data["head"] = c10::IValue::make_capsule(head);
    context->saved_data["excluded"] = excluded;
    context->saved_data["is_direct"] = DirectGradients::are_on();
    return chosen.sub(sums);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    refuse_second_derivative();
    const PurposeScope purpose(MemoryPurpose::logits);
    const PhaseScope phase(StepPhase::head);
    const HeldSignals held_signals;
    const auto saved = context->get_saved_variables();
    const auto &rows = saved[0], &targets = saved[1], &sums = saved[2], &weight = saved[3];
    const auto capsule = context->saved_data["head"].toCapsule();
    const auto& held = static_cast<const HeldHead&>(*capsule);
    const auto upstream = gradients[0].unsqueeze(1);
    auto rows_gradient = at::zeros_like(rows);
    at::Tensor sum, whole;  // of the weight's gradient: where it lies, or to hand out
    if (context->needs_input_grad(1)) {
      sum = DirectGradients::target(weight, context->saved_data["is_direct"].toBool());
      if (!sum.defined()) sum = whole = at::zeros_like(weight);
    }
    const std::int64_t excluded = context->saved_data["excluded"].toInt();
    each_slice(
        held, rows, [&](std::int64_t begin, const at::Tensor& slice, const at::Tensor& read) {
          at::Tensor of_slice;  // its gradient, of all groups: rounded once where it is added
          each_group(held, read, slice, excluded - begin, [&](const Group& group) {
            const auto own = [&](const at::Tensor& x) {
              return x.narrow(0, group.first, group.count);
            };
            // d log p(target) / d logits = onehot(target) - softmax, in the logits' place
            const auto slope =
                group.logits.sub_(own(sums).unsqueeze(1)).exp_().mul_(own(upstream).neg());
            const Target target(targets, begin, group);
            slope.scatter_add_(1, target.place, own(upstream).mul(target.is_here.unsqueeze(1)));
            const auto read_slope = held.read(slope);
            own(rows_gradient).add_(held.product_of(read_slope, slice));
            if (!sum.defined()) return;
            const auto part = held.product_of(read_slope.t(), own(read));
            of_slice = of_slice.defined() ? of_slice.add_(part) : part;
          });
          if (sum.defined()) add_gradient(sum.narrow(0, begin, slice.size(0)), of_slice);
        });
    return {rows_gradient, whole, at::Tensor(), at::Tensor(), at::Tensor()};
  }

 private:
  /// Rows [first, first + count) and their logits of a slice.
  struct Group {
    std::int64_t first, count;
    at::Tensor logits;
  };
  /// Where the targets of a group lie in the slice that begins at `begin`, and whether they do.
  struct Target {
    at::Tensor place, is_here;  // [count, 1], [count]
    Target(const at::Tensor& targets, std::int64_t begin, const Group& group) {
      const auto at = targets.narrow(0, group.first, group.count).sub(begin);
      const std::int64_t columns = group.logits.size(1);
      is_here = at.ge(0).logical_and(at.lt(columns));
      place = at.clamp(0, columns - 1).unsqueeze(1);
    }
  };

  static void each_slice(const HeldHead& head, const at::Tensor& rows, const auto& use) {
    const Matrix& matrix = head.matrix;
    const auto read = head.read(rows);
    const std::int64_t step =
        sliced_head_columns(matrix.columns(), rows.element_size(), head.chunk_bytes());
    for (std::int64_t begin = 0; begin < matrix.rows(); begin += step)
      use(begin, matrix.dequantized(begin, std::min(step, matrix.rows() - begin), head.type), read);
  }
  static void each_group(const HeldHead& head, const at::Tensor& read, const at::Tensor& slice,
                         std::int64_t excluded, const auto& use) {
    const std::int64_t step = sliced_head_rows(slice.size(1));
    const bool is_here = excluded >= 0 && excluded < slice.size(0);
    for (std::int64_t first = 0; first < read.size(0); first += step) {
      const std::int64_t count = std::min(step, read.size(0) - first);
      use(Group{first, count,
                head.logits(read.narrow(0, first, count), slice, is_here ? excluded : -1)});
    }
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
    return SlicedHead::apply(rows, head.values(), targets,
                             c10::make_intrusive<HeldHead>(std::move(held)), excluded.value_or(-1));
  return HeadLogProbabilities::apply(rows, head.values(), targets, excluded.value_or(-1),
                                     c10::GradMode::is_enabled());
}

}  // namespace lldm
