// SPDX-License-Identifier: MIT
// The safetensors header of a stranger's file: read whole or refused by name, never more.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "lldm/errors.hpp"
#include "lldm/model/safetensors.hpp"

namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::cerr << "fuzz safetensors: " << what << '\n';
  std::abort();
}

bool has_known_name(std::string_view text) {
  for (const std::string_view name :
       {"HeaderTooSmall", "HeaderTooLarge", "InvalidHeaderLength", "InvalidHeader",
        "InvalidHeaderDeserialization", "InvalidOffset", "TensorInvalidInfo", "ValidationOverflow",
        "MisalignedSlice", "MetadataIncompleteBuffer"}) {
    const std::string begin = lldm::message("f: ", name, ":");
    if (text.substr(0, begin.size()) == begin) return true;
  }
  return false;
}

/// What an accepted header promises to whoever reads the tensors.
void check_promises(const lldm::SafetensorsHeader& header, std::uint64_t bytes) {
  require(header.data_start >= 8 + 2 && header.data_start <= bytes, "data begin in the file");
  require(header.tensors.size() <= lldm::kMaxSafetensorsTensors, "number of tensors");
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  for (const auto& [name, entry] : header.tensors) {
    require(name.size() <= lldm::kMaxTensorNameBytes, "length of a name");
    require(entry.shape.size() <= lldm::kMaxTensorRank, "rank");
    require(entry.begin <= entry.end && entry.end <= bytes - header.data_start, "range");
    for (const std::int64_t size : entry.shape) require(size >= 0, "a negative size");
    ranges.emplace_back(entry.begin, entry.end);
  }
  std::sort(ranges.begin(), ranges.end());
  std::uint64_t end = 0;
  for (const auto& range : ranges) {
    require(range.first == end, "a hole or an overlap");
    end = range.second;
  }
  require(header.data_start + end == bytes, "bytes behind the data");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  try {
    check_promises(lldm::parse_safetensors_header(file, size, "f"), size);
  } catch (const lldm::DataError& error) {
    require(has_known_name(error.what()), error.what());
  }
  return 0;
}
