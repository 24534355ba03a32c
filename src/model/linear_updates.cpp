// SPDX-License-Identifier: MIT
// The low-rank updates of a block's product: forward, and what both gradients read of them.
#include <ATen/ops/cat.h>
#include <ATen/ops/mm.h>

#include <algorithm>

#include "model/block_dropout.hpp"
#include "model/block_parts.hpp"
#include "model/linear.hpp"
#include "model/products.hpp"
#include "model/thin_products.hpp"
#include "model/wide_products.hpp"

namespace lldm {

at::Tensor Linear::mask(std::size_t part, const at::TensorOptions& options) const {
  const auto member = parts()[part].lora;
  auto whole = dropout_mask(context_, place_of(member), adapters_.*member, options);
  return whole.defined() && places_.defined() ? whole.index_select(0, places_) : whole;
}

bool Linear::are_updates_wide() const {
  const auto is_even = [&](const Projection& part) {
    const Lora& lora = adapters_.*part.lora;
    return !lora.a.defined() || lora.a.size(0) % 2 == 0;
  };
  return compute_ == at::kBFloat16 && context_.cosines.is_cpu() &&
         context_.cosines.scalar_type() == at::kFloat && has_wide_products() &&
         std::ranges::all_of(parts(), is_even);
}

at::Tensor Linear::thin(const at::Tensor& a, const at::Tensor& b) const {
  if (is_on_device_) return device_product(a, b, compute_);
  return a.scalar_type() == at::kBFloat16 ? wide_thin_product(a, b.to(compute_))
                                          : thin_product(a, b);
}

void Linear::add_thin(const at::Tensor& y, const at::Tensor& a, const at::Tensor& b,
                      double scale) const {
  if (is_on_device_)
    device_product(y, read(scale == 1 ? a : a.mul(scale)), read(b), /*adds=*/true);
  else
    add_thin_product(y, a, b, scale);
}

Linear::ByPart Linear::lowered(const at::Tensor& x, const at::Tensor& input) const {
  ByPart result;
  std::vector<at::Tensor> sides;  // of those that read x as it is: one product
  std::vector<std::size_t> readers;
  each_update([&](std::size_t part, std::int64_t, std::int64_t, const Lora& lora) {
    if (const auto hidden = mask(part, x.options()); hidden.defined()) {
      result[part] = thin(x.mul(hidden).to(input.scalar_type()), lora.a.detach().t());
      return;
    }
    sides.push_back(lora.a.detach());
    readers.push_back(part);
  });
  if (sides.empty()) return result;
  const auto all = thin(input, (sides.size() == 1 ? sides.front() : at::cat(sides)).t());
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < sides.size(); ++i) {
    result[readers[i]] = all.narrow(1, begin, sides[i].size(0));
    begin += sides[i].size(0);
  }
  return result;
}

void Linear::add_updates(const at::Tensor& y, const at::Tensor& x, const at::Tensor& input) const {
  const ByPart low = lowered(x, input);
  each_update([&](std::size_t part, std::int64_t place, std::int64_t rows, const Lora& lora) {
    add_thin(y.narrow(1, place, rows), low[part], lora.b.detach().t(), lora.scale);
  });
}

Linear::ByPart Linear::factors(const ByPart& low) const {
  ByPart result;
  each_update([&](std::size_t part, std::int64_t, std::int64_t, const Lora& lora) {
    if (low[part].defined()) result[part] = low[part].mul(lora.scale).to(compute_);
  });
  return result;
}

WideUpdate Linear::update_of(const Tile& tile, const ByPart& low) const {
  if (!low[tile.part].defined()) return {};
  const at::Tensor b = (adapters_.*parts()[tile.part].lora).b.detach();
  return {low[tile.part], b.narrow(0, tile.begin, tile.values.size(0)).to(compute_).t()};
}

WideUpdate Linear::update_back(const Tile& tile, const ByPart& low) const {
  if (!low[tile.part].defined() || tile.begin > 0) return {};
  return {low[tile.part], (adapters_.*parts()[tile.part].lora).a.detach().to(compute_)};
}

const at::Tensor& Linear::slopes(const at::Tensor& dy) const {
  if (!slopes_.defined()) slopes_ = dy.to(compute_);
  return slopes_;
}

const at::Tensor& Linear::raised(std::size_t part, const at::Tensor& dy) const {
  if (!raised_[part].defined())
    raised_[part] = thin(dy, (adapters_.*parts()[part].lora).b.detach());
  return raised_[part];
}

void Linear::add_input_gradients(const at::Tensor& dx, const at::Tensor& dy) const {
  const at::Tensor& from = is_on_device_ ? slopes(dy) : dy;
  each_update([&](std::size_t part, std::int64_t place, std::int64_t rows, const Lora& lora) {
    const auto& low = raised(part, from.narrow(1, place, rows));
    if (const auto hidden = mask(part, dy.options()); hidden.defined())
      dx.add_(at::mm(low, lora.a).mul_(hidden), lora.scale);
    else if (!is_wide_)
      add_thin(dx, low, lora.a.detach(), lora.scale);
  });
}

}  // namespace lldm
