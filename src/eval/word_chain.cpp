// SPDX-License-Identifier: MIT
#include "eval/word_chain.hpp"

#include <algorithm>
#include <charconv>

#include "lldm/errors.hpp"

namespace lldm::eval {

std::int64_t apply(std::int64_t value, Operation operation) {
  return operation.sign == '+' ? value + operation.operand : value - operation.operand;
}

Chain compute_chain(std::int64_t start, const std::vector<Operation>& operations) {
  Chain chain;
  std::int64_t value = start;
  for (const auto operation : operations) {
    const std::int64_t next = apply(value, operation);
    chain.steps.push_back({value, operation, next});
    value = next;
  }
  chain.answer = value;
  return chain;
}

bool is_in_range(const Chain& chain, std::int64_t value_max) {
  const auto is_good = [&](std::int64_t value) { return value >= 0 && value <= value_max; };
  return is_good(chain.answer) &&
         std::all_of(chain.steps.begin(), chain.steps.end(), [&](auto& step) {
           return is_good(step.left) && is_good(step.operation.operand) && is_good(step.result);
         });
}

std::string write_chain(const Chain& chain) {
  std::string out;
  for (const auto& step : chain.steps)
    out += message(step.left, ' ', step.operation.sign, ' ', step.operation.operand, " = ",
                   step.result, " ; ");
  for (std::int64_t i = 0; i < chain.num_superfluous; ++i)
    out += message("now ", chain.steps.back().result, " ; ");
  return out + message("#### ", chain.answer);
}

std::optional<std::int64_t> parse_integer(std::string_view word) {
  if (word.size() > 18) return std::nullopt;  // sums of two cannot overflow
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

namespace {

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  constexpr std::string_view space = " \t\n\r\v\f";
  for (std::size_t at = 0; (at = text.find_first_not_of(space, at)) != std::string_view::npos;) {
    const auto end = std::min(text.find_first_of(space, at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

}  // namespace

std::string normalise_words(std::string_view text) {
  std::string out;
  for (const auto& word : split_words(text)) out += (out.empty() ? "" : " ") + word;
  return out;
}

ChainText read_chain_text(std::string_view text) {
  ChainText result;
  std::vector<std::string> line;
  const auto close_line = [&] {
    if (!line.empty()) result.lines.push_back(std::move(line));
    line.clear();
  };
  const auto words = split_words(text);
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == ";") {
      close_line();
    } else if (words[i] != "####") {
      line.push_back(words[i]);
    } else {
      const bool starts_line = line.empty();
      close_line();  // words before "####" are a line of their own
      ++result.num_marks;
      if (i + 1 == words.size()) continue;
      result.answer = parse_integer(words[i + 1]);
      if (!result.answer) continue;
      result.answer_word = words[++i];
      result.ends_with_answer = starts_line && i + 1 == words.size();
    }
  }
  close_line();
  if (result.num_marks != 1) {
    result.answer.reset();
    result.answer_word.clear();
  }
  return result;
}

std::optional<ChainStep> parse_step(const std::vector<std::string>& words) {
  if (words.size() != 5 || (words[1] != "+" && words[1] != "-") || words[3] != "=")
    return std::nullopt;
  const auto left = parse_integer(words[0]), operand = parse_integer(words[2]),
             result = parse_integer(words[4]);
  if (!left || !operand || !result) return std::nullopt;
  return ChainStep{*left, {words[1][0], *operand}, *result};
}

std::optional<Chain> parse_chain(std::string_view text) {
  const auto parts = read_chain_text(text);
  if (!parts.answer) return std::nullopt;
  Chain chain;
  chain.answer = *parts.answer;
  for (const auto& line : parts.lines) {
    if (const auto step = parse_step(line))
      chain.steps.push_back(*step);
    else
      ++chain.num_superfluous;
  }
  if (chain.steps.empty()) return std::nullopt;
  return chain;
}

}  // namespace lldm::eval
