// SPDX-License-Identifier: MIT
// Sets of a user's own that nothing is trained on: `lldm data benchmark`, `benchmarks = FILE`.
// Internal to src.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace lldm::synthesis {

/// A prompt as it is kept: the first 12 hexadecimal digits of the SHA-256 of `benchmark_key`; ""
/// for one whose key has fewer characters than say anything (20).
[[nodiscard]] std::string benchmark_digest(std::string_view prompt);

/// Digests of the prompts of some sets, by the set's name.  On disk JSON Lines, one set a line:
/// {"benchmark": NAME, "digest": "sha256/12 of the key with signs", "prompts": [...]}.
class BenchmarkSets {
 public:
  BenchmarkSets() = default;
  /// Errors  DataError: no file, or none of these lines, with its line.
  explicit BenchmarkSets(const std::filesystem::path& file);

  /// Adds a prompt; false for one too short to be known.
  bool add(const std::string& name, std::string_view prompt);
  /// The set that holds a digest; "" if none does.
  [[nodiscard]] std::string holder_of(const std::string& digest) const;
  [[nodiscard]] std::string lines() const;
  [[nodiscard]] const std::map<std::string, std::set<std::string>>& sets() const { return sets_; }

 private:
  std::map<std::string, std::set<std::string>> sets_;
};

}  // namespace lldm::synthesis
