// SPDX-License-Identifier: MIT
#include "model/adapter_targets.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/model/transformer.hpp"

namespace lldm {
namespace {

bool is_end_of(const std::string& module, const std::string& target) {
  return module == target || module.ends_with("." + target);
}

/// The shapes of one block's tensors, which are every block's.
std::map<std::string, std::vector<std::int64_t>> block_shapes(TransformerConfig config) {
  config.layers = 1;
  return tensor_shapes(config);
}

void check_targets(const LoraOptions& options, const std::vector<AdaptedMatrix>& all,
                   const TensorNames& names) {
  std::string known;
  for (const auto& matrix : all)
    if (matrix.block == 0)
      known += (known.empty() ? "" : ", ") + std::string(names.*matrix.part->module);
  for (const auto& target : options.targets)
    if (std::ranges::none_of(
            all, [&](const AdaptedMatrix& matrix) { return is_end_of(matrix.module, target); }))
      throw ConfigError(message("adapter: \"", target, "\" names no matrix\n  matrices: ", known));
}

}  // namespace

std::string module_name(const TensorNames& names, std::size_t block, const Projection& part) {
  return message(names.block, block, ".", names.*part.module);
}

std::vector<AdaptedMatrix> adapted_matrices(const TransformerConfig& config,
                                            const LoraOptions& options) {
  const TensorNames& names = family_of(config.family).names;
  const auto shapes = block_shapes(config);
  std::vector<AdaptedMatrix> matrices;
  for (std::size_t block = 0; block < static_cast<std::size_t>(config.layers); ++block)
    for (const auto& part : kProjections) {
      if (!(names.*part.module)) continue;
      const auto shape = shapes.find(module_name(names, 0, part) + ".weight");
      if (shape == shapes.end()) continue;
      matrices.push_back(
          {block, &part, module_name(names, block, part), shape->second[0], shape->second[1]});
    }
  check_targets(options, matrices, names);
  if (!options.targets.empty())
    std::erase_if(matrices, [&](const AdaptedMatrix& matrix) {
      return std::ranges::none_of(options.targets, [&](const std::string& target) {
        return is_end_of(matrix.module, target);
      });
    });
  return matrices;
}

AdapterShape adapter_shape(const std::vector<AdaptedMatrix>& matrices, std::int64_t rank) {
  constexpr std::pair<Product, ProductUpdates AdapterShape::*> kProducts[] = {
      {kSplitQkv, &AdapterShape::qkv},
      {kFusedQkv, &AdapterShape::qkv},
      {kAttentionOut, &AdapterShape::attn_out},
      {kGateUp, &AdapterShape::gate_up},
      {kMlpOut, &AdapterShape::ff_out}};
  std::map<std::size_t, AdapterShape> blocks;
  AdapterShape most;
  most.rank = matrices.empty() ? 0 : rank;
  if (!matrices.empty()) {
    const auto lowest = std::ranges::min_element(matrices, {}, &AdaptedMatrix::block);
    most.first_block = static_cast<std::int64_t>(lowest->block);
  }
  for (const AdaptedMatrix& matrix : matrices) {
    const auto part = static_cast<std::size_t>(matrix.part - kProjections.data());
    for (const auto& [product, updates] : kProducts) {
      if (part < product.begin || part >= product.end) continue;
      ProductUpdates& own = blocks[matrix.block].*updates;
      ++own.count, own.sides = std::max(own.sides, matrix.rows + matrix.columns);
      (most.*updates).count = std::max((most.*updates).count, own.count);
      (most.*updates).sides = std::max((most.*updates).sides, own.sides);
    }
  }
  return most;
}

AdapterShape adapter_shape(const TransformerConfig& config, const LoraOptions& options) {
  return adapter_shape(adapted_matrices(config, options), options.rank);
}

std::int64_t num_adapter_values(const TransformerConfig& config, const LoraOptions& options) {
  std::int64_t count = 0;
  for (const auto& matrix : adapted_matrices(config, options))
    count += options.rank * (matrix.rows + matrix.columns);
  return count;
}

}  // namespace lldm
