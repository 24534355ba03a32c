// SPDX-License-Identifier: MIT
// off_by_one, carry_over and final_answer: a number is another one than its equation gives.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "synthesis/wrong_chain.hpp"

namespace lldm::synthesis {
namespace {

/// The chain with another result of annotation `i`, carried on; nothing where it cannot be.
/// `least`: so many later equations must take it over.
void add_result(WrongChains& found, const Chain& chain, std::size_t i, double value,
                std::size_t least) {
  const auto& annotation = chain.annotations[i];
  const auto place = place_of(chain, i);
  const auto digits = write_value(value, false);
  if (!digits) return;
  Changes changes;
  changes.set(annotation.value, value);
  const auto rest = carry_on(place.after, changes);
  if (!rest || rest->equations < least) return;
  found.push_back({std::string(place.before) + std::string(place.words) +
                       annotation.written(annotation.expression, *digits) + rest->text,
                   chain.step_of(annotation),
                   annotation.expression + "=" + annotation.result,
                   annotation.expression + "=" + *digits,
                   {}});
}

/// The digits of a column of a number in hundredths, and what the columns above weigh.
constexpr std::array<std::int64_t, 12> kColumns = {
    1,         10,         100,         1000,          10'000,         100'000,
    1'000'000, 10'000'000, 100'000'000, 1'000'000'000, 10'000'000'000, 100'000'000'000};

/// Operands of an expression of one kind of sign, in hundredths; nothing for others.
std::optional<std::vector<std::int64_t>> operands_of(const std::string& expression, char sign) {
  std::vector<std::int64_t> operands;
  std::size_t done = 0;
  for (const auto& number : find_numbers(expression)) {
    const bool is_first = operands.empty();
    if (number.begin != done + (is_first ? 0 : 1)) return std::nullopt;
    if (!is_first && expression[done] != sign) return std::nullopt;
    if (!write_value(number.value, false)) return std::nullopt;
    operands.push_back(std::llround(number.value * 100));
    done = number.end;
  }
  if (done != expression.size() || operands.size() < 2) return std::nullopt;
  return operands;
}

/// What the result is short of, in hundredths, by each carry that may be forgotten.
std::vector<std::int64_t> carries_of_sum(const std::vector<std::int64_t>& operands) {
  std::vector<std::int64_t> forgotten;
  std::int64_t carry = 0;
  for (std::size_t column = 0; column + 1 < kColumns.size(); ++column) {
    std::int64_t sum = carry;
    for (const auto operand : operands) sum += operand / kColumns[column] % 10;
    carry = sum / 10;
    if (carry > 0) forgotten.push_back(carry * kColumns[column + 1]);
  }
  return forgotten;
}

/// Of a product with a factor of one digit.
std::vector<std::int64_t> carries_of_product(const std::vector<std::int64_t>& operands) {
  std::vector<std::int64_t> forgotten;
  if (operands.size() != 2) return forgotten;
  const auto [digit, other] = std::minmax(operands[0], operands[1]);
  if (digit % 100 != 0 || digit > 900) return forgotten;
  std::int64_t carry = 0;
  for (std::size_t column = 0; column + 1 < kColumns.size(); ++column) {
    carry = (other / kColumns[column] % 10 * (digit / 100) + carry) / 10;
    // The highest digits are written out, not carried.
    if (carry > 0 && other >= kColumns[column + 1])
      forgotten.push_back(carry * kColumns[column + 1]);
  }
  return forgotten;
}

/// What the result has too much of, in hundredths, by each borrow that may be forgotten.
std::vector<std::int64_t> borrows_of(const std::vector<std::int64_t>& operands) {
  std::vector<std::int64_t> forgotten;
  if (operands.size() != 2) return forgotten;
  std::int64_t borrow = 0;
  for (std::size_t column = 0; column + 1 < kColumns.size(); ++column) {
    const auto above = operands[0] / kColumns[column] % 10,
               below = operands[1] / kColumns[column] % 10;
    borrow = above - below - borrow < 0 ? 1 : 0;
    if (borrow > 0) forgotten.push_back(kColumns[column + 1]);
  }
  return forgotten;
}

/// What results an equation has when one carry or borrow is forgotten.
std::vector<double> without_carry(const Annotation& annotation) {
  std::vector<double> values;
  const auto add = [&](const std::vector<std::int64_t>& forgotten, double sign) {
    for (const auto hundredths : forgotten)
      values.push_back(annotation.value + sign * static_cast<double>(hundredths) / 100);
  };
  if (const auto sum = operands_of(annotation.expression, '+')) add(carries_of_sum(*sum), -1);
  if (const auto difference = operands_of(annotation.expression, '-'))
    add(borrows_of(*difference), +1);
  if (const auto product = operands_of(annotation.expression, '*'))
    add(carries_of_product(*product), -1);
  return values;
}

/// Numbers that one may write for a right one.
std::vector<double> other_numbers(double value) {
  return {value - 10, value - 2,  value - 1, value + 1,
          value + 2,  value + 10, value * 2, value * 10};
}

}  // namespace

WrongChains slip_by_one(const Chain& chain) {
  WrongChains found;
  for (std::size_t i = 0; i < chain.annotations.size(); ++i)
    if (chain.annotations[i].is_true)
      for (const double slip : {-1.0, 1.0})
        add_result(found, chain, i, chain.annotations[i].value + slip, 0);
  return found;
}

WrongChains forget_carries(const Chain& chain) {
  WrongChains found;
  for (std::size_t i = 0; i < chain.annotations.size(); ++i)
    if (chain.annotations[i].is_true)
      for (const double value : without_carry(chain.annotations[i]))
        add_result(found, chain, i, value, 1);
  return found;
}

WrongChains change_answer(const Chain& chain) {
  WrongChains found;
  const auto place = find_answer(chain.text);
  if (!place.is_found) return found;
  const auto text = chain.text.substr(place.begin, place.end - place.begin);
  const auto numbers = find_numbers(text);
  if (numbers.size() != 1) return found;
  const auto& answer = numbers.front();
  const std::size_t begin = place.begin + answer.begin, end = place.begin + answer.end;
  for (const double wrong : other_numbers(answer.value))
    if (const auto digits = write_value(wrong, answer.has_commas))
      found.push_back({apply_edit(chain.text, {begin, end, *digits}),
                       step_at(chain.steps, begin),
                       std::string(chain.text.substr(begin, end - begin)),
                       *digits,
                       {}});
  return found;
}

}  // namespace lldm::synthesis
