// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <optional>

namespace lldm {

enum class LockKind { shared, exclusive };

/// A lock on a file; free when it ends, however the process ends.
class StoreLock {
 public:
  /// Waits for the lock.  FileError where the file system cannot lock.
  StoreLock(const std::filesystem::path& file, LockKind kind);
  /// Nothing if another process has it.
  static std::optional<StoreLock> try_take(const std::filesystem::path& file);
  StoreLock(StoreLock&& other) noexcept : handle_(other.handle_) { other.handle_ = -1; }
  StoreLock& operator=(StoreLock&&) = delete;
  ~StoreLock();

 private:
  explicit StoreLock(int handle) : handle_(handle) {}
  int handle_;
};

}  // namespace lldm
