// SPDX-License-Identifier: MIT
#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace lldm {

/// One dtype of the safetensors format.
struct SafetensorsDtype {
  std::string_view name;
  int bits;                             // per element
  int order;                            // writing order: tensors of a higher one come first
  std::optional<c10::ScalarType> type;  // what holds it here; none: checked, but not readable
};

/// Null if the format has no dtype of that name.
const SafetensorsDtype* find_safetensors_dtype(std::string_view name);
/// Null if the format, or we, cannot store this type.
const SafetensorsDtype* find_safetensors_dtype(c10::ScalarType type);

}  // namespace lldm
