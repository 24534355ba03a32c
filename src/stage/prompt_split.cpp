// SPDX-License-Identifier: MIT
#include "stage/prompt_split.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "lldm/data/text.hpp"
#include "lldm/errors.hpp"
#include "lldm/storage/sha256.hpp"

namespace lldm {
namespace {

/// Words with one space between them.
std::string with_single_spaces(std::string_view text) {
  std::string result;
  bool is_gap = false;
  for (const char c : trim_white_space(text)) {
    if (c == ' ' || (c >= '\t' && c <= '\r')) {
      is_gap = true;
      continue;
    }
    if (is_gap) result += ' ';
    is_gap = false;
    result += c;
  }
  return result;
}

std::string token_key(const TrainingRow& row, bool is_plain_text) {
  const Text& text = row.answers.front();
  std::string key;
  for (const std::int64_t id : is_plain_text || text.prompt.empty() ? text.response : text.prompt)
    key += std::to_string(id) + ' ';
  return key;
}

/// Sets that grow together.
class Unions {
 public:
  explicit Unions(std::size_t size) : parent_(size) {
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
  }
  std::size_t find(std::size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void join(std::size_t a, std::size_t b) {
    a = find(a), b = find(b);
    parent_[std::max(a, b)] = std::min(a, b);
  }

 private:
  std::vector<std::size_t> parent_;
};

/// The prompts in the order in which they are held out.
std::vector<std::size_t> seeded_order(const PromptGroups& groups, std::int64_t seed) {
  std::vector<std::pair<std::string, std::size_t>> keyed;
  for (std::size_t g = 0; g < groups.names.size(); ++g)
    keyed.emplace_back(sha256_hex(message("held out ", seed, "\n", groups.names[g])), g);
  std::sort(keyed.begin(), keyed.end());
  std::vector<std::size_t> order;
  for (const auto& [key, group] : keyed) order.push_back(group);
  return order;
}

/// Which prompts are held out.
std::vector<bool> chosen_prompts(const PromptGroups& groups, std::int64_t count,
                                 std::int64_t seed) {
  std::vector<std::int64_t> sizes(groups.names.size(), 0);
  for (const std::size_t group : groups.of_row) ++sizes[group];
  std::vector<bool> is_held(sizes.size(), false);
  std::int64_t left = count;
  const std::vector<std::size_t> order = seeded_order(groups, seed);
  for (const std::size_t group : order)
    if (sizes[group] <= left) {
      is_held[group] = true;
      left -= sizes[group];
    }
  if (left == count)  // every prompt has more rows
    is_held[*std::min_element(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return sizes[a] < sizes[b];
    })] = true;
  return is_held;
}

template <class Row>
std::vector<Row> take_out(std::vector<Row>& rows, const std::vector<bool>& is_out) {
  std::vector<Row> out, kept;
  for (std::size_t r = 0; r < rows.size(); ++r)
    (is_out[r] ? out : kept).push_back(std::move(rows[r]));
  rows = std::move(kept);
  return out;
}

std::set<std::string> texts_of(const std::vector<SourceRow>& rows, bool is_plain_text) {
  std::set<std::string> texts;
  for (const SourceRow& row : rows) texts.insert(prompt_text(row, is_plain_text));
  return texts;
}

}  // namespace

std::string prompt_text(const std::string& prompt) { return with_single_spaces(prompt); }

std::string prompt_text(const SourceRow& row, bool is_plain_text) {
  std::string text;
  if (!is_plain_text) {
    const bool is_plain =
        row.messages.empty() || (row.messages.size() == 1 && row.messages.front().role == "user");
    if (is_plain)
      text = with_single_spaces(row.messages.empty() ? row.prompt : row.messages.front().content);
    else
      for (const Message& turn : row.messages)
        text += turn.role + '\x1f' + with_single_spaces(turn.content) + '\x1e';
  }
  return text.empty() ? with_single_spaces(row.answers.front()) : text;
}

PromptGroups prompt_groups(const std::vector<SourceRow>& sources,
                           const std::vector<TrainingRow>& rows, bool is_plain_text) {
  Unions unions(sources.size());
  std::map<std::string, std::size_t> by_text, by_tokens;
  std::vector<std::string> texts;
  for (std::size_t r = 0; r < sources.size(); ++r) {
    texts.push_back(prompt_text(sources[r], is_plain_text));
    unions.join(r, by_text.emplace(texts.back(), r).first->second);
    unions.join(r, by_tokens.emplace(token_key(rows[r], is_plain_text), r).first->second);
  }
  PromptGroups groups;
  std::map<std::size_t, std::size_t> number_of;
  for (std::size_t r = 0; r < sources.size(); ++r) {
    const auto [at, is_new] = number_of.emplace(unions.find(r), groups.names.size());
    if (is_new) groups.names.push_back(texts[r]);
    std::string& name = groups.names[at->second];
    name = std::min(name, texts[r]);
    groups.of_row.push_back(at->second);
  }
  return groups;
}

HeldOut hold_out_prompts(std::vector<SourceRow>& sources, std::vector<TrainingRow>& rows,
                         std::int64_t count, std::int64_t seed, bool is_plain_text,
                         const std::string& stage) {
  HeldOut held;
  if (count == 0) return held;
  const std::string where = message("stage \"", stage, "\": validation_rows = ", count);
  if (count >= static_cast<std::int64_t>(rows.size()))
    throw ConfigError(message(where, " leaves none of the ", rows.size(),
                              " rows to train on\n  legal: 0 to ", rows.size() - 1));
  const PromptGroups groups = prompt_groups(sources, rows, is_plain_text);
  if (groups.names.size() < 2)
    throw ConfigError(message(where, ": all ", rows.size(), " rows have one ",
                              is_plain_text ? "text" : "prompt",
                              ", and none may be on both sides\n  give rows of two or more, "
                              "validation = { file = PATH }, or validation_rows = 0"));
  const std::vector<bool> is_held = chosen_prompts(groups, count, seed);
  std::vector<bool> is_out;
  for (const std::size_t group : groups.of_row) is_out.push_back(is_held[group]);
  held.rows = take_out(rows, is_out);
  held.sources = take_out(sources, is_out);
  held.record["from"] = "data";
  held.record["by"] = is_plain_text ? "text" : "prompt";
  held.record["seed"] = seed;
  held.record["asked_rows"] = count;
  describe_held_out(held, sources, is_plain_text);
  held.record["prompts"] = std::count(is_held.begin(), is_held.end(), true);
  held.record["training_prompts"] = std::count(is_held.begin(), is_held.end(), false);
  return held;
}

void describe_held_out(HeldOut& held, const std::vector<SourceRow>& training, bool is_plain_text) {
  const std::set<std::string> mine = texts_of(held.sources, is_plain_text),
                              theirs = texts_of(training, is_plain_text);
  Result& record = held.record;
  record["rows"] = held.rows.size();
  record["prompts"] = mine.size();
  record["training_rows"] = training.size();
  record["training_prompts"] = theirs.size();
  record["shared_prompts"] = std::count_if(
      mine.begin(), mine.end(), [&](const std::string& text) { return theirs.contains(text); });
  Sha256 hash;
  for (const std::string& text : mine) hash.update(text).update("\n");
  record["prompts_hash"] = "sha256:" + hash.hex();
  record["row_ids"] = Result::array();
  for (const TrainingRow& row : held.rows) record["row_ids"].push_back(row.id);
}

}  // namespace lldm
