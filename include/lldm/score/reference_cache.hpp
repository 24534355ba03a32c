// SPDX-License-Identifier: MIT
// What a frozen reference reads of score plans, kept on disk: docs/reference_cache.md.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "lldm/concepts/plan.hpp"

namespace lldm {

class RecordFile;

/// Everything that decides what a reference reads at a plan's queries, and nothing else: lengths,
/// tokens, queried positions and targets, posteriors, attention, the numbers of a path of its own.
/// Weights, constants and combination are left out, since they are applied to what was read: two
/// objectives (LD-DPO's weights) or two estimators that ask the same share an entry.
using PlanKey = std::array<std::uint8_t, 32>;  // a SHA-256
[[nodiscard]] PlanKey plan_key(const ScorePlan& plan);

/// Which model's readouts a file holds.  Where one of these differs, the numbers do.
struct ReferenceIdentity {
  std::string model;                  // hash of the shape and every weight, as they are in memory
  std::string dtype;                  // "float32"
  std::string quantisation = "none";  // of the weights
  std::int64_t excluded_logit = -1;   // id taken out of the softmax; -1: none
  std::string tokenizer;              // its fingerprint
  std::string device;                 // "cpu", "cuda"
};

/// Who fills a cache.
struct ReferenceSource {
  ReferenceIdentity identity;
  std::string origin;   // the same for the same stage or model folder under the same settings
  std::string made_by;  // for people: "stage sft of smoke"
};

/// A plan's readouts, and where the plan came from.
struct StoredPlan {
  PlanKey key = {};
  std::uint64_t epoch = 0, row = 0, answer = 0;
  std::vector<double> readouts;  // [queries] nats
};

/// The readouts of one reference: a file in a folder, named by the hash of its identity and of the
/// format.  Any number of processes may read and extend it at the same time.
///
/// Memory  about 80 bytes a plan; readouts are read when they are asked for.
/// Cost    opening reads and checks every byte.
class ReferenceCache {
 public:
  /// Opens or makes the file of `source` in `folder`.
  ///
  /// A folder that has no such file but one of another reference is refused, since a reference that
  /// changed would otherwise be scored anew without a word; unless that one's origin is in
  /// `siblings` (the other references of the same experiment) and is not `source.origin`.
  /// Errors  DataError naming every field that differs, with both values, or what is damaged, and
  ///         the file; ConfigError if `folder` is a file; FileError.
  ReferenceCache(const std::filesystem::path& folder, const ReferenceSource& source,
                 std::span<const std::string> siblings = {});
  ~ReferenceCache();

  [[nodiscard]] const std::filesystem::path& file() const;
  /// Plans held.
  [[nodiscard]] std::size_t size() const { return offsets_.size(); }
  [[nodiscard]] bool contains(const PlanKey& key) const { return offsets_.contains(key); }
  /// [queries] of a plan that is held.
  /// Errors  DataError if it is not, or its record is damaged.
  [[nodiscard]] std::vector<double> readouts(const ScorePlan& plan) const;

  /// Reads what other processes appended.
  void refresh();
  /// Appends plans, durably.
  /// Errors  FileError.
  void append(std::span<const StoredPlan> plans);
  /// Appends a text that says how what follows was asked for; `last_note` is the newest, "" if
  /// there is none.
  void append_note(const std::string& text);
  [[nodiscard]] const std::string& last_note() const { return last_note_; }
  /// What was damaged or cut off since the last call, one line each: to be shown.
  [[nodiscard]] std::vector<std::string> take_problems();

 private:
  struct KeyHash {
    std::size_t operator()(const PlanKey& key) const;
  };
  template <class Record>
  void see(const Record& record);

  std::unique_ptr<RecordFile> records_;
  std::unordered_map<PlanKey, std::uint64_t, KeyHash> offsets_;
  std::string last_note_;
};

/// What lies in a cache's folder, for people: "2 references, 3.4 MiB"; "" where there is nothing.
[[nodiscard]] std::string describe_reference_cache(const std::filesystem::path& folder);

}  // namespace lldm
