// SPDX-License-Identifier: MIT
#include "run/choices_table.hpp"

#include <algorithm>
#include <string>
#include <tuple>

#include "config/choice_name.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/bytes.hpp"
#include "lldm/model/model_options.hpp"
#include "lldm/render/table.hpp"

namespace lldm {
namespace {

constexpr std::size_t kMostShown = 12;

/// Seconds that a table shows alike are alike: then what holds less of the host comes first.
bool is_faster(const StepChoice& a, const StepChoice& b) {
  const auto order = [](const StepChoice& choice) {
    return std::tuple{std::stod(rounded_text(choice.seconds_per_step(), 3)), choice.host_bytes,
                      choice.seconds_per_step()};
  };
  return order(a) < order(b);
}

}  // namespace

std::vector<std::size_t> fitting(const std::vector<StepChoice>& choices) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < choices.size(); ++i)
    if (choices[i].memory.fits()) order.push_back(i);
  std::ranges::stable_sort(
      order, [&](std::size_t a, std::size_t b) { return is_faster(choices[a], choices[b]); });
  return order;
}

std::size_t least_of(const std::vector<StepChoice>& choices) {
  const auto least = std::ranges::min_element(
      choices, {}, [](const StepChoice& c) { return c.memory.peak_bytes(); });
  return static_cast<std::size_t>(least - choices.begin());
}

namespace {

std::vector<std::string> row_of(const StepChoice& choice, std::string_view mark) {
  return {std::string(mark),
          config::choice_name(choice.storage),
          choice.is_streamed ? "streamed" : "resident",
          message(choice.optimizer, choice.is_optimizer_on_host ? ", host" : ""),
          config::choice_name(choice.recomputation),
          std::string(to_string(choice.path)),
          std::to_string(choice.tokens_per_forward),
          !choice.has_reference        ? "-"
          : choice.is_reference_cached ? "cached"
                                       : "held",
          choice.host_bytes > 0 ? bytes_text(choice.host_bytes) : "-",
          choice.memory.fits() ? "yes" : "no",
          bytes_text(choice.memory.peak_bytes()),
          rounded_text(choice.seconds_per_step(), 3)};
}

Table table_of(const std::vector<StepChoice>& choices) {
  Table table;
  table.columns = {{"", Align::left},
                   {"storage", Align::left},
                   {"weights", Align::left},
                   {"optimizer", Align::left},
                   {"recomputation", Align::left},
                   {"path", Align::left},
                   {"tokens a pass"},
                   {"reference", Align::left},
                   {"on the host"},
                   {"fits", Align::left},
                   {"memory"},
                   {"s a step"}};
  table.rows.push_back(row_of(choices.front(), "the file"));
  const std::vector<std::size_t> fit = fitting(choices);
  std::size_t shown = 0;
  for (const std::size_t i : fit)
    if (i > 0 && shown++ < kMostShown)
      table.rows.push_back(
          row_of(choices[i], shown == 1 ? "fastest that fits" : message(shown, ".")));
  if (fit.empty()) table.rows.push_back(row_of(choices[least_of(choices)], "holds least"));
  return table;
}

/// Takes out the columns in which all rows agree, but for the first and the last two; says them.
std::string take_common(Table& table) {
  constexpr std::size_t kKept = 2;  // memory and seconds
  std::string said;
  for (std::size_t c = table.columns.size() - kKept; c-- > 1;) {
    const auto differs = [&](const std::vector<std::string>& row) {
      return row[c] != table.rows.front()[c];
    };
    if (table.rows.size() < 2 || std::ranges::any_of(table.rows, differs)) continue;
    const std::string& value = table.rows.front()[c];
    if (value != "-")
      said = message(table.columns[c].header, " ", value, said.empty() ? "" : ", ", said);
    const auto place = static_cast<std::ptrdiff_t>(c);
    table.columns.erase(table.columns.begin() + place);
    for (std::vector<std::string>& row : table.rows) row.erase(row.begin() + place);
  }
  return said.empty() ? "" : message("  all of these: ", said, "\n");
}

}  // namespace

std::string choices_table(const std::vector<StepChoice>& choices, int width) {
  Table table = table_of(choices);
  const std::string common = take_common(table);
  return common + text_table(table, width);
}

}  // namespace lldm
