// SPDX-License-Identifier: MIT
#include "synthesis/wrong_chain.hpp"

#include <algorithm>

#include "lldm/errors.hpp"

namespace lldm {

std::string_view to_string(ErrorKind kind) {
  for (const auto& choice : choices(std::type_identity<ErrorKind>{}))
    if (choice.value == kind) return choice.name;
  return "?";
}

bool changes_answer(ErrorKind kind) {
  return kind != ErrorKind::swapped_steps && kind != ErrorKind::unit &&
         kind != ErrorKind::swapped_entity && kind != ErrorKind::negated_premise;
}

namespace synthesis {

Chain read_chain(std::string_view prompt, std::string_view text) {
  return {prompt, text, find_annotations(text), find_steps(text)};
}

void Changes::set(double from, double to) {
  forget(from);
  if (!is_same(from, to)) list_.emplace_back(from, to);
}

void Changes::forget(double from) {
  std::erase_if(list_, [&](const auto& change) { return is_same(change.first, from); });
}

const double* Changes::find(double from) const {
  for (const auto& change : list_)
    if (is_same(change.first, from)) return &change.second;
  return nullptr;
}

namespace {

/// `text` with every changed number written anew; nothing if one cannot be.
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

}  // namespace

std::optional<CarriedOn> carry_on(std::string_view text, Changes changes) {
  CarriedOn out;
  std::size_t done = 0;
  for (const auto& annotation : find_annotations(text)) {
    const auto words = replace_numbers(text.substr(done, annotation.begin - done), changes);
    const auto expression = replace_numbers(annotation.expression, changes);
    if (!words || !expression) return std::nullopt;
    out.text += *words;
    done = annotation.end;
    if (*expression == annotation.expression) {
      out.text += text.substr(annotation.begin, annotation.end - annotation.begin);
      changes.forget(annotation.value);  // computed anew, and as before
      continue;
    }
    const auto value = evaluate(*expression);
    const auto digits = value ? write_value(*value, false) : std::nullopt;
    if (!annotation.is_true || !digits) return std::nullopt;
    out.text += annotation.written(*expression, *digits);
    changes.set(annotation.value, *value);
    ++out.equations;
  }
  const auto words = replace_numbers(text.substr(done), changes);
  if (!words) return std::nullopt;
  out.text += *words;
  return out;
}

std::string apply_edit(std::string_view text, const Edit& edit) {
  std::string out(text.substr(0, edit.begin));
  out += edit.text;
  return out += text.substr(edit.end);
}

Place place_of(const Chain& chain, std::size_t i) {
  const auto& annotation = chain.annotations[i];
  const auto line = chain.text.rfind('\n', annotation.begin);
  std::size_t start = line == std::string_view::npos ? 0 : line + 1;
  if (i > 0) start = std::max(start, chain.annotations[i - 1].end);
  return {chain.text.substr(0, start), chain.text.substr(start, annotation.begin - start),
          chain.text.substr(annotation.end)};
}

WrongChains spoil(const Chain& chain, ErrorKind kind) {
  switch (kind) {
    case ErrorKind::operation:
      return change_operations(chain);
    case ErrorKind::operand:
      return change_operands(chain);
    case ErrorKind::off_by_one:
      return slip_by_one(chain);
    case ErrorKind::dropped_step:
      return drop_steps(chain);
    case ErrorKind::swapped_steps:
      return swap_steps(chain);
    case ErrorKind::unit:
      return change_units(chain);
    case ErrorKind::carry_over:
      return forget_carries(chain);
    case ErrorKind::final_answer:
      return change_answer(chain);
    case ErrorKind::swapped_entity:
      return swap_entities(chain);
    case ErrorKind::negated_premise:
      return negate_premises(chain);
    case ErrorKind::unsupported_conclusion:
      return change_conclusion(chain);
  }
  throw Error("no such kind of error");
}

}  // namespace synthesis
}  // namespace lldm
