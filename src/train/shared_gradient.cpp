// SPDX-License-Identifier: MIT
#include "train/shared_gradient.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/set.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "lldm/memory/purpose.hpp"
#include "track/read_backs.hpp"

namespace lldm {
namespace {

/// A run of gradients in one storage.
struct Span {
  at::Tensor first;
  std::int64_t begin = 0, end = 0;  // elements of the storage

  [[nodiscard]] bool takes(const at::Tensor& next) const {
    constexpr std::int64_t kMostGap = 64;  // bytes of alignment between tensors, which stay zero
    return next.storage().is_alias_of(first.storage()) && next.dtype() == first.dtype() &&
           next.storage_offset() >= end &&
           (next.storage_offset() - end) * static_cast<std::int64_t>(next.element_size()) <
               kMostGap;
  }
  [[nodiscard]] at::Tensor flat() const {
    at::Tensor whole = at::empty({0}, first.options());
    return whole.set_(first.storage(), begin, {end - begin}, {1});
  }
};

}  // namespace

std::vector<at::Tensor> flat_gradients(const std::vector<NamedParameter>& parameters) {
  const c10::NoGradGuard no_grad;
  std::vector<Span> spans;
  for (const NamedParameter& parameter : parameters) {
    if (!parameter.value.requires_grad()) continue;
    at::Tensor& gradient = at::Tensor(parameter.value).mutable_grad();
    if (!gradient.defined()) gradient = at::zeros_like(parameter.value);
    if (!gradient.is_contiguous()) gradient = gradient.contiguous();
    const std::int64_t begin = gradient.storage_offset(), end = begin + gradient.numel();
    if (!spans.empty() && spans.back().takes(gradient))
      spans.back().end = end;
    else
      spans.push_back({gradient, begin, end});
  }
  std::vector<at::Tensor> flat;
  for (const Span& span : spans) flat.push_back(span.flat());
  return flat;
}

SharedGradient::SharedGradient(std::vector<NamedParameter> parameters, ProcessGroup* group,
                               Reduction reduction)
    : parameters_(std::move(parameters)), group_(group), reduction_(reduction) {
  if (reduction_ != Reduction::ordered) return;
  const PurposeScope scope(MemoryPurpose::gradients);
  for (const at::Tensor& flat : flat_gradients(parameters_)) sum_.push_back(at::zeros_like(flat));
}

void SharedGradient::after_round(int count) {
  if (reduction_ != Reduction::ordered) return;
  const c10::NoGradGuard no_grad;
  const PurposeScope scope(MemoryPurpose::gradients);
  const std::vector<at::Tensor> own = flat_gradients(parameters_);
  for (std::size_t i = 0; i < own.size(); ++i) {
    at::Tensor other = group_ ? at::empty_like(own[i]) : at::Tensor();
    for (int rank = 0; rank < count; ++rank) {
      const bool is_own = !group_ || rank == group_->rank();
      if (group_) group_->broadcast(is_own ? own[i] : other, rank);
      sum_[i].add_(is_own ? own[i] : other);
    }
    at::Tensor(own[i]).zero_();
  }
}

void SharedGradient::finish() {
  if (!group_ && reduction_ == Reduction::fast) return;
  const c10::NoGradGuard no_grad;
  const std::vector<at::Tensor> own = flat_gradients(parameters_);
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (reduction_ == Reduction::ordered)
      at::Tensor(own[i]).copy_(sum_[i]);
    else if (group_)
      group_->sum(own[i]);
  }
}

bool SharedGradient::is_finite() const {
  const c10::NoGradGuard no_grad;
  std::vector<at::Tensor> sums;
  for (const at::Tensor& flat : flat_gradients(parameters_)) sums.push_back(flat.sum(at::kDouble));
  return std::ranges::all_of(read_back(sums), [](double sum) { return std::isfinite(sum); });
}

}  // namespace lldm
