// SPDX-License-Identifier: MIT
// Which matrices of a model get an update, from its sizes alone: what makes an adapter and what
// counts one ahead go by the same list.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lldm/model/transformer_config.hpp"
#include "model/block_projections.hpp"

namespace lldm {

/// A matrix [rows, columns] beside which an update stands.
struct AdaptedMatrix {
  std::size_t block;
  const Projection* part;
  std::string module;  // "model.layers.3.self_attn.q_proj"
  std::int64_t rows, columns;
};

/// The name of a block's matrix in the model folder, without ".weight".
std::string module_name(const TensorNames& names, std::size_t block, const Projection& part);

/// Those that `options.targets` names, block by block in the order of kProjections.
///
/// Errors  ConfigError for a target that names no matrix of any block.
std::vector<AdaptedMatrix> adapted_matrices(const TransformerConfig& config,
                                            const LoraOptions& options);

/// What updates of `rank` beside these matrices are to a block.
AdapterShape adapter_shape(const std::vector<AdaptedMatrix>& matrices, std::int64_t rank);
AdapterShape adapter_shape(const TransformerConfig& config, const LoraOptions& options);

/// The numbers of a fresh adapter: rank (rows + columns) of each of them.
std::int64_t num_adapter_values(const TransformerConfig& config, const LoraOptions& options);

}  // namespace lldm
