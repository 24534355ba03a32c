// SPDX-License-Identifier: MIT
#include "train/shared_gradient.hpp"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "lldm/memory/purpose.hpp"
#include "track/read_backs.hpp"
#include "train/flat_gradients.hpp"

namespace lldm {
namespace {

at::Device device_of(const std::vector<NamedParameter>& parameters) {
  return parameters.empty() ? at::Device(at::kCPU) : parameters.front().value.device();
}

}  // namespace

SharedGradient::SharedGradient(std::vector<NamedParameter> parameters, ProcessGroup* group,
                               Reduction reduction)
    : parameters_(std::move(parameters)), group_(group), reduction_(reduction) {
  if (reduction_ == Reduction::fast) {
    if (group_)
      buckets_ = std::make_unique<GradientBuckets>(
          parameters_, std::make_unique<GroupSums>(*group_, device_of(parameters_)));
    return;
  }
  const PurposeScope scope(MemoryPurpose::gradients);
  for (const at::Tensor& flat : flat_gradients(parameters_)) sum_.push_back(at::zeros_like(flat));
}

std::unique_ptr<LastBackward> SharedGradient::in_last_part(std::function<void()> before_followed) {
  if (!buckets_) return nullptr;
  return std::make_unique<LastBackward>(
      [buckets = buckets_.get(), before = std::move(before_followed)] { buckets->watch(before); });
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

void SharedGradient::end_parts() {
  if (buckets_) buckets_->begin_rest();
}

void SharedGradient::end_parts_anyway() noexcept {
  if (buckets_) buckets_->begin_rest_anyway();
}

void SharedGradient::abandon() noexcept {
  if (buckets_) buckets_->abandon();
}

void SharedGradient::finish() {
  if (buckets_) buckets_->finish();
  if (reduction_ != Reduction::ordered) return;
  const c10::NoGradGuard no_grad;
  const std::vector<at::Tensor> own = flat_gradients(parameters_);
  for (std::size_t i = 0; i < own.size(); ++i) at::Tensor(own[i]).copy_(sum_[i]);
}

bool SharedGradient::is_finite() const {
  if (buckets_) return buckets_->is_finite();
  const c10::NoGradGuard no_grad;
  std::vector<at::Tensor> sums;
  for (const at::Tensor& flat : flat_gradients(parameters_)) sums.push_back(finite_figure(flat));
  return std::ranges::all_of(read_back(sums), [](double sum) { return std::isfinite(sum); });
}

}  // namespace lldm
