// SPDX-License-Identifier: MIT
// Data sets that models are measured by, and that nothing is trained on: recognised by the name of
// their file and by what their prompts say.  Internal to src.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "synthesis/benchmark_sets.hpp"

namespace lldm::synthesis {

/// The benchmark that holds this prompt: "MATH-500", "GSM8K test", "LogiQA dev", "HotpotQA dev", or
/// one of `sets`; "" if none does.  The whole prompt is looked at, and each of its paragraphs (a
/// prompt with examples before it holds several questions; LogiQA's context is one).
/// Cost    one SHA-256 for each of them.
[[nodiscard]] std::string benchmark_of(std::string_view prompt,
                                       const BenchmarkSets* sets = nullptr);

/// The benchmark that a file's name and its folder's say it is, as "the name logiqa/test.txt";
/// "" for others.  A name that says "train" is none.
[[nodiscard]] std::string benchmark_name(const std::filesystem::path& file);

/// Which benchmarks some prompts are of, and how many of each.
class BenchmarkPrompts {
 public:
  /// `sets`: a file of sets that are known beside the built-in ones; none where it is empty.
  /// Errors  DataError as BenchmarkSets.
  explicit BenchmarkPrompts(const std::filesystem::path& sets = {});
  /// `place`: "rows.jsonl:12", told of the first ones.
  void look(std::string_view prompt, const std::string& place);
  void look_at_name(const std::filesystem::path& file);
  [[nodiscard]] bool is_any() const { return !counts_.empty(); }
  [[nodiscard]] const std::map<std::string, std::int64_t>& counts() const { return counts_; }
  /// DataError with the sets, their first rows and `remedy` (a line), if there are any.
  void refuse(const std::string& where, const std::string& remedy) const;

 private:
  BenchmarkSets sets_;
  std::map<std::string, std::int64_t> counts_;
  std::vector<std::string> places_;
};

}  // namespace lldm::synthesis
