// SPDX-License-Identifier: MIT
#include "train/mismatched.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

constexpr std::size_t kFewest = 8;  // rows of which anything can be said
constexpr double kMostSkew = 0.25;  // of the share of wanted answers

const std::vector<std::int64_t>& prompt_of(const TrainingRow& row) {
  return row.answers.front().prompt;
}

/// `mismatched_row` of all labelled rows, in one walk.
std::vector<std::size_t> all_mismatched(std::span<const TrainingRow> rows) {
  std::vector<std::size_t> of(rows.size());
  of.front() = mismatched_row(rows, 0);
  for (std::size_t i = 1; i < rows.size(); ++i)
    of[i] = prompt_of(rows[i]) == prompt_of(rows[i - 1]) ? of[i - 1] : i - 1;
  return of;
}

double share_of_wanted(std::span<const TrainingRow> rows, const std::vector<std::size_t>& chosen) {
  const auto wanted = std::ranges::count_if(
      chosen, [&](std::size_t row) { return rows[row].wanted.value_or(false); });
  return static_cast<double>(wanted) / static_cast<double>(chosen.size());
}

/// Steps of the first epoch whose mismatched answers are all to one prompt, though their rows'
/// prompts are several.
std::int64_t degenerate_steps(std::span<const TrainingRow> rows,
                              const std::vector<std::size_t>& mismatched, RowOrder& order,
                              std::int64_t rows_per_step) {
  const auto count = static_cast<std::int64_t>(rows.size());
  std::int64_t degenerate = 0;
  for (std::int64_t step = 0; (step + 1) * rows_per_step <= count; ++step) {
    std::set<std::vector<std::int64_t>> to;
    for (const RowOrder::Entry& entry : order.step(step, count))
      to.insert(prompt_of(rows[mismatched[static_cast<std::size_t>(entry.row)]]));
    degenerate += to.size() == 1;
  }
  return degenerate;
}

int percent(double share) { return static_cast<int>(share * 100 + 0.5); }

}  // namespace

std::size_t mismatched_row(std::span<const TrainingRow> rows, std::size_t here) {
  const bool is_labelled = rows[here].wanted.has_value();
  for (std::size_t step = 1; step < rows.size(); ++step) {
    const std::size_t there = (is_labelled ? here + rows.size() - step : here + step) % rows.size();
    if (prompt_of(rows[there]) != prompt_of(rows[here])) return there;
  }
  return here;
}

std::string mismatched_problem(std::span<const TrainingRow> rows, RowOrder order,
                               std::int64_t rows_per_step) {
  if (rows.size() < kFewest || !rows.front().wanted) return "";
  const std::vector<std::size_t> mismatched = all_mismatched(rows);
  if (mismatched.front() == 0) return "";  // one prompt: refused when it is trained on
  std::vector<std::size_t> all(rows.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  std::string text;
  const auto add = [&](const std::string& what) { text += (text.empty() ? "" : "; ") + what; };
  const double has = share_of_wanted(rows, mismatched), should = share_of_wanted(rows, all);
  if (std::abs(has - should) > kMostSkew)
    add(message(percent(has), " % of the mismatched answers are wanted ones, of all answers ",
                percent(should), " %"));
  const std::size_t distinct = std::set(mismatched.begin(), mismatched.end()).size();
  if (2 * distinct < rows.size())
    add(message(rows.size(), " prompts are scored with ", distinct, " mismatched answers"));
  if (rows_per_step > 1)
    if (const std::int64_t steps = degenerate_steps(rows, mismatched, order, rows_per_step);
        4 * steps > static_cast<std::int64_t>(rows.size()) / rows_per_step)
      add(message("in ", steps, " of ", static_cast<std::int64_t>(rows.size()) / rows_per_step,
                  " steps all mismatched answers are to one prompt"));
  if (text.empty()) return "";
  return message(
      "the baseline depends on the order of the rows, and in this one ", text,
      "\n  shuffle the file (lldm data convert --to unpaired does it for pairs), or give "
      "rows of more prompts");
}

std::string mismatched_too_long(std::span<const TrainingRow> rows, const ScoreLabels& labels,
                                std::int64_t max_length) {
  constexpr int kMostListed = 10;
  if (rows.empty()) return "";
  const std::vector<std::size_t> mismatched = all_mismatched(rows);
  std::string list;
  int bad = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t prompt = prompt_of(rows[i]).size(),
                      answer = rows[mismatched[i]].answers.front().response.size();
    if (static_cast<std::int64_t>(prompt + answer) <= max_length) continue;
    if (bad++ < kMostListed)
      list += message("\n  ", labels.row_text(rows[i].id), ": ", prompt + answer,
                      " tokens (prompt ", prompt, ", the answer of ",
                      labels.row_text(rows[mismatched[i]].id), " ", answer, ")");
  }
  if (bad == 0) return "";
  if (bad > kMostListed) list += message("\n  and ", bad - kMostListed, " more");
  return message("the objective scores every prompt with the answer of another row, too, and ", bad,
                 " of these text(s) are longer than the model's ", max_length, " tokens", list,
                 "\n  give shorter rows, a model with a larger [model] max_length, or kl = "
                 "\"none\"");
}

}  // namespace lldm
