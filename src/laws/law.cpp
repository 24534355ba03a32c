// SPDX-License-Identifier: MIT
#include "lldm/laws/law.hpp"

#include <cmath>
#include <exception>
#include <limits>

#include "lldm/errors.hpp"

namespace lldm::laws {
namespace {

/// On one line: what a component says may hold several.
std::string on_one_line(const std::string& text) {
  std::string out;
  for (const char c : text.substr(0, text.find("\nException raised from"))) {
    if (c == '\n')
      out += "; ";
    else if (c != ' ' || out.empty() || out.back() != ' ')
      out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  }
  return out;
}

}  // namespace

LawResult check_law(const Law& law) {
  try {
    return {law.name, law.check()};
  } catch (const std::exception& error) {
    return {law.name, fails(message("it threw \"", error.what(), "\""), "no exception")};
  } catch (...) {
    return {law.name, fails("it threw something that is not a std::exception", "no exception")};
  }
}

std::string line_of(const std::string& component, const LawResult& result) {
  const Finding& found = result.finding;
  const char* word = found.outcome == Outcome::holds   ? "pass"
                     : found.outcome == Outcome::fails ? "FAIL"
                                                       : "skip";
  std::string line = message(component, ": ", result.law);
  if (!found.seen.empty())
    line += found.outcome == Outcome::fails ? ": " + found.seen : " (" + found.seen + ")";
  if (!found.right.empty()) line += "; right: " + found.right;
  return message(word, "  ", on_one_line(line));
}

void Largest::see(double value, const std::function<std::string()>& where) {
  if (std::isnan(value)) value = std::numeric_limits<double>::infinity();
  if (value <= value_) return;
  value_ = value;
  where_ = where();
}

Finding Largest::at_most(double allowed, const std::string& what, const std::string& right) const {
  std::string seen = message(what, " ", value_, ", at most ", allowed);
  if (value_ <= allowed) return holds(std::move(seen));
  return fails(seen + " is legal; at " + where_, right);
}

}  // namespace lldm::laws
