// SPDX-License-Identifier: MIT
// Worked solutions with calculator annotations, "half of 48 is 48/2 = <<48/2=24>>24", and how to
// make one wrong.  Internal to src/eval.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lldm::eval {

inline constexpr std::array<std::string_view, 5> kErrorKinds = {
    "wrong_operation", "wrong_operand", "off_by_one", "dropped_step", "wrong_final_answer"};

/// A number as a text writes it: 24, 22,500, 0.2 or .5.
struct WrittenNumber {
  std::size_t begin, end;
  double value;
  bool has_commas;
};
[[nodiscard]] std::vector<WrittenNumber> find_numbers(std::string_view text);

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
  bool is_true;  // the expression has this value
};
[[nodiscard]] std::vector<Annotation> find_annotations(std::string_view text);

/// All texts that one error of a kind makes of a solution (see Gsm8k::inject_error), perhaps none,
/// in an order that depends on the texts alone.  Some may still end in the right answer.
[[nodiscard]] std::vector<std::string> spoil_solution(std::string_view question,
                                                      std::string_view solution,
                                                      std::string_view kind);

}  // namespace lldm::eval
