// SPDX-License-Identifier: MIT
#include "model/streamed_store.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "model/block_tensors.hpp"

namespace lldm {
namespace {

constexpr std::int64_t kAlignment = 64;  // as LibTorch's own allocations on the host

/// Whether a plain matrix lies right behind the one before it (BlockWeights).
bool is_stacked(MatrixOf member) {
  return member == &BlockWeights::k_proj || member == &BlockWeights::v_proj ||
         member == &BlockWeights::up_proj;
}

/// The block's matrices in other memory, at `place(bytes, is_stacked)`'s tensors.
template <class Place>
BlockWeights with_matrices(const BlockWeights& block, const Place& place) {
  BlockWeights other = block;
  for (const BlockTensor& part : kBlockTensors) {
    if (!part.matrix || !(block.*part.matrix).defined()) continue;
    const Matrix& matrix = block.*part.matrix;
    const bool follows = matrix.is_plain() && is_stacked(part.matrix);
    other.*part.matrix =
        matrix.placed([&](const at::Tensor& like) { return place(like, follows); });
  }
  return other;
}

/// Where parts lie in a block's stretch of memory, one after the other.
class Layout {
 public:
  std::int64_t next(const at::Tensor& like, bool follows) {
    if (!follows) end_ = (end_ + kAlignment - 1) / kAlignment * kAlignment;
    return std::exchange(end_, end_ + static_cast<std::int64_t>(like.nbytes()));
  }
  [[nodiscard]] std::int64_t bytes() const {
    return (end_ + kAlignment - 1) / kAlignment * kAlignment;
  }

 private:
  std::int64_t end_ = 0;
};

/// The block whose matrices are views of `bytes`.
BlockWeights block_in(const at::Tensor& bytes, const BlockWeights& like) {
  Layout layout;
  return with_matrices(like, [&](const at::Tensor& part, bool follows) {
    return bytes.narrow(0, layout.next(part, follows), static_cast<std::int64_t>(part.nbytes()))
        .view(part.scalar_type())
        .view(part.sizes());
  });
}

constexpr std::string_view kRemedies =
    "  ulimit -l unlimited lets it (of a container: --ulimit memlock=-1)\n"
    "  fewer bytes: [model] storage = \"bfloat16\", \"int8\" or \"nf4\" (other numbers)\n"
    "  none: [memory] frozen_weights = \"resident\"";

}  // namespace

std::int64_t StreamedStore::bytes_of(const BlockWeights& block) {
  Layout layout;
  with_matrices(block, [&](const at::Tensor& part, bool follows) {
    layout.next(part, follows);
    return part;
  });
  return layout.bytes();
}

StreamedStore::StreamedStore(const BlockWeights& block, std::int64_t blocks, at::Device device,
                             const WeightPlacement& placement)
    : slot_bytes_(bytes_of(block)), poisons_(placement.poisons), copies_(placement.copies) {
  const PurposeScope purpose(MemoryPurpose::weights);
  slab_ = memory::locked_memory(blocks * slot_bytes_, memory::page_lock_of(device),
                                "streamed weights", kRemedies);
  for (std::int64_t i = 0; i < blocks; ++i) {
    BlockWeights own = block_in(slab_.narrow(0, i * slot_bytes_, slot_bytes_), block);
    for (const BlockTensor& part : kBlockTensors)
      if (part.vector && (own.*part.vector).defined())
        own.*part.vector =
            at::zeros((own.*part.vector).sizes(), (own.*part.vector).options().device(device));
    blocks_.push_back(std::make_shared<const BlockWeights>(std::move(own)));
  }
  // More slots than blocks are no use.
  slots_.resize(
      static_cast<std::size_t>(std::min(std::max<std::int64_t>(placement.blocks, 1), blocks)));
  for (Slot& slot : slots_)
    slot.bytes = at::empty({slot_bytes_}, at::TensorOptions(at::kByte).device(device));
  if (!copies_) copies_ = memory::make_copy_engine(device, slots_.size());
  version_ = slab_._version();
}

StreamedStore::~StreamedStore() {
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) copies_->wait(slot);
}

std::optional<std::size_t> StreamedStore::find(std::size_t block) const {
  for (std::size_t s = 0; s < slots_.size(); ++s)
    if (slots_[s].block == block) return s;
  return std::nullopt;
}

std::optional<std::size_t> StreamedStore::free_slot(std::int64_t first, std::int64_t last) const {
  std::optional<std::size_t> found;
  for (std::size_t s = 0; s < slots_.size(); ++s) {
    const Slot& slot = slots_[s];
    if (slot.holders > 0) continue;
    if (!slot.block) return s;
    const auto block = static_cast<std::int64_t>(*slot.block);
    if (block >= first && block <= last) continue;
    if (!found || slot.used < slots_[*found].used) found = s;
  }
  return found;
}

void StreamedStore::send(std::size_t slot, std::size_t block) const {
  // Whoever computed with what the slot held has given it to the device before.
  copies_->begin();
  copies_->send(slot, slots_[slot].bytes,
                slab_.narrow(0, static_cast<std::int64_t>(block) * slot_bytes_, slot_bytes_));
  slots_[slot].block = block;
  slots_[slot].has_arrived = false;
  slots_[slot].used = clock_;
  ++num_copies_;
}

void StreamedStore::look_ahead(std::size_t block) const {
  const auto now = static_cast<std::int64_t>(block), all = static_cast<std::int64_t>(size());
  const auto ahead = static_cast<std::int64_t>(slots_.size()) - 1;
  // At the top a walk with a graph turns; one without begins again.
  const bool wraps = !is_down_ && !at::GradMode::is_enabled();
  for (std::int64_t i = 1; i <= ahead; ++i) {
    std::int64_t next = is_down_ ? now - i : now + i;
    if (next >= all && wraps) next -= all;
    if (next < 0 || next >= all) return;
    if (find(static_cast<std::size_t>(next))) continue;
    const auto slot = is_down_ ? free_slot(next, now) : free_slot(now, now + i);
    if (!slot) return;
    send(*slot, static_cast<std::size_t>(next));
  }
}

void StreamedStore::forget_changed() const {
  if (slab_._version() == version_) return;
  version_ = slab_._version();
  for (Slot& slot : slots_) {
    if (slot.holders > 0)
      throw Error("StreamedStore: weights were changed while a block was computed with them");
    slot.block.reset();
  }
}

std::shared_ptr<const BlockWeights> StreamedStore::handle_of(std::size_t s) const {
  Slot& slot = slots_[s];
  if (auto held = slot.handle.lock()) return held;
  auto block = std::make_unique<BlockWeights>(block_in(slot.bytes, *blocks_[*slot.block]));
  auto store = std::static_pointer_cast<const StreamedStore>(shared_from_this());
  // The slot's weak pointer keeps this function: it must not keep the store once it was called.
  auto give = [store = std::move(store), s](const BlockWeights* gone) mutable {
    delete gone;
    std::exchange(store, nullptr)->give_back(s);
  };
  std::shared_ptr<const BlockWeights> handle(block.release(), std::move(give));
  ++slot.holders;
  slot.handle = handle;
  return handle;
}

void StreamedStore::give_back(std::size_t s) const {
  const std::scoped_lock lock(mutex_);
  Slot& slot = slots_[s];
  if (--slot.holders > 0 || !poisons_) return;
  constexpr int kPoison = 0xff;  // not a number, in every dtype of weights or of their scales
  slot.bytes.fill_(kPoison);
  slot.block.reset();
}

std::shared_ptr<const BlockWeights> StreamedStore::acquire(std::size_t block) const {
  const std::scoped_lock lock(mutex_);
  forget_changed();
  const bool is_visit = last_ != block;
  if (is_visit) {
    ++clock_;
    // A jump to the lowest block begins anew; a step down is backward's.
    if (last_) is_down_ = block < *last_ && block != 0;
    if (block == 0) is_down_ = false;
    last_ = block;
  }
  auto slot = find(block);
  if (!slot) {
    const auto now = static_cast<std::int64_t>(block);
    slot = free_slot(now, now);
    if (!slot)
      throw Error(message("StreamedStore: block ", block, " is asked for while ", slots_.size(),
                          " others are held, as many as [memory] streamed_blocks"));
    send(*slot, block);
  }
  if (!slots_[*slot].has_arrived) copies_->arrive(*slot);
  slots_[*slot].has_arrived = true;
  slots_[*slot].used = clock_;
  auto handle = handle_of(*slot);
  if (is_visit) look_ahead(block);
  return handle;
}

std::int64_t StreamedStore::drop_look_ahead() {
  const std::scoped_lock lock(mutex_);
  std::int64_t bytes = 0;
  while (slots_.size() > 1 && slots_.back().holders == 0) {
    copies_->wait(slots_.size() - 1);
    slots_.pop_back();
    bytes += slot_bytes_;
  }
  return bytes;
}

std::int64_t StreamedStore::num_copies() const {
  const std::scoped_lock lock(mutex_);
  return num_copies_;
}

}  // namespace lldm
