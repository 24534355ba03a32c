// SPDX-License-Identifier: MIT
#include "synthesis/equations.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "lldm/errors.hpp"
#include "synthesis/plain_equations.hpp"

namespace lldm::synthesis {
namespace {

constexpr double kTolerance = 1e-9;
constexpr char kPlainMark = '\x01';

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<double> to_double(std::string text) {
  std::erase(text, ',');
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// One number at `at`: digits, in groups of three where commas part them, and decimals.
std::size_t number_end(std::string_view text, std::size_t at) {
  const auto digits_from = [&](std::size_t from) {
    while (from < text.size() && is_digit(text[from])) ++from;
    return from;
  };
  std::size_t end = digits_from(at);
  if (end > at && end - at <= 3)
    while (end < text.size() && text[end] == ',' && digits_from(end + 1) == end + 4) end += 4;
  if (end + 1 < text.size() && text[end] == '.' && is_digit(text[end + 1]))
    end = digits_from(end + 1);
  return end;
}

// Recursive descent: sum = product {(+|-) product}; product = atom {(*|/) atom}.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::optional<double> parse() {
    const double value = sum(0);
    if (failed_ || at_ != text_.size() || !std::isfinite(value)) return std::nullopt;
    return value;
  }

 private:
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  double sum(int depth) {
    double value = product(depth);
    for (;;) {
      if (take('+'))
        value += product(depth);
      else if (take('-'))
        value -= product(depth);
      else
        return value;
    }
  }
  double product(int depth) {
    double value = atom(depth);
    for (;;) {
      if (take('*'))
        value *= atom(depth);
      else if (take('/'))
        value /= atom(depth);
      else
        return value;
    }
  }
  double atom(int depth) {
    if (depth > 20) failed_ = true;
    if (failed_) return 0;
    if (take('(')) {
      const double value = sum(depth + 1);
      failed_ = failed_ || !take(')');
      return value;
    }
    const auto end = number_end(text_, at_);
    const auto value =
        end > at_ ? to_double(std::string(text_.substr(at_, end - at_))) : std::nullopt;
    if (!value) failed_ = true;
    at_ = end;
    return value.value_or(0);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace

bool is_same(double a, double b) {
  return std::abs(a - b) <= kTolerance * std::max(1.0, std::abs(a));
}

std::vector<WrittenNumber> find_numbers(std::string_view text) {
  std::vector<WrittenNumber> numbers;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = number_end(text, at);
    const bool is_in_word = at > 0 && (std::isalpha(static_cast<unsigned char>(text[at - 1])) != 0);
    const std::string digits(text.substr(at, end - at));
    const auto value = end > at ? to_double(digits) : std::nullopt;
    if (value && !is_in_word)
      numbers.push_back({at, end, *value, digits.find(',') != std::string::npos});
    at = std::max(end, at + 1);
  }
  return numbers;
}

std::optional<double> evaluate(std::string_view expression) { return Parser(expression).parse(); }

std::optional<std::string> write_value(double value, bool with_commas) {
  if (!(value >= 0) || value > 1e9) return std::nullopt;
  const double hundredths = std::round(value * 100);
  if (!is_same(hundredths, value * 100)) return std::nullopt;
  const auto whole = static_cast<std::int64_t>(hundredths) / 100;
  const auto part = static_cast<std::int64_t>(hundredths) % 100;
  std::string digits = std::to_string(whole);
  if (with_commas)
    for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
      digits.insert(static_cast<std::size_t>(at), ",");
  if (part == 0) return digits;
  digits += message('.', part / 10);
  return part % 10 == 0 ? digits : digits + std::to_string(part % 10);
}

std::string Annotation::written(std::string_view other, std::string_view result) const {
  std::string out = is_plain ? std::string("<<") + kPlainMark : "<<";
  out += other;
  out += '=';
  out += result;
  return out += ">>";
}

std::string without_plain(std::string_view text) {
  std::string out;
  std::size_t done = 0;
  for (const Annotation& annotation : find_annotations(text)) {
    if (!annotation.is_plain) continue;
    out += text.substr(done, annotation.begin - done);
    done = annotation.end;
  }
  return out += text.substr(done);
}

std::string annotate(std::string_view text) {
  std::string out;
  std::size_t done = 0;
  if (text.find(kPlainMark) != std::string_view::npos) return std::string(text);
  for (const PlainEquation& equation : find_plain_equations(text)) {
    out += text.substr(done, equation.at - done);
    out += std::string("<<") + kPlainMark + equation.expression + '=' + equation.result + ">>";
    done = equation.at;
  }
  return out += text.substr(done);
}

std::vector<Annotation> find_annotations(std::string_view text) {
  std::vector<Annotation> found;
  for (auto begin = text.find("<<"); begin != std::string_view::npos;
       begin = text.find("<<", begin + 2)) {
    const auto close = text.find(">>", begin);
    if (close == std::string_view::npos) break;
    const auto inside = text.substr(begin + 2, close - begin - 2);
    const auto equals = inside.rfind('=');
    if (equals == std::string_view::npos || inside.find('<') != std::string_view::npos) continue;
    const bool is_plain = inside.starts_with(kPlainMark);
    const std::string expression(inside.substr(is_plain ? 1 : 0, equals - (is_plain ? 1 : 0)));
    const auto stated = to_double(std::string(inside.substr(equals + 1)));
    const auto value = evaluate(expression);
    found.push_back({begin, close + 2, expression, stated.value_or(0),
                     stated && value && is_same(*stated, *value), is_plain,
                     std::string(inside.substr(equals + 1))});
  }
  return found;
}

}  // namespace lldm::synthesis
