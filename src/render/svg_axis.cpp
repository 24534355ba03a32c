// SPDX-License-Identifier: MIT
#include "render/svg_axis.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "lldm/errors.hpp"

namespace lldm::svg {
namespace {

std::string superscript(int exponent) {
  static constexpr const char* digits[] = {"\u2070", "\u00b9", "\u00b2", "\u00b3", "\u2074",
                                           "\u2075", "\u2076", "\u2077", "\u2078", "\u2079"};
  std::string text = exponent < 0 ? "\u207b" : "";
  for (const char c : std::to_string(std::abs(exponent))) text += digits[c - '0'];
  return "10" + text;
}

std::string fixed(double value, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", std::max(decimals, 0), value);
  std::string result(text);
  if (result.find_first_not_of("-0.") == result.npos && result[0] == '-') result.erase(0, 1);
  if (result[0] == '-') result.replace(0, 1, "\u2212");
  return result;
}

/// Digits after the point that a multiple of `step` needs.
int decimals_of(double step) {
  return std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)));
}

double nice_step(double range, int num_ticks) {
  const double raw = range / (num_ticks + 1.5);  // so many fit at most
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= raw * 0.999999) return factor * power;
  return 10 * power;
}

void linear_ticks(Axis& axis, int num_ticks) {
  const double step = nice_step(axis.high - axis.low, num_ticks);
  const double largest = std::max(std::abs(axis.low), std::abs(axis.high));
  int exponent = 0;
  if (largest >= 1e5 || largest < 1e-2)
    exponent = 3 * static_cast<int>(std::floor(std::log10(largest) / 3));
  const double factor = std::pow(10.0, exponent);
  const auto first = std::ceil(axis.low / step - 1e-9), last = std::floor(axis.high / step + 1e-9);
  for (double k = first; k <= last; ++k)
    axis.ticks.push_back({k * step, fixed(k * step / factor, decimals_of(step / factor))});
  if (exponent != 0) axis.label += " (\u00d7" + superscript(exponent) + ")";
}

std::string power_label(int digit, int exponent) {
  if (exponent >= -3 && exponent <= 4) return fixed(digit * std::pow(10.0, exponent), -exponent);
  return (digit == 1 ? "" : std::to_string(digit) + "\u00b7") + superscript(exponent);
}

void logarithmic_ticks(Axis& axis, int num_ticks) {
  const int first = static_cast<int>(std::floor(std::log10(axis.low))),
            last = static_cast<int>(std::ceil(std::log10(axis.high)));
  const int stride = std::max(1, (last - first) / num_ticks);
  const std::vector<int> digits =
      last - first > num_ticks - 2 ? std::vector{1} : std::vector{1, 2, 5};
  for (int exponent = first; exponent <= last; ++exponent) {
    if (exponent % stride != 0) continue;
    for (const int digit : digits) {
      const double value = digit * std::pow(10.0, exponent);
      if (value >= axis.low * (1 - 1e-9) && value <= axis.high * (1 + 1e-9))
        axis.ticks.push_back({value, power_label(digit, exponent)});
    }
  }
  if (axis.ticks.size() >= 2) return;
  axis.ticks.clear();  // a range inside one digit: evenly spaced values tell more
  linear_ticks(axis, num_ticks);
}

/// Air around the data, without crossing zero.
void widen(Axis& axis, const PlotAxis& wanted) {
  if (axis.scale == PlotScale::logarithmic) {
    const double factor = axis.high > axis.low ? std::pow(axis.high / axis.low, 0.04) : 1.5;
    if (!wanted.min) axis.low /= factor;
    if (!wanted.max) axis.high *= factor;
    return;
  }
  const double middle = std::max(std::abs(axis.low), std::abs(axis.high));
  const bool has_range = axis.high - axis.low > 1e-9 * middle;
  const double air = has_range ? 0.04 * (axis.high - axis.low) : middle > 0 ? 0.1 * middle : 1;
  if (!wanted.min) axis.low = axis.low >= 0 && axis.low < air ? 0 : axis.low - air;
  if (!wanted.max)
    axis.high =
        axis.high <= 0 && axis.high > -air ? std::max(0.0, axis.low + air) : axis.high + air;
}

}  // namespace

bool Axis::can_draw(double value) const {
  return std::isfinite(value) && (scale == PlotScale::linear || value > 0);
}

double Axis::position(double value) const {
  if (scale == PlotScale::linear) return (value - low) / (high - low);
  return (std::log(value) - std::log(low)) / (std::log(high) - std::log(low));
}

Axis fit_axis(const PlotAxis& wanted, double low, double high, int num_ticks,
              const std::string& where) {
  Axis axis{wanted.scale, wanted.min.value_or(low), wanted.max.value_or(high), {}, wanted.label};
  const auto axis_name = message(where, ", axis \"", wanted.label, "\": ");
  widen(axis, wanted);
  if (!axis.can_draw(axis.low) || !axis.can_draw(axis.high) || !std::isfinite(axis.high - axis.low))
    throw ShapeError(message(axis_name, "cannot be drawn from ", axis.low, " to ", axis.high));
  if (!(axis.high - axis.low > 1e-10 * std::max(std::abs(axis.low), std::abs(axis.high))))
    throw ShapeError(message(axis_name, "min ", axis.low, " is not below max ", axis.high));
  if (axis.scale == PlotScale::linear) {
    linear_ticks(axis, num_ticks);
  } else {
    logarithmic_ticks(axis, num_ticks);
  }
  return axis;
}

}  // namespace lldm::svg
