// SPDX-License-Identifier: MIT
#include "train/flat_gradients.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/set.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <algorithm>

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

at::Tensor finite_figure(const at::Tensor& flat) {
  if (!flat.is_cpu() || flat.scalar_type() == at::kDouble) return flat.sum(at::kDouble);
  constexpr std::int64_t kPiece = 1 << 16;
  double sum = 0;
  for (std::int64_t at = 0; at < flat.numel(); at += kPiece)
    sum += flat.narrow(0, at, std::min(kPiece, flat.numel() - at)).sum(at::kDouble).item<double>();
  return at::scalar_tensor(sum, at::kDouble);
}

}  // namespace lldm
