// SPDX-License-Identifier: MIT
// Finished work, kept for every experiment: `--store DIR`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lldm/storage/lock_file.hpp"

namespace lldm {

/// What is known of a piece of stored work.
struct StoreEntry {
  std::string key;
  nlohmann::ordered_json about;  // entry.json: stage, kind, model, experiment, seed, hash, made
  std::int64_t bytes = 0;
  std::int64_t published = 0, used = 0;  // seconds since 1970
};

/// What `prune` removes: everything that any limit given names.
struct PruneLimits {
  std::optional<std::int64_t> older_than_seconds = {};  // since it was published
  std::optional<std::int64_t> unused_for_seconds = {};  // since it was last taken (or published)
  std::optional<std::int64_t> most_bytes = {};  // the longest unused go until so much is left
  bool removes_damaged = false;                 // every byte is read
};

/// A folder of finished work by key: DIR/work/<key>/ with MANIFEST.json, entry.json and the work's
/// files in files/.
///
/// An entry is complete or absent (storage/published_folder.hpp) and never written again.  A run
/// gets a copy, never a link: nothing that happens to a run's folder reaches the store.  Copies are
/// made with the kernel's own copying, which shares blocks where the file system can.  Every byte
/// of a copy is hashed before it takes its place.  Readers and publishers hold a shared lock on
/// DIR/store.lock, `prune` an exclusive one; a publisher locks its key besides.
class WorkStore {
 public:
  /// Opens the store; makes it if nothing or an empty folder is there.
  /// Errors  ConfigError if the folder holds other things, or is a store of another version.
  explicit WorkStore(std::filesystem::path folder);
  /// The same, but a store must be there.
  static WorkStore existing(const std::filesystem::path& folder);

  [[nodiscard]] bool contains(const std::string& key) const;

  /// Copies the entry's files to `into`, in place of what is there.  `finish` may change the copy
  /// before it takes its place.  False if there is no such entry.
  /// Errors  DataError, naming what is damaged, if the copy is not what was published; FileError.
  bool take(const std::string& key, const std::filesystem::path& into,
            const std::function<void(const std::filesystem::path&)>& finish) const;

  /// Publishes the files of `folder`, less checkpoints and metrics.jsonl, with `metrics` as
  /// metrics.jsonl.  False if the entry is there, or another process is publishing it.
  /// Errors  DataError if the folder's own published parts are damaged; FileError.
  bool publish(const std::string& key, const std::filesystem::path& folder,
               const nlohmann::ordered_json& about, const std::string& metrics) const;

  /// Sorted by last use, the longest unused first.
  [[nodiscard]] std::vector<StoreEntry> list() const;

  /// Removes (or, `is_dry`, only names) what the limits name, and what killed processes left.
  std::vector<StoreEntry> prune(const PruneLimits& limits, bool is_dry) const;

 private:
  struct Existing {};
  WorkStore(std::filesystem::path folder, Existing);
  /// store.lock, held until the object ends.
  [[nodiscard]] LockFile locked(LockKind kind) const;
  [[nodiscard]] std::filesystem::path entry_of(const std::string& key) const;
  void touch(const std::string& key) const;

  std::filesystem::path folder_;
};

/// {"store", "bytes", "entries": [{"key", "stage", "kind", "model", "experiment", "seed", "hash",
/// "bytes", "published", "used", "made"}]} as text, two spaces a level.
std::string store_json(const std::filesystem::path& folder, const std::vector<StoreEntry>& entries);

}  // namespace lldm
