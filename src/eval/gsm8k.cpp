// SPDX-License-Identifier: MIT
#include "lldm/eval/gsm8k.hpp"

#include <algorithm>

#include "data/bad_rows.hpp"
#include "data/line_reader.hpp"
#include "data/row_parser.hpp"
#include "eval/error_names.hpp"
#include "lldm/errors.hpp"
#include "synthesis/wrong_chain.hpp"

namespace lldm {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr std::string_view kInvalid = "[invalid]";

std::string extract_strict(std::string_view text) {
  constexpr std::string_view mark = "#### ";
  const auto is_number = [](char c) { return is_digit(c) || c == '.' || c == ','; };
  for (auto at = text.find(mark); at != std::string_view::npos; at = text.find(mark, at + 1)) {
    const auto start = at + mark.size();
    const auto digits = start + (start < text.size() && text[start] == '-' ? 1 : 0);
    auto end = digits;
    while (end < text.size() && is_number(text[end])) ++end;
    if (end > digits) return std::string(text.substr(start, end - start));
  }
  return std::string(kInvalid);
}

std::string extract_flexible(std::string_view text) {
  const auto is_run = [](char c) { return is_digit(c) || c == '.' || c == ',' || c == '$'; };
  std::string_view last = kInvalid;
  for (std::size_t at = 0; at < text.size();) {
    const auto start = at + (text[at] == '-' ? 1 : 0);
    auto end = start;
    while (end < text.size() && is_run(text[end])) ++end;
    // The first branch takes a run of two or more; the second a lone digit.
    if (end - start >= 2 || (end - start == 1 && is_digit(text[start]))) {
      last = text.substr(at, end - at);
      at = end;
    } else {
      ++at;
    }
  }
  return std::string(last);
}

// The regexes_to_ignore of the harness, in order, then lower case.
std::string normalise(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c != ',' && c != '$') out += c;
  if (const auto mark = out.rfind("#### "); mark != std::string::npos) out.erase(0, mark + 5);
  // Python's "$" also matches before a line end that closes the text.
  const auto end = out.size() - (out.ends_with('\n') ? 1 : 0);
  if (end > 0 && out[end - 1] == '.') out.erase(end - 1, 1);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::vector<Example> read_examples(const std::string& path, std::int64_t limit) {
  data::LineReader lines(path, RowReaderOptions{}.max_line_bytes);
  const auto stem = std::filesystem::path(path).stem().string();
  std::vector<Example> examples;
  std::vector<BadRow> bad;
  while ((limit == 0 || static_cast<std::int64_t>(examples.size() + bad.size()) < limit) &&
         lines.next()) {
    try {
      const auto row = data::parse_row(lines);
      for (const auto* key : {"question", "answer"})
        if (!row.contains(key) || !row[key].is_string())
          throw data::RowFault{0, message('"', key, "\" is missing or not a string")};
      examples.push_back({message("gsm8k-", stem, '-', lines.number()),
                          "Question: " + row["question"].get<std::string>() + "\nAnswer:",
                          row["answer"].get<std::string>(), data::place_of(path, lines)});
    } catch (const data::RowFault& fault) {
      bad.push_back(data::bad_row(lines, fault.column, fault.reason));
    }
  }
  if (!bad.empty())
    throw DataError(message(path, ": ", bad.size(), " of ", lines.number(), " rows cannot be used",
                            data::list_bad_rows(path, bad)));
  if (examples.empty()) throw DataError(message(path, ": holds no rows"));
  return examples;
}

}  // namespace

std::string_view gsm8k_until(std::string_view output) {
  for (const std::string_view stop : {"Question:", "</s>", "<|im_end|>"})
    output = output.substr(0, output.find(stop));
  return output;
}

std::string gsm8k_extract(Gsm8kFilter filter, std::string_view output) {
  return filter == Gsm8kFilter::strict ? extract_strict(output) : extract_flexible(output);
}

bool gsm8k_matches(std::string_view extracted, std::string_view reference) {
  return normalise(extracted) == normalise(reference);
}

Gsm8k::Gsm8k(const Options& options) : options_(options) {
  if (options.path.empty())
    throw ConfigError("gsm8k: path is missing\n  it names a JSONL file, such as gsm8k/test.jsonl");
  if (options.limit < 0)
    throw ConfigError(message("gsm8k: limit must be at least 0 (all), got ", options.limit));
  examples_ = std::make_shared<const std::vector<Example>>(
      read_examples(options.path.string(), options.limit));
}

Verdict Gsm8k::check(const Example& example, std::string_view output) const {
  Verdict verdict;
  output = gsm8k_until(output);
  for (const auto filter : {Gsm8kFilter::strict, Gsm8kFilter::flexible}) {
    auto extracted = gsm8k_extract(filter, output);
    const bool is_match = gsm8k_matches(extracted, example.answer);
    verdict.metrics[filter == Gsm8kFilter::strict ? "strict_match" : "flexible_extract"] =
        is_match ? 1.0 : 0.0;
    if (filter != options_.filter) continue;
    verdict.is_correct = is_match;
    verdict.extracted = std::move(extracted);
  }
  verdict.grade = verdict.is_correct ? 1.0 : 0.0;
  return verdict;
}

std::optional<Injection> Gsm8k::inject_error(const Example& example, Stream& draws) const {
  const auto kind =
      eval::kErrorKinds[static_cast<std::size_t>(draws.below(eval::kErrorKinds.size()))];
  const auto chain = synthesis::read_chain(example.prompt, example.answer);
  auto texts = synthesis::spoil(chain, eval::error_kind(kind));
  std::erase_if(texts, [&](const auto& wrong) {
    const auto verdict = check(example, wrong.text);
    return verdict.metrics.at("strict_match") == 1.0 ||
           verdict.metrics.at("flexible_extract") == 1.0;
  });
  if (texts.empty()) return std::nullopt;
  const auto chosen = draws.below(static_cast<std::int64_t>(texts.size()));
  return Injection{std::move(texts[static_cast<std::size_t>(chosen)].text), std::string(kind)};
}

}  // namespace lldm
