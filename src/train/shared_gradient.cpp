// SPDX-License-Identifier: MIT
#include "train/shared_gradient.hpp"

#include <ATen/ops/empty.h>
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

bool has_gradients(const std::vector<NamedParameter>& parameters) {
  return std::ranges::all_of(parameters, [](const NamedParameter& one) {
    return !one.value.requires_grad() || one.value.grad().defined();
  });
}

}  // namespace

SharedGradient::SharedGradient(std::vector<NamedParameter> parameters, ProcessGroup* group,
                               Reduction reduction)
    : parameters_(std::move(parameters)), group_(group), reduction_(reduction) {
  const auto allocate = [&] {
    const PurposeScope scope(MemoryPurpose::gradients);
    const std::vector<at::Tensor> own = flat_gradients(parameters_);
    if (reduction_ == Reduction::ordered)
      for (const at::Tensor& flat : own) sum_.push_back(at::zeros_like(flat));
  };
  // Behind the first step gradients are there, on all ranks alike.
  if (group_ && (reduction_ == Reduction::ordered || !has_gradients(parameters_)))
    group_->agree_on_room(allocate);
  else if (reduction_ == Reduction::ordered)
    allocate();
  if (group_ && reduction_ == Reduction::fast)
    buckets_ = std::make_unique<GradientBuckets>(
        parameters_, std::make_unique<GroupSums>(*group_, device_of(parameters_)));
}

std::unique_ptr<LastBackward> SharedGradient::in_last_part(std::function<void()> before_followed) {
  if (!buckets_) return nullptr;
  return std::make_unique<LastBackward>(
      [buckets = buckets_.get(), before = std::move(before_followed)] { buckets->watch(before); });
}

void SharedGradient::make_room() {
  if (reduction_ != Reduction::ordered) return;
  const PurposeScope scope(MemoryPurpose::gradients);
  own_ = flat_gradients(parameters_);
  if (!group_) return;
  std::int64_t most = 0;  // of one run: they come one after another
  for (const at::Tensor& run : own_) most = std::max(most, static_cast<std::int64_t>(run.nbytes()));
  other_ = at::empty({most}, at::TensorOptions(at::kByte).device(device_of(parameters_)));
}

void SharedGradient::after_round(int count) {
  if (reduction_ != Reduction::ordered) return;
  const c10::NoGradGuard no_grad;
  for (std::size_t i = 0; i < own_.size(); ++i) {
    const at::Tensor own = own_[i];
    at::Tensor other;
    if (group_)
      other = other_.narrow(0, 0, static_cast<std::int64_t>(own.nbytes())).view(own.scalar_type());
    for (int rank = 0; rank < count; ++rank) {
      const bool is_own = !group_ || rank == group_->rank();
      if (group_) group_->broadcast(is_own ? own : other, rank);
      sum_[i].add_(is_own ? own : other);
    }
    at::Tensor(own).zero_();
  }
  other_ = at::Tensor();
}

void SharedGradient::end_parts() {
  if (buckets_) buckets_->begin_rest();
}

void SharedGradient::abandon() noexcept {
  if (buckets_) buckets_->abandon();
}

void SharedGradient::finish() {
  if (buckets_) buckets_->finish();
  if (reduction_ != Reduction::ordered) return;
  const c10::NoGradGuard no_grad;
  for (std::size_t i = 0; i < own_.size(); ++i) at::Tensor(own_[i]).copy_(sum_[i]);
}

bool SharedGradient::is_finite() const {
  if (buckets_) return buckets_->is_finite();
  const c10::NoGradGuard no_grad;
  std::vector<at::Tensor> sums;
  for (const at::Tensor& flat : flat_gradients(parameters_)) sums.push_back(finite_figure(flat));
  return std::ranges::all_of(read_back(sums), [](double sum) { return std::isfinite(sum); });
}

}  // namespace lldm
