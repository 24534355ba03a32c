// SPDX-License-Identifier: MIT
// How a worked solution is made wrong: one change, carried on through what follows.
#include <algorithm>
#include <cmath>
#include <utility>

#include "eval/solution.hpp"

namespace lldm::eval {
namespace {

bool is_same(double a, double b) { return std::abs(a - b) <= 1e-9 * std::max(1.0, std::abs(a)); }

// Which values of the right solution became which.
class Changes {
 public:
  void set(double from, double to) {
    forget(from);
    if (!is_same(from, to)) list_.emplace_back(from, to);
  }
  void forget(double from) {
    std::erase_if(list_, [&](const auto& change) { return is_same(change.first, from); });
  }
  [[nodiscard]] const double* find(double from) const {
    for (const auto& change : list_)
      if (is_same(change.first, from)) return &change.second;
    return nullptr;
  }

 private:
  std::vector<std::pair<double, double>> list_;
};

// `text` with every changed number written anew; nothing if one cannot be.
std::optional<std::string> replace_numbers(std::string_view text, const Changes& changes) {
  std::string out;
  std::size_t done = 0;
  for (const auto& number : find_numbers(text)) {
    const double* value = changes.find(number.value);
    if (!value) continue;
    const auto digits = write_value(*value, number.has_commas);
    if (!digits) return std::nullopt;
    out += text.substr(done, number.begin - done);
    out += *digits;
    done = number.end;
  }
  return out += text.substr(done);
}

// What follows an error, worked out again from the changed values.
std::optional<std::string> carry_on(std::string_view text, Changes changes) {
  std::string out;
  std::size_t done = 0;
  for (const auto& annotation : find_annotations(text)) {
    const auto words = replace_numbers(text.substr(done, annotation.begin - done), changes);
    const auto expression = replace_numbers(annotation.expression, changes);
    if (!words || !expression) return std::nullopt;
    out += *words;
    done = annotation.end;
    if (*expression == annotation.expression) {
      out += text.substr(annotation.begin, annotation.end - annotation.begin);
      changes.forget(annotation.value);  // computed anew, and as before
      continue;
    }
    const auto value = evaluate(*expression);
    const auto digits = value ? write_value(*value, false) : std::nullopt;
    if (!annotation.is_true || !digits) return std::nullopt;
    out += "<<" + *expression + "=" + *digits + ">>";
    changes.set(annotation.value, *value);
  }
  const auto words = replace_numbers(text.substr(done), changes);
  if (!words) return std::nullopt;
  return out + *words;
}

// One replacement inside an expression.
struct Edit {
  std::size_t begin, end;
  std::string text;
};

std::string apply_edit(std::string_view text, const Edit& edit) {
  std::string out(text.substr(0, edit.begin));
  out += edit.text;
  return out += text.substr(edit.end);
}

std::vector<Edit> operation_edits(const std::string& expression) {
  std::vector<Edit> edits;
  for (std::size_t i = 1; i < expression.size(); ++i) {
    const std::string_view others = expression[i] == '+'   ? "-*"
                                    : expression[i] == '-' ? "+"
                                    : expression[i] == '*' ? "+/"
                                    : expression[i] == '/' ? "*"
                                                           : "";
    for (const char other : others) edits.push_back({i, i + 1, std::string(1, other)});
  }
  return edits;
}

// Operands replaced by other numbers of the question.
std::vector<Edit> operand_edits(const std::string& expression, std::string_view question) {
  std::vector<Edit> edits;
  for (const auto& operand : find_numbers(expression))
    for (const auto& other : find_numbers(question)) {
      const auto digits = write_value(other.value, false);
      if (digits && other.value > 0 && !is_same(operand.value, other.value))
        edits.push_back({operand.begin, operand.end, *digits});
    }
  return edits;
}

// The words before an annotation without what parts their signs, each sign with its place.
struct Sign {
  char sign;
  std::size_t begin, end;
};
std::vector<Sign> signs_of(std::string_view words) {
  static constexpr std::pair<std::string_view, char> spellings[] = {
      {"\xC3\x97", '*'},     {"x", '*'},           {"X", '*'}, {"\xC3\xB7", '/'},
      {"\xE2\x80\x93", '-'}, {"\xE2\x88\x92", '-'}};
  std::vector<Sign> signs;
  for (std::size_t at = 0; at < words.size();) {
    const auto rest = words.substr(at);
    const auto* spelling =
        std::find_if(std::begin(spellings), std::end(spellings),
                     [&](const auto& one) { return rest.starts_with(one.first); });
    const bool is_spelt = spelling != std::end(spellings);
    const std::size_t size = is_spelt ? spelling->first.size() : 1;
    const bool is_skipped = rest[0] == ' ' || rest[0] == '$' || rest[0] == ',';
    if (!is_skipped) signs.push_back({is_spelt ? spelling->second : rest[0], at, at + size});
    at += size;
  }
  return signs;
}

// The words before an annotation with the same edit as its expression.  If they show the
// expression, it is changed there as well; if they show none of its numbers, they stay; else the
// place does not fit.
std::optional<std::string> edit_words(std::string_view words, const std::string& expression,
                                      const Edit& edit) {
  const auto signs = signs_of(words);
  std::string shown;
  for (const auto& sign : signs) shown += sign.sign;
  const auto at = shown.rfind(expression);
  const auto after = at + expression.size();
  const auto is_number = [&](std::size_t i) {
    return i < shown.size() && ((shown[i] >= '0' && shown[i] <= '9') || shown[i] == '.');
  };
  if (at != std::string::npos && !(at > 0 && is_number(at - 1)) && !is_number(after))
    return apply_edit(words,
                      {signs[at + edit.begin].begin, signs[at + edit.end - 1].end, edit.text});
  for (const auto& operand : find_numbers(expression))
    for (const auto& number : find_numbers(words))
      if (is_same(operand.value, number.value)) return std::nullopt;
  return std::string(words);
}

struct Place {
  std::string_view before, words,
      after;  // the text before its line or last annotation, up to it, after it
};

Place place_of(std::string_view solution, const std::vector<Annotation>& annotations,
               std::size_t i) {
  const auto line = solution.rfind('\n', annotations[i].begin);
  std::size_t start = line == std::string_view::npos ? 0 : line + 1;
  if (i > 0) start = std::max(start, annotations[i - 1].end);
  return {solution.substr(0, start), solution.substr(start, annotations[i].begin - start),
          solution.substr(annotations[i].end)};
}

void add(std::vector<std::string>& texts, const std::string& head, std::string_view tail,
         double from, double to) {
  Changes changes;
  changes.set(from, to);
  if (auto rest = carry_on(tail, changes)) texts.push_back(head + *rest);
}

void spoil_expressions(std::vector<std::string>& texts, std::string_view solution,
                       const std::vector<Annotation>& annotations, std::size_t i,
                       const std::vector<Edit>& edits) {
  const auto place = place_of(solution, annotations, i);
  for (const auto& edit : edits) {
    const auto expression = apply_edit(annotations[i].expression, edit);
    const auto value = evaluate(expression);
    const auto digits = value ? write_value(*value, false) : std::nullopt;
    const auto words = edit_words(place.words, annotations[i].expression, edit);
    if (digits && words)
      add(texts, std::string(place.before) + *words + "<<" + expression + "=" + *digits + ">>",
          place.after, annotations[i].value, *value);
  }
}

void spoil_result(std::vector<std::string>& texts, std::string_view solution,
                  const std::vector<Annotation>& annotations, std::size_t i) {
  const auto place = place_of(solution, annotations, i);
  for (const double slip : {-1.0, 1.0}) {
    const double value = annotations[i].value + slip;
    if (const auto digits = write_value(value, false))
      add(texts,
          std::string(place.before) + std::string(place.words) + "<<" + annotations[i].expression +
              "=" + *digits + ">>",
          place.after, annotations[i].value, value);
  }
}

// Leaves the annotation's line out; its result is taken to be its first operand.
void drop_line(std::vector<std::string>& texts, std::string_view solution,
               const std::vector<Annotation>& annotations, std::size_t i) {
  const auto line = solution.rfind('\n', annotations[i].begin);
  const std::size_t begin = line == std::string_view::npos ? 0 : line + 1;
  const auto end = solution.find('\n', annotations[i].end);
  const auto operands = find_numbers(annotations[i].expression);
  if (end == std::string_view::npos || operands.empty() || annotations.size() < 2) return;
  for (std::size_t j = 0; j < annotations.size(); ++j)
    if (j != i && annotations[j].begin >= begin && annotations[j].begin < end) return;
  add(texts, std::string(solution.substr(0, begin)), solution.substr(end + 1), annotations[i].value,
      operands.front().value);
}

void spoil_answer(std::vector<std::string>& texts, std::string_view solution) {
  const auto mark = solution.rfind("#### ");
  if (mark == std::string_view::npos) return;
  const auto numbers = find_numbers(solution.substr(mark));
  if (numbers.size() != 1) return;
  const auto& answer = numbers.front();
  for (const double wrong :
       {answer.value - 10, answer.value - 2, answer.value - 1, answer.value + 1, answer.value + 2,
        answer.value + 10, answer.value * 2, answer.value * 10})
    if (const auto digits = write_value(wrong, answer.has_commas))
      texts.push_back(apply_edit(solution, {mark + answer.begin, mark + answer.end, *digits}));
}

}  // namespace

std::vector<std::string> spoil_solution(std::string_view question, std::string_view solution,
                                        std::string_view kind) {
  std::vector<std::string> texts;
  if (kind == "wrong_final_answer") {
    spoil_answer(texts, solution);
    return texts;
  }
  const auto annotations = find_annotations(solution);
  for (std::size_t i = 0; i < annotations.size(); ++i) {
    if (!annotations[i].is_true) continue;
    const auto& expression = annotations[i].expression;
    if (kind == "wrong_operation")
      spoil_expressions(texts, solution, annotations, i, operation_edits(expression));
    else if (kind == "wrong_operand")
      spoil_expressions(texts, solution, annotations, i, operand_edits(expression, question));
    else if (kind == "off_by_one")
      spoil_result(texts, solution, annotations, i);
    else if (kind == "dropped_step")
      drop_line(texts, solution, annotations, i);
  }
  return texts;
}

}  // namespace lldm::eval
