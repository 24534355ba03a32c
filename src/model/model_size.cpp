// SPDX-License-Identifier: MIT
#include "model/model_size.hpp"

#include <cmath>

#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "memory/machine_memory.hpp"

namespace lldm {

double model_bytes(const LladaConfig& config, std::int64_t bytes_per_value) {
  const auto width = static_cast<double>(config.d_model);
  const double qkv = width + 2 * width / static_cast<double>(config.n_heads) *
                                 static_cast<double>(config.n_kv_heads);
  const double block = qkv * (width + 1) + width * width +
                       3 * width * static_cast<double>(config.mlp_hidden_size) + 2 * width;
  const double embeddings =
      (config.weight_tying ? 1.0 : 2.0) * width * static_cast<double>(config.embedding_size);
  const double rotations =
      static_cast<double>(config.max_sequence_length) * width / static_cast<double>(config.n_heads);
  const double values = embeddings + static_cast<double>(config.n_layers) * block + rotations;
  return values * static_cast<double>(bytes_per_value);
}

std::string size_text(double bytes) {
  constexpr double kLargest = 9e18;  // of an integer
  if (bytes < kLargest) return bytes_text(static_cast<std::uint64_t>(bytes));
  return message(std::llround(bytes / std::pow(1024.0, 6) / 1e6), " million EiB");
}

std::string model_size_problem(const LladaConfig& config, std::int64_t bytes_per_value,
                               std::int64_t available) {
  const double needed = model_bytes(config, bytes_per_value);
  if (needed <= static_cast<double>(available)) return "";
  return message("its weights need ", size_text(needed), ", there are ",
                 size_text(static_cast<double>(available)), "\n  width ", config.d_model,
                 ", layers ", config.n_layers, ", MLP width ", config.mlp_hidden_size,
                 ", vocabulary ", config.embedding_size, ", longest text ",
                 config.max_sequence_length);
}

void require_model_fits(const LladaConfig& config, std::int64_t bytes_per_value,
                        const std::string& where) {
  const std::string problem = model_size_problem(config, bytes_per_value, machine_memory_bytes());
  if (!problem.empty())
    throw ConfigError(message(where, ": the model is too large for this machine: ", problem));
}

}  // namespace lldm
