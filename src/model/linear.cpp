// SPDX-License-Identifier: MIT
#include "model/linear.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "lldm/memory/purpose.hpp"
#include "model/block_dropout.hpp"
#include "model/block_parts.hpp"
#include "model/products.hpp"
#include "model/thin_products.hpp"
#include "model/wide_products.hpp"

namespace lldm {

std::int64_t Linear::out() const {
  std::int64_t rows = 0;
  for (const auto& part : parts()) rows += weight(part).rows();
  return rows;
}

at::Tensor Linear::bias() const {
  std::vector<at::Tensor> biases;
  for (const auto& part : parts())
    if (part.bias && (weights_.*part.bias).defined()) biases.push_back(weights_.*part.bias);
  if (biases.empty()) return {};
  return biases.size() == 1 ? biases.front() : at::cat(biases);
}

bool Linear::is_direct() const {
  return std::ranges::all_of(parts(), [&](const Projection& part) {
    return weight(part).is_plain() && weight(part).values().scalar_type() == compute_;
  });
}

at::Tensor Linear::joined() const {
  std::vector<at::Tensor> list;
  std::int64_t rows = 0;
  bool is_adjacent = true;
  for (const auto& part : parts()) {
    const at::Tensor& values = weight(part).values();
    list.push_back(values.detach());
    is_adjacent &= values.is_contiguous() && values.storage().is_alias_of(list[0].storage()) &&
                   values.storage_offset() == list[0].storage_offset() + rows * list[0].size(1);
    rows += values.size(0);
  }
  if (list.size() == 1) return list.front();
  if (!is_adjacent) return at::cat(list);
  return list[0].as_strided({rows, list[0].size(1)}, {list[0].size(1), 1},
                            list[0].storage_offset());
}

template <class Use>
void Linear::each_tile(const Use& use) const {
  std::int64_t place = 0;
  for (std::size_t part = 0; part < parts().size(); ++part) {
    const Matrix& matrix = weight(parts()[part]);
    const std::int64_t row_bytes =
        matrix.columns() * static_cast<std::int64_t>(c10::elementSize(compute_));
    const bool is_on_cpu = matrix.values().device().is_cpu();
    // Read as they lie, where the product does.
    const bool is_whole = matrix.storage() == WeightStorage::bfloat16 &&
                          compute_ == at::kBFloat16 && (!is_on_cpu || has_wide_products());
    const std::int64_t step = is_whole ? matrix.rows() : rows_of_tile(row_bytes, is_on_cpu);
    for (std::int64_t begin = 0; begin < matrix.rows(); begin += step) {
      const std::int64_t count = std::min(step, matrix.rows() - begin);
      at::Tensor tile;
      {
        const PurposeScope purpose(MemoryPurpose::workspace);
        tile = matrix.dequantized(begin, count, compute_).detach();
      }
      use(Tile{part, begin, place + begin, tile});
    }
    place += matrix.rows();
  }
}

void Linear::multiply(const at::Tensor& y, const at::Tensor& a, const at::Tensor& b, bool adds,
                      const WideUpdate& update) const {
  if (is_on_device_) return device_product(y, a, b, adds);
  if (wide_product(y, a, b, adds, update)) return;
  if (adds)
    y.add_(product(a, b));
  else
    y.copy_(rows_by(a, b.t()));
  if (update.a.defined()) y.add_(product(update.a, update.b));
}

at::Tensor Linear::forward(const at::Tensor& x, const at::Tensor& residual) const {
  at::Tensor y, input = x;
  if (is_direct()) {
    y = rows_by(x, joined());
  } else {
    y = at::empty({x.size(0), out()}, x.options());
    input = rounded(x, compute_);
    const ByPart low = is_wide_ ? factors(lowered(x, input)) : ByPart{};
    each_tile([&](const Tile& tile) {
      multiply(y.narrow(1, tile.place, tile.values.size(0)), input, tile.values.t(),
               /*adds=*/false, update_of(tile, low));
    });
  }
  if (residual.defined()) y.add_(residual);
  if (const auto biases = bias(); biases.defined()) y.add_(biases);
  if (!is_wide_) add_updates(y, x, is_on_device_ ? input : x);
  return y;
}

at::Tensor Linear::forward_columns(const at::Tensor& x) const {
  at::Tensor y, input = x;
  if (is_direct()) {
    y = context_.parts->is_feature_major ? columns_by(x, joined()) : rows_by(x, joined()).t();
  } else {
    y = context_.parts->columns(out(), x.size(0), x.options());
    input = rounded(x, compute_);
    const ByPart low = is_wide_ ? factors(lowered(x, input)) : ByPart{};
    each_tile([&](const Tile& tile) {
      const auto part = y.narrow(0, tile.place, tile.values.size(0));
      if (is_on_device_) return device_product(part, tile.values, input.t(), /*adds=*/false);
      WideUpdate update = update_of(tile, low);
      if (update.a.defined()) update = {update.b.t(), update.a.t()};
      if (wide_product(part, tile.values, input.t(), /*adds=*/false, update)) return;
      part.copy_(columns_by(input, tile.values));
      if (update.a.defined()) part.add_(product(update.a, update.b));
    });
  }
  if (const auto biases = bias(); biases.defined()) y.add_(biases.unsqueeze(1));
  if (!is_wide_) add_updates(y.t(), x, is_on_device_ ? input : x);
  return y;
}

at::Tensor Linear::base_input_gradient(const at::Tensor& dy) const {
  if (is_direct()) return product(dy, joined());
  const std::int64_t in = weight(parts().front()).columns();
  // The first tile's product is written, not added, where products write into their place.
  const bool is_written = is_on_device_ || is_wide_;
  auto dx = is_written ? at::empty({dy.size(0), in}, dy.options())
                       : at::zeros({dy.size(0), in}, dy.options());
  const auto from = is_on_device_ ? slopes(dy) : rounded(dy, compute_);
  ByPart low;
  if (is_wide_)
    each_update([&](std::size_t part, std::int64_t place, std::int64_t rows, const Lora&) {
      const at::Tensor& own = raised(part, from.narrow(1, place, rows));
      if (!mask(part, dy.options()).defined()) low[part] = own;
    });
  low = factors(low);
  each_tile([&](const Tile& tile) {
    multiply(dx, from.narrow(1, tile.place, tile.values.size(0)), tile.values,
             /*adds=*/!is_written || tile.place > 0, update_back(tile, low));
  });
  return dx;
}

at::Tensor Linear::input_gradient(const at::Tensor& dy) const {
  auto dx = base_input_gradient(dy);
  add_input_gradients(dx, dy);
  return dx;
}

at::Tensor Linear::input_gradient_columns(const at::Tensor& dy) const {
  at::Tensor dx;
  if (!context_.parts->is_feature_major) {
    dx = base_input_gradient(dy).t();
  } else if (is_direct()) {
    dx = product(joined().t(), dy.t());
  } else {
    dx = context_.parts->columns(weight(parts().front()).columns(), dy.size(0), dy.options());
    copy_turned(dx, base_input_gradient(dy));
  }
  add_input_gradients(dx.t(), dy);
  return dx;
}

void Linear::gradients(const at::Tensor& x, const at::Tensor& dy, Gradients& result) const {
  const PurposeScope purpose(MemoryPurpose::gradients);
  const auto any = [&](const auto& wants) { return std::ranges::any_of(parts(), wants); };
  const auto adds_inside = [&](const Projection& part) {
    const at::Tensor target = result.target(part.weight);
    return target.defined() && !target.is_cpu() && target.scalar_type() == compute_;
  };
  if (std::ranges::all_of(parts(), adds_inside)) {
    std::int64_t place = 0;
    for (const auto& part : parts()) {
      const std::int64_t rows = weight(part).rows();
      result.target(part.weight).addmm_(slopes(dy).narrow(1, place, rows).t(), x.to(compute_));
      place += rows;
    }
  } else if (any([&](const Projection& part) { return result.wants(part.weight); })) {
    // Of a bfloat16 weight rounded once, where it is added.
    const auto whole = is_on_device_ ? device_product(slopes(dy).t(), x, compute_)
                                     : outer_product(dy, x, compute_);
    std::int64_t place = 0;
    for (const auto& part : parts()) {
      const auto own = whole.narrow(0, place, weight(part).rows());
      result.set(part.weight, result.target(part.weight).defined()
                                  ? own
                                  : own.to(weight(part).values().scalar_type()));
      place += weight(part).rows();
    }
  }
  if (any([&](const Projection& part) { return part.bias && result.wants(part.bias); })) {
    const auto whole = dy.sum(0);
    std::int64_t place = 0;
    for (const auto& part : parts()) {
      result.set(part.bias, whole.narrow(0, place, weight(part).rows()));
      place += weight(part).rows();
    }
  }
  if (!any([&](const Projection& part) { return result.wants_update(part.lora); })) return;
  // They are added where they lie: what they and their factors take goes when they are made.
  const PurposeScope rows_purpose(MemoryPurpose::activations);
  const auto input = read(x);
  const at::Tensor& from = is_on_device_ ? slopes(dy) : dy;
  const ByPart low = lowered(x, input);
  each_update([&](std::size_t part, std::int64_t place, std::int64_t rows, const Lora& lora) {
    const auto member = parts()[part].lora;
    if (!result.wants_update(member)) return;
    const auto own = from.narrow(1, place, rows);
    const auto hidden = mask(part, x.options());
    const at::Tensor given = hidden.defined() ? dropped(x, hidden) : input,
                     slope = raised(part, own).mul(lora.scale), lower = low[part].mul(lora.scale);
    result.set_update(member, thin(given.t(), slope).t(), thin(own.t(), lower));
  });
}

}  // namespace lldm
