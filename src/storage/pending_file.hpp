// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace lldm {

/// A file that is either published whole under its name or leaves nothing behind: written under a
/// temporary name beside it, then fsync, rename, fsync of the folder.
///
/// Errors  Error if the system refuses; an older file of that name stays as it was.
class PendingFile {
 public:
  explicit PendingFile(const std::filesystem::path& path);
  ~PendingFile();
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;

  void write(const void* source, std::size_t bytes);
  void publish();

 private:
  std::filesystem::path path_;
  std::string temporary_;
  int descriptor_ = -1;
  bool is_published_ = false;
};

}  // namespace lldm
