// SPDX-License-Identifier: MIT
#include "model/sliced_head.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/logaddexp.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "lldm/memory/purpose.hpp"
#include "lldm/track/phase_clock.hpp"
#include "model/direct_gradients.hpp"
#include "model/first_order.hpp"
#include "model/held_signals.hpp"

namespace lldm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

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

/// Of rows in `rows_type`.
HeldHead held_head(const Matrix& head, at::ScalarType rows_type, at::ScalarType compute) {
  const bool on_device =
      rows_type == at::kFloat && has_device_products(head.values().device(), compute);
  return {head, on_device ? compute : rows_type, on_device};
}

at::Tensor sliced_log_probabilities(const at::Tensor& rows, const at::Tensor& targets,
                                    HeldHead head, std::int64_t excluded) {
  const at::Tensor weight = head.matrix.values();
  return SlicedHead::apply(rows, weight, targets, c10::make_intrusive<HeldHead>(std::move(head)),
                           excluded);
}

}  // namespace lldm
