// SPDX-License-Identifier: MIT
#include "model/quantized/dynamic_map.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace lldm {
namespace {

/// `count` equal steps from 0.1 to 1, each rounded once, as torch.linspace gives them.
std::vector<float> steps(int count) {
  const double step = static_cast<double>((1.0F - 0.1F) / static_cast<float>(count - 1));
  std::vector<float> values;
  for (int i = 0; i < count; ++i)
    values.push_back(static_cast<float>(i < count / 2 ? static_cast<double>(0.1F) + step * i
                                                      : 1.0 - step * (count - 1 - i)));
  return values;
}

std::array<float, 256> make_map(bool is_signed) {
  std::vector<float> values{0.0F, 1.0F};
  constexpr int kExponents = 7;
  for (int e = 0; e < kExponents; ++e) {
    const auto bounds = steps((1 << (is_signed ? e : e + 1)) + 1);
    const auto scale = static_cast<float>(std::pow(10.0, e - (kExponents - 1)));
    for (std::size_t i = 0; i + 1 < bounds.size(); ++i) {
      const float value = (bounds[i] + bounds[i + 1]) / 2.0F * scale;
      values.push_back(value);
      if (is_signed) values.push_back(-value);
    }
  }
  std::ranges::sort(values);
  std::array<float, 256> map{};
  std::ranges::copy(values, map.begin());
  return map;
}

constexpr float kHalfSteps = 32767.5F;  // 65,536 places on [-1, 1]

std::vector<std::uint8_t> make_table() {
  const auto& map = dynamic_map(true);
  std::vector<std::uint8_t> table(65536);
  std::size_t code = 0;
  for (std::size_t place = 0; place < table.size(); ++place) {
    const double x = static_cast<double>(place) / static_cast<double>(kHalfSteps) - 1;
    while (code + 1 < map.size() && std::abs(x - static_cast<double>(map[code + 1])) <
                                        std::abs(x - static_cast<double>(map[code])))
      ++code;
    table[place] = static_cast<std::uint8_t>(code);
  }
  return table;
}

}  // namespace

const std::array<float, 256>& dynamic_map(bool is_signed) {
  static const auto with_sign = make_map(true), without = make_map(false);
  return is_signed ? with_sign : without;
}

std::uint8_t dynamic_code(float x) {
  static const auto table = make_table();
  const float place = std::nearbyint((std::clamp(x, -1.0F, 1.0F) + 1.0F) * kHalfSteps);
  return table[static_cast<std::size_t>(place)];
}

}  // namespace lldm
