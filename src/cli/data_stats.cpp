// SPDX-License-Identifier: MIT
// lldm data stats.
#include <algorithm>
#include <iomanip>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/data_options.hpp"
#include "data/bad_rows.hpp"
#include "data/prompt_border.hpp"
#include "lldm/data/template.hpp"
#include "lldm/data/text.hpp"
#include "lldm/errors.hpp"
#include "lldm/stage/model_bundle.hpp"
#include "lldm/text/utf8.hpp"
#include "stage/any_rows.hpp"
#include "stage/prompt_split.hpp"

namespace lldm::cli {
namespace {

using nlohmann::ordered_json;

/// Numbers of a part of the rows, such as the prompts.
struct Lengths {
  std::string part;
  std::vector<std::int64_t> values = {};
};

/// Counts by powers of two: (most, count) of every bin from the first that holds anything.
std::vector<std::pair<std::int64_t, std::int64_t>> histogram(
    const std::vector<std::int64_t>& values) {
  std::map<std::int64_t, std::int64_t> bins;
  for (const std::int64_t value : values) {
    std::int64_t most = 1;
    while (most < value) most *= 2;
    ++bins[value == 0 ? 0 : most];
  }
  return {bins.begin(), bins.end()};
}

/// How long the parts of rows are, in characters or in tokens.
class Measure {
 public:
  explicit Measure(const Arguments& arguments)
      : tokenizer_(tokenizer_of(arguments)), template_(template_beside(arguments)) {}
  [[nodiscard]] const char* unit() const { return tokenizer_ ? "tokens" : "characters"; }
  [[nodiscard]] std::int64_t refused() const { return refused_; }
  [[nodiscard]] std::int64_t spanning() const { return spanning_; }
  [[nodiscard]] bool has_tokenizer() const { return tokenizer_ != nullptr; }

  void add(const SourceRow& row, bool is_text, std::vector<Lengths>& lengths) {
    try {
      std::vector<std::int64_t> all = of(row, is_text);
      for (std::size_t i = 0; i < all.size() && i < lengths.size(); ++i)
        lengths[i].values.push_back(all[i]);
    } catch (const DataError&) {
      ++refused_;
    }
  }

 private:
  /// Of the prompt (not of texts), then of every answer.
  std::vector<std::int64_t> of(const SourceRow& row, bool is_text) {
    std::vector<std::int64_t> all;
    if (is_text) return {size(row.answers.front())};
    if (!tokenizer_) {
      std::int64_t prompt = 0;
      for (const Message& turn : row.messages) prompt += size(turn.content);
      all.push_back(prompt);
      for (const std::string& answer : row.answers) all.push_back(size(answer));
      return all;
    }
    bool is_spanning = false;
    for (const std::string& answer : row.answers) {
      const Rendered rendered = render(template_, row.messages, answer);
      const Encoded encoded = encode(rendered, row.id, *tokenizer_);
      if (all.empty()) all.push_back(static_cast<std::int64_t>(encoded.prompt.size()));
      all.push_back(static_cast<std::int64_t>(encoded.response.size()));
      is_spanning |= spans_border(rendered, encoded.prompt, *tokenizer_);
    }
    spanning_ += is_spanning;
    return all;
  }

  [[nodiscard]] std::int64_t size(const std::string& text) const {
    if (tokenizer_) return static_cast<std::int64_t>(tokenizer_->encode(text).size());
    return std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; });
  }

  std::shared_ptr<const Tokenizer> tokenizer_;
  TemplateOptions template_ = {};
  std::int64_t refused_ = 0, spanning_ = 0;
};

std::vector<Lengths> parts_of(const AnyRows& file) {
  if (file.are_texts()) return {{"text"}};
  if (file.form == RowForm::preference) return {{"prompt"}, {"chosen"}, {"rejected"}};
  if (file.form == RowForm::unpaired) return {{"prompt"}, {"completion"}};
  if (file.form != RowForm::ranked) return {{"prompt"}, {"response"}};
  std::vector<Lengths> parts = {{"prompt"}};
  std::size_t most = 0;
  for (const SourceRow& row : file.rows) most = std::max(most, row.answers.size());
  for (std::size_t i = 0; i < most; ++i) parts.push_back({message("answer ", i + 1)});
  return parts;
}

/// Why rows are bad, each reason without the row's own text, and how often.
std::map<std::string, std::int64_t> reasons(const std::vector<BadRow>& bad) {
  std::map<std::string, std::int64_t> counts;
  for (const BadRow& row : bad) {
    const std::string_view reason = data::without_element(row.reason);
    ++counts[std::string(reason.substr(0, reason.find(';')))];
  }
  return counts;
}

ordered_json lengths_record(std::vector<std::int64_t> values) {
  std::ranges::sort(values);
  const auto rank = [&](std::size_t percent) {
    return values[(values.size() * percent + 99) / 100 - (percent > 0 ? 1 : 0)];
  };
  ordered_json bins = ordered_json::array();
  for (const auto& [most, count] : histogram(values))
    bins.push_back({{"at_most", most}, {"rows", count}});
  return {{"min", values.front()},
          {"median", rank(50)},
          {"p95", rank(95)},
          {"max", values.back()},
          {"histogram", bins}};
}

ordered_json record_of(const AnyRows& file, Measure& measure, std::set<std::string>& prompts) {
  std::set<std::string> contents;
  std::vector<Lengths> lengths = parts_of(file);
  std::int64_t duplicates = 0, prompt_duplicates = 0, wanted = 0;
  for (const SourceRow& row : file.rows) {
    const std::string prompt = prompt_text(row, file.are_texts());
    prompt_duplicates += !prompts.insert(prompt).second;
    duplicates += !contents.insert(row_line(row, file.form)).second;
    wanted += row.wanted.value_or(false);
    measure.add(row, file.are_texts(), lengths);
  }
  ordered_json record = {
      {"file", to_valid_utf8(file.path)},
      {"form", row_form_name(file.form)},
      {"rows", file.rows.size()},
      {"bad_rows", file.bad.size()},
      {"reasons", reasons(file.bad)},
      {"unused_keys", file.unused_keys},
      {"repeated_rows", duplicates},
      {file.are_texts() ? "repeated_texts" : "repeated_prompts", prompt_duplicates}};
  if (file.form == RowForm::unpaired) record["wanted"] = wanted;
  for (const Lengths& part : lengths)
    if (!part.values.empty()) record["lengths"][part.part] = lengths_record(part.values);
  return record;
}

void print_lengths(const std::string& part, const ordered_json& record, const char* unit) {
  constexpr std::int64_t kBar = 40;
  std::cout << "  " << part << ", " << unit << ": " << record.at("min") << " to "
            << record.at("max") << ", median " << record.at("median") << ", 95 % at most "
            << record.at("p95") << '\n';
  std::int64_t most = 1;
  for (const auto& bin : record.at("histogram"))
    most = std::max(most, bin.at("rows").get<std::int64_t>());
  for (const auto& bin : record.at("histogram")) {
    const auto rows = bin.at("rows").get<std::int64_t>();
    std::cout << "    up to " << std::setw(8) << bin.at("at_most").get<std::int64_t>() << "  "
              << std::setw(8) << rows << "  "
              << std::string(static_cast<std::size_t>((rows * kBar + most - 1) / most), '#')
              << '\n';
  }
}

void print(const ordered_json& record, const char* unit) {
  for (const auto& [key, value] : record.items()) {
    if (key == "file") std::cout << value.get<std::string>() << '\n';
    if (key == "file" || key == "lengths" || key == "reasons") continue;
    std::string name = key;
    std::ranges::replace(name, '_', ' ');
    std::cout << "  " << name << ": "
              << (value.is_string() ? value.get<std::string>() : value.dump()) << '\n';
    if (key == "bad_rows")
      for (const auto& [reason, count] : record.at("reasons").items())
        std::cout << "    " << count << " times: " << reason << '\n';
  }
  if (record.contains("lengths"))
    for (const auto& [part, lengths] : record.at("lengths").items())
      print_lengths(part, lengths, unit);
}

}  // namespace

int run_data_stats(const Arguments& arguments) {
  RowReaderOptions options = reader_of(arguments);
  options.collects = true;
  Measure measure(arguments);
  ordered_json files = ordered_json::array(), leaks = ordered_json::array();
  std::vector<std::set<std::string>> prompts;
  for (const std::string& path : arguments.positional) {
    const AnyRows file = read_any_rows(path, options);
    const std::int64_t refused = measure.refused(), spanning = measure.spanning();
    files.push_back(record_of(file, measure, prompts.emplace_back()));
    if (!measure.has_tokenizer()) continue;
    files.back()["not_encoded"] = measure.refused() - refused;
    files.back()["tokens_across_the_border_of_prompt_and_answer"] = measure.spanning() - spanning;
  }
  for (std::size_t a = 0; a < prompts.size(); ++a)
    for (std::size_t b = a + 1; b < prompts.size(); ++b) {
      const auto shared = std::ranges::count_if(
          prompts[a], [&](const std::string& prompt) { return prompts[b].contains(prompt); });
      leaks.push_back(
          {{"files",
            {to_valid_utf8(arguments.positional[a]), to_valid_utf8(arguments.positional[b])}},
           {"shared_prompts", shared}});
    }
  if (arguments.has("json")) {
    std::cout << ordered_json{{"unit", measure.unit()}, {"files", files}, {"leakage", leaks}}.dump()
              << '\n';
    return 0;
  }
  for (const ordered_json& record : files) print(record, measure.unit());
  for (const ordered_json& leak : leaks)
    std::cout << "prompts that " << leak["files"][0].get<std::string>() << " and "
              << leak["files"][1].get<std::string>() << " share: " << leak["shared_prompts"]
              << '\n';
  return 0;
}

}  // namespace lldm::cli
