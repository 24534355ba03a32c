// SPDX-License-Identifier: MIT
#include "train/dynamic_codes.hpp"

#include <array>
#include <bit>
#include <limits>
#include <span>
#include <vector>

#include "model/quantized/dynamic_map.hpp"

namespace lldm {
namespace {

struct Table {
  std::vector<std::int32_t> codes;
  std::vector<float> middles;

  /// Of ascending magnitudes that begin with 0.
  explicit Table(std::span<const float> magnitudes) : codes(kDynamicBuckets) {
    for (std::size_t i = 0; i + 1 < magnitudes.size(); ++i)
      middles.push_back((magnitudes[i] + magnitudes[i + 1]) / 2);
    middles.push_back(std::numeric_limits<float>::infinity());
    std::int32_t code = 0;
    for (std::int32_t bucket = 0; bucket < kDynamicBuckets; ++bucket) {
      const auto least = std::bit_cast<float>((bucket + kDynamicFirst) << kDynamicShift);
      while (least > middles[static_cast<std::size_t>(code)]) ++code;
      codes[static_cast<std::size_t>(bucket)] = bucket == 0 ? 0 : code;
    }
  }
};

}  // namespace

const DynamicTables& dynamic_tables() {
  static const Table first(std::span(dynamic_map(true)).subspan(kSignedZero)),
      second{std::span(dynamic_map(false))};
  static const DynamicTables tables{dynamic_map(true).data(), dynamic_map(false).data(),
                                    first.codes.data(),       second.codes.data(),
                                    first.middles.data(),     second.middles.data()};
  return tables;
}

}  // namespace lldm
