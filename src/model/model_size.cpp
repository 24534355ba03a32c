// SPDX-License-Identifier: MIT
#include "model/model_size.hpp"

#include <cmath>

#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "memory/machine_memory.hpp"

namespace lldm {

std::string size_text(double bytes) {
  constexpr double kLargest = 9e18;  // of an integer
  if (bytes < kLargest) return bytes_text(static_cast<std::uint64_t>(bytes));
  const double exbibytes = bytes / std::pow(1024.0, 6);
  return exbibytes < 1e6 ? message(std::llround(exbibytes), " EiB")
                         : message(std::llround(exbibytes / 1e6), " million EiB");
}

std::string model_size_problem(const ModelShape& shape, std::int64_t bytes_per_value,
                               std::int64_t available) {
  const double needed = shape.stored_values * static_cast<double>(bytes_per_value);
  if (needed <= static_cast<double>(available)) return "";
  return message("its weights need ", size_text(needed), ", there are ",
                 size_text(static_cast<double>(available)), "\n  width ", shape.width, ", layers ",
                 shape.layers, ", MLP width ", shape.mlp_width, ", vocabulary ", shape.vocabulary,
                 ", longest text ", shape.max_length);
}

void require_model_fits(const ModelShape& shape, std::int64_t bytes_per_value,
                        const std::string& where) {
  const std::string problem = model_size_problem(shape, bytes_per_value, machine_memory_bytes());
  if (!problem.empty())
    throw ConfigError(message(where, ": the model is too large for this machine: ", problem));
}

}  // namespace lldm
