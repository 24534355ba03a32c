// SPDX-License-Identifier: MIT
#include "synthesis/benchmarks.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "lldm/errors.hpp"
#include "lldm/storage/sha256.hpp"
#include "synthesis/benchmark_hashes.hpp"
#include "synthesis/prompt_key.hpp"

namespace lldm::synthesis {
namespace {

constexpr std::size_t kMostPlaces = 5;

/// Whether a table's digests, ascending and one behind the other, hold this one.
bool holds(std::string_view digits, std::string_view digest) {
  std::size_t low = 0, high = digits.size() / kBenchmarkDigits;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    const auto at = digits.substr(middle * kBenchmarkDigits, kBenchmarkDigits);
    if (at == digest) return true;
    (at < digest ? low : high) = at < digest ? middle + 1 : middle;
  }
  return false;
}

std::string in_set(std::string_view text, std::size_t shortest, const BenchmarkSets* sets) {
  const std::string key = benchmark_key(text);
  const std::size_t length = key_length(key);
  if (length < shortest) return "";
  const std::string digest = sha256_hex(key).substr(0, kBenchmarkDigits);
  for (const BenchmarkTable& table : benchmark_tables())
    if (holds(table.digits, digest)) return std::string(table.name);
  return sets && length >= kShortestPrompt ? sets->holder_of(digest) : "";
}

/// The words of a path's last two parts, in lower case.
std::vector<std::string> words_of(const std::filesystem::path& file) {
  std::vector<std::string> words(1);
  const std::string text = file.parent_path().filename().string() + '/' + file.stem().string();
  for (const char c : text)
    if (std::isalnum(static_cast<unsigned char>(c)))
      words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (!words.back().empty())
      words.emplace_back();
  return words;
}

bool holds(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

std::string benchmark_of(std::string_view prompt, const BenchmarkSets* sets) {
  if (std::string whole = in_set(prompt, 1, sets); !whole.empty()) return whole;
  for (const std::string_view mark : {"\n\n", "\n"})
    if (prompt.find(mark) != std::string_view::npos)
      for (std::size_t begin = 0; begin < prompt.size();) {
        const std::size_t end = std::min(prompt.find(mark, begin), prompt.size());
        if (std::string part = in_set(prompt.substr(begin, end - begin), kShortestPrompt, sets);
            !part.empty())
          return part;
        begin = end + mark.size();
      }
  return "";
}

std::string benchmark_name(const std::filesystem::path& file) {
  static constexpr std::array<std::string_view, 11> sets = {
      "gsm8k",         "math", "logiqa", "hotpotqa",   "hotpot", "countdown",
      "commonsenseqa", "csqa", "sudoku", "strategyqa", "arc"};
  static constexpr std::array<std::string_view, 7> parts = {
      "test", "dev", "development", "eval", "valid", "validation", "val"};
  const std::vector<std::string> words = words_of(file);
  if (holds(words, "train") || holds(words, "training")) return "";
  const auto names = [&](std::string_view set) {
    return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
      return word.starts_with(set) && (word.size() == set.size() ||
                                       std::isdigit(static_cast<unsigned char>(word[set.size()])));
    });
  };
  const bool is_set = std::any_of(sets.begin(), sets.end(), names) ||
                      (holds(words, "grade") && holds(words, "school") && holds(words, "math"));
  const bool is_part =
      std::any_of(parts.begin(), parts.end(), [&](auto part) { return holds(words, part); });
  const bool is_math500 = holds(words, "math500") || (holds(words, "math") && holds(words, "500"));
  if (!is_math500 && !(is_set && is_part)) return "";
  return message("the name ", file.parent_path().filename().string(),
                 file.parent_path().filename().empty() ? "" : "/", file.filename().string());
}

BenchmarkPrompts::BenchmarkPrompts(const std::filesystem::path& sets) {
  if (!sets.empty()) sets_ = BenchmarkSets(sets);
}

void BenchmarkPrompts::look(std::string_view prompt, const std::string& place) {
  const std::string set = benchmark_of(prompt, &sets_);
  if (set.empty()) return;
  ++counts_[set];
  if (places_.size() < kMostPlaces) places_.push_back(message(place, ": of ", set));
}

void BenchmarkPrompts::look_at_name(const std::filesystem::path& file) {
  if (const std::string name = benchmark_name(file); !name.empty()) {
    ++counts_[name];
    places_.insert(places_.begin(), message(file.string(), ": known by ", name));
  }
}

void BenchmarkPrompts::refuse(const std::string& where, const std::string& remedy) const {
  if (!is_any()) return;
  std::string text = message(where, ": data that models are measured by is never trained on");
  for (const std::string& place : places_) text += "\n  " + place;
  std::int64_t rows = 0;
  for (const auto& [set, count] : counts_)
    if (!set.starts_with("the name")) rows += count;
  if (rows > static_cast<std::int64_t>(places_.size()))
    text += message("\n  and others, ", rows, " rows in all");
  throw DataError(text + "\n  " + remedy);
}

}  // namespace lldm::synthesis
