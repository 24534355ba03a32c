// SPDX-License-Identifier: MIT
#include "model/kept_rows.hpp"

#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

#include <utility>

#include "lldm/memory/purpose.hpp"

namespace lldm {

KeptRows::KeptRows(at::Device device, std::shared_ptr<memory::CopyEngine> copies)
    : device_(device), copies_(std::move(copies)) {
  if (!copies_) copies_ = memory::make_copy_engine(device, kSlots);
}

KeptRows::~KeptRows() {
  for (std::size_t slot = 0; slot < kSlots; ++slot) copies_->wait(slot);
}

std::shared_ptr<KeptRows::Kept> KeptRows::put(const at::Tensor& rows, at::Tensor& host) {
  const c10::NoGradGuard no_gradient;
  const std::scoped_lock lock(mutex_);
  const std::size_t way = next_leaving_++ % kWays;
  // The rows before are given up: what is computed from now on waits until they have left.
  if (leaving_[way].rows.defined()) copies_->arrive(way);
  leaving_[way] = {};
  host = memory::host_memory(rows.numel(), rows.scalar_type(), device_).view(rows.sizes());
  auto kept = std::make_shared<Kept>(host, last_);
  copies_->begin();
  copies_->fetch(way, host, rows);
  leaving_[way] = {kept, rows};
  last_ = kept;
  return kept;
}

void KeptRows::let_go() {
  for (std::size_t way = 0; way < kWays; ++way) {
    if (leaving_[way].rows.defined()) copies_->arrive(way);
    leaving_[way] = {};
  }
}

void KeptRows::send(std::size_t way, const std::shared_ptr<Kept>& kept, const at::Tensor& host) {
  const PurposeScope purpose(MemoryPurpose::activations);
  coming_[way] = {kept, at::empty(host.sizes(), at::TensorOptions(host.dtype()).device(device_))};
  // After what wrote the host's rows, and what used this memory of the device before.
  copies_->begin();
  copies_->send(kWays + way, coming_[way].rows, host);
}

at::Tensor KeptRows::take(const std::shared_ptr<Kept>& kept, const at::Tensor& host) {
  const c10::NoGradGuard no_gradient;
  const std::scoped_lock lock(mutex_);
  at::Tensor rows;
  for (const Way& way : leaving_)
    if (way.kept.lock() == kept) rows = way.rows;  // they have not left yet
  let_go();
  for (std::size_t way = 0; way < kWays && !rows.defined(); ++way)
    if (coming_[way].kept.lock() == kept) {
      copies_->arrive(kWays + way);
      rows = std::exchange(coming_[way], {}).rows;
    }
  if (!rows.defined()) {
    const std::size_t way = next_coming_++ % kWays;
    if (coming_[way].rows.defined()) copies_->arrive(kWays + way);
    send(way, kept, host);
    copies_->arrive(kWays + way);
    rows = std::exchange(coming_[way], {}).rows;
  }
  const auto before = kept->before_.lock();
  if (const at::Tensor there = before ? at::Tensor(before->host_.lock()) : at::Tensor();
      there.defined()) {
    const std::size_t way = next_coming_++ % kWays;
    // Rows that nobody came for.
    if (coming_[way].rows.defined()) copies_->arrive(kWays + way);
    send(way, before, there);
  }
  return rows;
}

}  // namespace lldm
