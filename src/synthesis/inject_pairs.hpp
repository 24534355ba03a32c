// SPDX-License-Identifier: MIT
// Pairs of a right chain and the same with one error in it.  Internal to src.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "lldm/concepts/task.hpp"
#include "lldm/synthesis/error_kind.hpp"

namespace lldm::synthesis {

/// Grows when the same rows, kinds and seed give other pairs: part of every pair's provenance.
inline constexpr int kSynthesisScheme = 1;

/// What is asked of the pairs.
struct InjectionRule {
  std::vector<ErrorKind> kinds;       // in any order
  std::int64_t per_kind = 1;          // of one kind, at most so many of a prompt
  std::int64_t pairs_per_prompt = 0;  // of all kinds, chosen at random; 0: all
  std::uint64_t seed = 42;
};

/// Where the right chains are from.
struct PairSource {
  std::string name;            // the file's without its folder, or the task's
  std::string sha256 = {};     // of the file; "" for none
  std::string benchmark = {};  // what its name says (benchmarks.hpp); "" for none
};

/// Why a kind made no pair of a row.
struct KindCounts {
  std::int64_t pairs = 0;
  std::int64_t does_not_apply = 0;  // rows without a place for it
  std::int64_t still_right = 0;     // rows where every such chain still came to the right answer
  std::int64_t inconsistent = 0;    // rows where none could be worked out anew behind the error
  std::int64_t repeated = 0;        // rows read before, or whose every such chain another kind made
};

struct InjectionCounts {
  std::int64_t rows = 0, pairs = 0;
  std::int64_t without_chain = 0;     // rows that have no worked answer
  std::int64_t wrong_references = 0;  // rows whose own answer the checker calls wrong
  std::int64_t above_cap = 0;         // pairs left out by pairs_per_prompt
  std::map<ErrorKind, KindCounts> kinds;
  std::map<std::string, std::int64_t> benchmark;  // rows of each
  [[nodiscard]] nlohmann::ordered_json json() const;
  /// One line a kind, for the terminal and the log.
  [[nodiscard]] std::string table() const;
};

using Check = std::function<Verdict(const Example& example, const std::string& output)>;

/// Makes pairs row by row.
///
/// A row's draws are keyed by the seed, what the row says, the kind and the number of the pair:
/// its pairs depend on no other row (but for rows that say the same), on no order of the kinds and
/// on no thread.  Every pair's chosen chain is right by the check.  Its rejected one is wrong by
/// the check; where the kind leaves the answer as it is, "what" in the pair's provenance says what
/// is wrong.  No two pairs are the same.
class Injector {
 public:
  Injector(InjectionRule rule, PairSource source, Check check);
  /// The pairs of one row, a line of JSON each, in the order of the kinds' numbers.
  [[nodiscard]] std::vector<std::string> pairs_of(const Example& example);
  [[nodiscard]] const InjectionCounts& counts() const { return counts_; }

 private:
  struct Row;
  struct Made;
  void add_kind(const Row& row, ErrorKind kind, std::vector<Made>& made);
  [[nodiscard]] std::string line_of(const Row& row, const Made& made) const;

  InjectionRule rule_;
  PairSource source_;
  Check check_;
  InjectionCounts counts_;
  std::set<std::uint64_t> known_;  // keys of the rows read
};

}  // namespace lldm::synthesis
