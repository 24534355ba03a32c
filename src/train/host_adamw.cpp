// SPDX-License-Identifier: MIT
#include "lldm/train/host_adamw.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "memory/copy_engine.hpp"
#include "train/adamw_factors.hpp"
#include "train/slices.hpp"

namespace lldm {

struct HostAdamW::Piece {
  std::size_t tensor = 0;
  std::int64_t begin = 0, count = 0;
};

HostAdamW::HostAdamW(std::vector<NamedParameter> parameters, const Options& options, Ring ring)
    : Optimizer(std::move(parameters), options.max_gradient_norm),
      options_(options),
      ring_(std::move(ring)) {
  require_float32_or_bfloat16("adamw on the host");
  std::int64_t largest = 0, piece_bytes = 0;
  std::vector<at::Tensor> like, narrow;  // without memory of their own
  const auto shape = [](at::IntArrayRef sizes) { return at::empty({1}, at::kFloat).expand(sizes); };
  for (const NamedParameter& parameter : this->parameters()) {
    const at::Tensor& value = parameter.value;
    largest = std::max(largest, value.numel());
    piece_bytes = std::max(piece_bytes, std::min(ring_.numbers, value.numel()) *
                                            static_cast<std::int64_t>(value.element_size()));
    like.push_back(shape(value.sizes()));
    const bool is_narrow = value.scalar_type() == at::kBFloat16;
    narrow.push_back(is_narrow ? shape(value.sizes()) : at::empty({0}, at::kFloat));
  }
  {
    const PurposeScope scope(MemoryPurpose::optimizer);
    first_ = FlatTensors::zeros_like(like);
    second_ = FlatTensors::zeros_like(like);
    master_ = FlatTensors::zeros_like(narrow);
  }
  for (std::size_t i = 0; i < this->parameters().size(); ++i)
    if (has_master(i)) at::Tensor(master_[i]).copy_(this->parameters()[i].value.detach());
  if (this->parameters().empty()) return;
  const at::Device device = this->parameters().front().value.device();
  if (!ring_.copies) ring_.copies = memory::make_copy_engine(device, ring_.slots);
  ring_.numbers = std::min(ring_.numbers, largest);
  for (std::size_t slot = 0; slot < ring_.slots; ++slot)
    slots_.push_back({memory::host_memory(2 * piece_bytes, at::kByte, device)});
}

bool HostAdamW::has_master(std::size_t tensor) const {
  return parameters()[tensor].value.scalar_type() == at::kBFloat16;
}

std::vector<HostAdamW::Piece> HostAdamW::pieces() const {
  std::vector<Piece> pieces;
  for (std::size_t tensor = 0; tensor < parameters().size(); ++tensor)
    for (std::int64_t begin = 0, all = parameters()[tensor].value.numel(); begin < all;
         begin += ring_.numbers)
      pieces.push_back({tensor, begin, std::min(ring_.numbers, all - begin)});
  return pieces;
}

at::Tensor HostAdamW::part_of(const Slot& slot, const Piece& piece, int place) const {
  const at::Tensor& value = parameters()[piece.tensor].value;
  const auto bytes = piece.count * static_cast<std::int64_t>(value.element_size());
  return slot.bytes.narrow(0, place * slot.bytes.numel() / 2, bytes).view(value.scalar_type());
}

namespace {

at::Tensor part(const at::Tensor& tensor, std::int64_t begin, std::int64_t count) {
  return tensor.detach().view({-1}).narrow(0, begin, count);
}

}  // namespace

void HostAdamW::fetch(std::size_t slot, const Piece& piece) {
  const at::Tensor& value = parameters()[piece.tensor].value;
  if (!has_master(piece.tensor))
    ring_.copies->fetch(slot, part_of(slots_[slot], piece, 0),
                        part(value, piece.begin, piece.count));
  ring_.copies->fetch(slot, part_of(slots_[slot], piece, 1),
                      part(gradient(piece.tensor), piece.begin, piece.count));
}

void HostAdamW::compute(const Slot& slot, const Piece& piece, const Step& step) const {
  const AdamWFactors factors =
      adamw_factors(options_, step.learning_rate, step.gradient_scale, steps_done());
  const at::Tensor value = part_of(slot, piece, 0), slope = part_of(slot, piece, 1);
  auto* first = first_[piece.tensor].mutable_data_ptr<float>() + piece.begin;
  auto* second = second_[piece.tensor].mutable_data_ptr<float>() + piece.begin;
  const bool is_float32 = !has_master(piece.tensor);
  const std::vector<Slice> slices = cut({piece.count});
  in_parallel(slices.size(), [&](std::size_t s) {
    const auto [_, begin, end] = slices[s];
    if (is_float32)
      return adamw_float32({factors, value.mutable_data_ptr<float>(),
                            slope.mutable_data_ptr<float>(), first, second},
                           begin, end);
    adamw_master({factors, static_cast<std::uint16_t*>(value.mutable_data_ptr()),
                  static_cast<const std::uint16_t*>(slope.const_data_ptr()),
                  master_[piece.tensor].mutable_data_ptr<float>() + piece.begin, first, second},
                 begin, end);
  });
}

void HostAdamW::update(const Step& step) {
  const std::vector<Piece> all = pieces();
  const std::size_t ahead = slots_.size() - 1;
  memory::CopyEngine& copies = *ring_.copies;
  copies.begin();
  for (std::size_t i = 0; i < std::min(ahead, all.size()); ++i) fetch(i, all[i]);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::size_t slot = i % slots_.size();
    if (const std::size_t next = i + ahead; next < all.size()) {
      copies.wait(next % slots_.size());  // until the piece before it has left
      fetch(next % slots_.size(), all[next]);
    }
    copies.wait(slot);
    compute(slots_[slot], all[i], step);
    copies.send(slot, part(parameters()[all[i].tensor].value, all[i].begin, all[i].count),
                part_of(slots_[slot], all[i], 0));
  }
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) copies.wait(slot);
  copies.end();
  clear_gradients();
}

std::vector<NamedParameter> HostAdamW::state() const {
  std::vector<NamedParameter> state = moments(first_, second_);
  for (std::size_t i = 0; i < parameters().size(); ++i)
    if (has_master(i)) state.push_back({parameters()[i].name + ".master", master_[i]});
  return state;
}

}  // namespace lldm
