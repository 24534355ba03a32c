// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "lldm/model/safetensors.hpp"

namespace lldm {

/// The entries of a header's JSON, one after another: never a tree of it, so that a header of the
/// largest legal size costs little more than its own bytes, and linear time.  Sizes and offsets are
/// not compared with one another here.
///
/// As the reference reader: white space around the object, unknown keys of an entry (their values
/// are skipped), entries in any order, `__metadata__` null.  Unlike it: a name that stands twice is
/// refused (it keeps the last), and so are names above kMaxTensorNameBytes or with a NUL, more than
/// kMaxTensorRank dimensions, and entries written as arrays.
///
/// Errors  DataError "where: InvalidHeader: ..." (no UTF-8) or "where:
///         InvalidHeaderDeserialization: ..." with line and column of the header.
///         A size above 63 bits is left negative, for who checks the layout.
SafetensorsHeader read_safetensors_entries(std::string_view json, const std::string& where);

}  // namespace lldm
