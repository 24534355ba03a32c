// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string_view>

namespace lldm {

/// A folder of the system's own place for passing files, gone at the end of its scope.
class ScratchFolder {
 public:
  /// Named "lldm-<purpose>-" and six letters.
  /// Errors  Error if none can be made.
  explicit ScratchFolder(std::string_view purpose);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace lldm
