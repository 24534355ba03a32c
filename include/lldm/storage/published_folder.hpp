// SPDX-License-Identifier: MIT
// Folders that are complete or absent: checkpoints and saved models.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lldm/storage/files.hpp"

namespace lldm {

inline constexpr std::string_view kManifestName = "MANIFEST.json";

/// What MANIFEST.json says of one file.
struct SealedFile {
  std::uint64_t bytes = 0;
  std::string sha256;
  std::string rows = {};  // of a JSONL file: 8 digits of each row's sha256, to find a damaged one
};

enum class IfPublished { refuse, replace };  // what to do when the folder is there already

/// A folder in the making.  It is built beside its place as NAME.partial-<pid>; `publish` syncs
/// every file, writes MANIFEST.json (format version; file, bytes, sha256 of each; its own hash)
/// last, syncs the folder and renames it to NAME.  A crash at any moment leaves the previous NAME
/// (or none) or the complete new one.
///
/// Example
///   PublishedFolder folder("runs/x/sft/checkpoints/step-00000500");
///   folder.add("state.json", text);
///   save_weights(folder.path() / "model");  // what other code wrote, publish() finds and hashes
///   folder.publish();
class PublishedFolder {
 public:
  /// Makes the empty partial folder (a stale one of the same name is removed) and missing parents.
  /// Errors  Error if `final_path` exists and `if_published` is refuse; FileError.
  explicit PublishedFolder(std::filesystem::path final_path,
                           IfPublished if_published = IfPublished::refuse,
                           FileOps& ops = real_file_ops());
  PublishedFolder(const PublishedFolder&) = delete;
  PublishedFolder& operator=(const PublishedFolder&) = delete;
  /// Removes the partial folder unless it was published.
  ~PublishedFolder();

  /// Where to build: NAME.partial-<pid>.
  const std::filesystem::path& path() const { return partial_; }

  /// Throws FileError (path, need, have) unless `bytes` more fit on the disk.  Ask before a long
  /// save.
  void require_space(std::uint64_t bytes) const;

  /// Writes and syncs one file; `name` is relative, folders in it are made.
  void add(const std::filesystem::path& name, std::string_view bytes);

  /// Completes and renames the folder.
  /// Errors  FileError; then nothing was published.
  void publish();

 private:
  void list_files(const std::filesystem::path& folder);
  void move_into_place();

  FileOps& ops_;
  std::filesystem::path final_, partial_;
  IfPublished if_published_;
  std::map<std::string, SealedFile> files_;
  bool is_published_ = false;
};

/// What is wrong with a published folder, one line each, naming the file; empty if it is whole.
/// Every byte is read: each listed file's presence, size and hash, and the manifest's own.  Files
/// that the manifest does not list are not looked at.  Never throws for a bad folder.
[[nodiscard]] std::vector<std::string> verify_folder(const std::filesystem::path& folder);

/// "step-00000500".
[[nodiscard]] std::string step_name(std::int64_t step, std::string_view prefix = "step-");

/// Whether what `process` began to write as `name` may be removed.
using IsLeftover = std::function<bool(const std::string& name, std::int64_t process)>;

/// Removes what killed processes left in `parent`: NAME.partial-<pid> and NAME.replaced-<pid> (the
/// latter is moved back if NAME is gone), where `is_leftover` says so or is empty.  Call it only
/// while holding the run's lock.  Returns what was removed or moved.
std::vector<std::filesystem::path> clean_partials(const std::filesystem::path& parent,
                                                  FileOps& ops = real_file_ops(),
                                                  const IsLeftover& is_leftover = {});

}  // namespace lldm
