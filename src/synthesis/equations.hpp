// SPDX-License-Identifier: MIT
// The equations of a worked solution: calculator annotations, "half of 48 is 48/2 = <<48/2=24>>24",
// and plain ones, "48 / 2 = 24", which are read as if they were annotated.  Internal to src.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lldm::synthesis {

/// A number as a text writes it: 24, 22,500, 0.2 or .5.
struct WrittenNumber {
  std::size_t begin, end;
  double value;
  bool has_commas;
};
[[nodiscard]] std::vector<WrittenNumber> find_numbers(std::string_view text);

/// Whether two values are one, but for rounding.
[[nodiscard]] bool is_same(double a, double b);

/// The value of an expression of numbers and + - * / ( ); nothing for other text or a division by
/// 0.
[[nodiscard]] std::optional<double> evaluate(std::string_view expression);

/// Digits of a value in [0, 10^9] with at most two decimals; nothing for others.
[[nodiscard]] std::optional<std::string> write_value(double value, bool with_commas);

/// "<<expression=value>>" at [begin, end) of a text.
struct Annotation {
  std::size_t begin, end;
  std::string expression;
  double value;
  bool is_true;           // the expression has this value
  bool is_plain = false;  // the text writes the equation without an annotation: `annotate` made it
  std::string result = {};  // the value as it is written
  /// The same with another expression and result.
  [[nodiscard]] std::string written(std::string_view other, std::string_view result) const;
};
[[nodiscard]] std::vector<Annotation> find_annotations(std::string_view text);

/// The words before an annotation without what parts their signs, each sign with its place: "4,500
/// x 5" is 4500*5.
struct Sign {
  char sign;
  std::size_t begin, end;
};
[[nodiscard]] std::vector<Sign> signs_of(std::string_view words);

/// The text with an annotation put into every plain equation that is true, "48 / 2 =
/// <<48/2=24>>24", so that one machinery serves both; `without_plain` takes them out again.  They
/// are marked by a control character: a text that holds it is returned as it is.
[[nodiscard]] std::string annotate(std::string_view text);
[[nodiscard]] std::string without_plain(std::string_view text);

/// Why a chain with one error is not consistent otherwise: it holds more than `most_new` untrue
/// equations beyond those of the right chain, or an equality that could not be worked out anew was
/// changed.  "" if all is well.
[[nodiscard]] std::string inconsistency(std::string_view right, std::string_view wrong,
                                        std::size_t most_new);

}  // namespace lldm::synthesis
