// SPDX-License-Identifier: MIT
#include "report/spread.hpp"

#include <cmath>

#include "lldm/errors.hpp"
#include "lldm/eval/paired_test.hpp"
#include "lldm/render/table.hpp"

namespace lldm {
namespace {

std::string deviation(const Spread& spread) {
  return " \u00b1 " + (spread.sd == 0 ? "0" : rounded_text(spread.sd, 2));
}

}  // namespace

std::string_view to_string(IntervalKind kind) {
  switch (kind) {
    case IntervalKind::none:
      return "none";
    case IntervalKind::wilson:
      return "Wilson";
    case IntervalKind::bootstrap:
      return "bootstrap";
    case IntervalKind::paired_bootstrap:
      return "paired bootstrap";
    case IntervalKind::student:
      return "Student";
  }
  throw Error("to_string: unknown kind of interval");
}

double student_half(const Spread& spread) {
  if (spread.seeds < 2) return 0;
  return student_quantile(0.975, static_cast<std::int64_t>(spread.seeds) - 1) * spread.sd /
         std::sqrt(static_cast<double>(spread.seeds));
}

bool Spread::is_change() const {
  constexpr double kLevel = 0.05;
  if (!std::isfinite(mean) || mean == 0) return false;
  // Items that all differ alike have no bootstrap interval; the exact test still has its say.
  if (has_interval ? low <= 0 && high >= 0 : !test) return false;
  if (is_share && !test) return false;
  if (test && test->p > kLevel) return false;
  return seeds < 2 || std::abs(mean) > student_half(*this);
}

std::string figure_text(double value, int digits) {
  return std::isnan(value) ? "nan" : rounded_text(value, digits);
}

std::string bracket_text(const Spread& spread, double scale) {
  if (!spread.has_interval) return "";
  return message(" [", rounded_text(scale * spread.low, 3), ", ",
                 rounded_text(scale * spread.high, 3), " ", to_string(spread.kind), "]");
}

std::string spread_text(const Spread& spread) {
  if (!spread.is_known) return "-";
  std::string text = figure_text(spread.mean);
  if (!std::isfinite(spread.mean)) return text;
  return text + (spread.seeds >= 2 ? deviation(spread) : bracket_text(spread));
}

std::string change_text(const Spread& spread) {
  if (!spread.is_known) return "-";
  if (!std::isfinite(spread.mean)) return figure_text(spread.mean);
  return rounded_text(spread.mean, 3) + (spread.seeds >= 2 ? deviation(spread) : "") +
         bracket_text(spread);
}

std::string test_text(const Spread& spread) {
  if (!spread.test) return "-";
  const PairedTest& test = *spread.test;
  return message("p = ", rounded_text(test.p, 3),
                 test.name == "exact McNemar" ? "" : " by " + test.name, " (", test.up, " up, ",
                 test.down, " down of ", test.compared, ")");
}

}  // namespace lldm
