// SPDX-License-Identifier: MIT
// A figure of a report with what is known of its uncertainty, and how it reads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lldm {

/// Which interval stands in the brackets.
enum class IntervalKind : std::uint8_t { none, wilson, bootstrap, paired_bootstrap, student };
/// "Wilson", "bootstrap", "paired bootstrap", "Student"; "none".
std::string_view to_string(IntervalKind kind);

/// An exact test that a paired change is none.
struct PairedTest {
  std::string name;           // "exact McNemar", "exact sign flips" or "exact sign test"
  double p = 1;               // two-sided
  std::int64_t up = 0;        // items whose value rose, of several seeds by their sum
  std::int64_t down = 0;      // items whose value fell
  std::int64_t compared = 0;  // items that both sides have
};

/// A mean with what is known of its uncertainty.  Without an interval low = high = mean.
struct Spread {
  double mean = 0, low = 0, high = 0;
  double sd = 0;          // over seeds, with two or more
  std::size_t seeds = 0;  // rows, or pairs of rows, that it is of
  bool is_known = false, has_interval = false;
  IntervalKind kind = IntervalKind::none;
  bool is_share = false;
  std::optional<PairedTest> test = std::nullopt;  // of a change whose items are held
  std::string why = "";  // why it is nan, or has no interval or not the one that it should have

  /// Whether a change may be called one: the interval excludes zero; the exact test of the items
  /// gives p <= 0.05 (a share is called changed only if there is such a test); and, with several
  /// seeds, Student's interval over them excludes zero too.
  [[nodiscard]] bool is_change() const;
};

/// Half of Student's 95 % interval of a mean over seeds; 0 with one.
double student_half(const Spread& spread);

/// `rounded_text`, but "nan" for what is not a number.
std::string figure_text(double value, int digits = 3);
/// " [0.410, 0.490 Wilson]", "" without an interval.
std::string bracket_text(const Spread& spread, double scale = 1);
/// "0.812 ± 0.013" over seeds; "0.812 [0.780, 0.840 Wilson]" with one; "nan"; "-" if unknown.
std::string spread_text(const Spread& spread);
/// A difference: with its spread over seeds and its interval.
std::string change_text(const Spread& spread);
/// "p = 0.125 (4 up, 0 down of 20)", of another test than McNemar's "p = 0.5 by exact sign flips
/// (..."; "-" without a test.
std::string test_text(const Spread& spread);

}  // namespace lldm
