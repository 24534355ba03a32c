// SPDX-License-Identifier: MIT
#include "model/model_size.hpp"

#include <cmath>

#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "memory/machine_memory.hpp"
#include "model/quantized/dynamic_map.hpp"
#include "model/quantized/nf4.hpp"

namespace lldm {

std::string size_text(double bytes) {
  constexpr double kLargest = 9e18;  // of an integer
  if (bytes < kLargest) return bytes_text(static_cast<std::uint64_t>(bytes));
  const double exbibytes = bytes / std::pow(1024.0, 6);
  return exbibytes < 1e6 ? message(std::llround(exbibytes), " EiB")
                         : message(std::llround(exbibytes / 1e6), " million EiB");
}

double block_matrix_bytes(const ModelShape& shape, const Precision& precision) {
  const double values = shape.matrix_values;
  switch (precision.storage) {
    case WeightStorage::plain:
      return static_cast<double>(c10::elementSize(precision.rows())) * values;
    case WeightStorage::bfloat16:
      return 2 * values;
    case WeightStorage::int8:
      return values + 4 * shape.matrix_rows;
    case WeightStorage::nf4:
      // Half a byte a weight, a byte a block, a scale for 256 blocks.
      return values / 2 + values / static_cast<double>(kNf4Block) *
                              (1 + 4.0 / static_cast<double>(kDynamicBlock));
  }
  throw Error("block_matrix_bytes: no such storage");
}

double weight_bytes(const ModelShape& shape, const Precision& precision) {
  const auto plain = static_cast<double>(c10::elementSize(precision.rows()));
  const double vectors = shape.stored_values - static_cast<double>(shape.table_values) -
                         shape.matrix_values - shape.embedding_values;
  const double tables = precision.storage == WeightStorage::plain ? plain : 2;
  return plain * vectors + tables * shape.embedding_values + block_matrix_bytes(shape, precision);
}

std::string model_size_problem(const ModelShape& shape, double needed, std::int64_t available) {
  if (needed <= static_cast<double>(available)) return "";
  return message("its weights need ", size_text(needed), ", there are ",
                 size_text(static_cast<double>(available)), "\n  width ", shape.width, ", layers ",
                 shape.layers, ", MLP width ", shape.mlp_width, ", vocabulary ", shape.vocabulary,
                 ", longest text ", shape.max_length);
}

void require_model_fits(const ModelShape& shape, const Precision& precision,
                        const std::string& where) {
  const double tables = static_cast<double>(shape.table_values) *
                        static_cast<double>(c10::elementSize(precision.rows()));
  const std::string problem =
      model_size_problem(shape, weight_bytes(shape, precision) + tables, machine_memory_bytes());
  if (!problem.empty())
    throw ConfigError(message(where, ": the model is too large for this machine: ", problem));
}

}  // namespace lldm
