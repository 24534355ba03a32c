// SPDX-License-Identifier: MIT
// What a MANIFEST.json binds, checked while it is read.  Private to src.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lldm/errors.hpp"
#include "storage/manifest.hpp"

namespace lldm {

/// A folder and what its MANIFEST.json says, if it has one.  A folder without one (a model from
/// elsewhere) is bound by nothing: every check of it passes.
///
/// Example
///   const SealedFolder sealed(folder);
///   sealed.check([](const std::string& name) { return !name.ends_with(".safetensors"); });
///   ... read the weights, hashing what is read ...
///   sealed.require("model.safetensors", bytes, hash.hex());
class SealedFolder {
 public:
  /// Errors  DataError, naming MANIFEST.json, if that file is damaged.
  explicit SealedFolder(std::filesystem::path folder);
  /// Bound by these files, whatever its own manifest says; `complaint` is what is said of it where
  /// they are others ("damaged since it was written").
  SealedFolder(std::filesystem::path folder, ManifestFiles files, std::string complaint);

  [[nodiscard]] bool has_manifest() const { return manifest_.has_value(); }
  [[nodiscard]] const ManifestFiles& files() const;

  /// Every listed file is there and has its size, and the bytes are the listed ones where
  /// `is_hashed(name)`; the other files are for the caller to hash while reading (`require`).
  /// Files that are not listed pass.
  /// Errors  DataError naming every file that is not so, and the row of a JSONL file.
  void check(const std::function<bool(const std::string&)>& is_hashed) const;

  /// DataError unless a file that was read and hashed is the listed one.  What is not listed
  /// passes.
  void require(const std::string& name, std::uint64_t bytes, const std::string& sha256) const;

  /// The content of a file of the folder, checked.
  /// Errors  DataError, FileError.
  [[nodiscard]] std::string read(const std::string& name) const;

  /// DataError, with every problem of the whole folder, if it has any; returns otherwise.  For a
  /// caller whose reading failed: was the folder damaged, or is it of another kind?
  void explain() const;

 private:
  [[noreturn]] void fail(const std::vector<std::string>& problems) const;

  std::filesystem::path folder_;
  std::optional<ManifestFiles> manifest_;
  std::string complaint_;  // empty: damaged, with what to do
};

/// What to do about a damaged model folder, a line of its own; "" for a folder of another kind.
[[nodiscard]] std::string how_to_restore(const std::filesystem::path& folder);

/// What `read` returns.  What it finds wrong with the model folder is told with what to do, unless
/// its message says so itself, on a second line.
template <class Read>
auto with_remedy(const std::filesystem::path& folder, const Read& read) {
  try {
    return read();
  } catch (const DataError& error) {
    const std::string text = error.what();
    if (text.find('\n') != text.npos) throw;
    throw DataError(text + how_to_restore(folder));
  }
}

/// The content of a file, checked against the MANIFEST.json beside it where there is one that lists
/// it.
/// Errors  DataError naming file and row; FileError if it cannot be read.
std::string read_sealed(const std::filesystem::path& file);

/// Binds a file by the MANIFEST.json beside it, which goes on binding what it bound; a damaged one
/// is made anew.
void seal_file(const std::filesystem::path& file);

/// The file is bound no more: before it is written to.
void unseal_file(const std::filesystem::path& file);

/// Writes a file that the MANIFEST.json beside it binds, never one that contradicts it.
void write_sealed(const std::filesystem::path& file, std::string_view bytes);

}  // namespace lldm
