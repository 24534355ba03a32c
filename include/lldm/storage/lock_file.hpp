// SPDX-License-Identifier: MIT
// The one way in which lldm locks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace lldm {

enum class LockKind : std::uint8_t { shared, exclusive };

/// Which of the system's two locks; neither sees the other, so a file is always locked by the same.
enum class LockCall : std::uint8_t {
  flock,  // a shared or an exclusive one, also on a file that may only be read
  ofd     // of the open file description: over NFS too, and can be asked after without being taken
};

/// An open file that processes lock.  A lock ends with the object or with the process, however that
/// ends; the file stays.
class LockFile {
 public:
  /// Opens `path` and makes it if it is not there; where it may not be written, it is read.
  /// `flags` are added to those of open(2).
  ///
  /// Errors  FileError if it cannot be opened.
  LockFile(std::filesystem::path path, LockCall call, int flags = 0);
  /// A file that is there, for reading only; nothing if it cannot be opened.
  static std::optional<LockFile> existing(const std::filesystem::path& path, LockCall call);
  LockFile(LockFile&& other) noexcept;
  LockFile& operator=(LockFile&&) = delete;
  ~LockFile();

  /// Waits for the lock.
  ///
  /// Errors  FileError where the file system cannot lock.
  void lock(LockKind kind) const;
  /// False if another open file holds it.
  ///
  /// Errors  as `lock`.
  [[nodiscard]] bool try_lock(LockKind kind) const;
  void unlock() const noexcept;
  /// Whether another open file holds a lock, taking none; nothing where that cannot be asked.  Only
  /// of an `ofd` file.
  [[nodiscard]] std::optional<bool> is_held_elsewhere() const;

  /// Makes `text` the whole content.  False, with errno set, if that fails.
  [[nodiscard]] bool say(std::string_view text) const noexcept;

  /// -1 after it was moved from.
  [[nodiscard]] int handle() const { return handle_; }
  [[nodiscard]] bool is_read_only() const { return is_read_only_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  LockFile(std::filesystem::path path, LockCall call, int handle, bool is_read_only)
      : path_(std::move(path)), call_(call), handle_(handle), is_read_only_(is_read_only) {}
  /// errno of the attempt, 0 if the lock was taken.
  [[nodiscard]] int attempt(LockKind kind, bool waits) const;

  std::filesystem::path path_;
  LockCall call_;
  int handle_ = -1;
  bool is_read_only_ = false;
};

/// Holds a lock of an open file for the length of a scope; waits for it.
class HeldLock {
 public:
  HeldLock(const LockFile& file, LockKind kind) : file_(file) { file_.lock(kind); }
  HeldLock(const HeldLock&) = delete;
  HeldLock& operator=(const HeldLock&) = delete;
  ~HeldLock() { file_.unlock(); }

 private:
  const LockFile& file_;
};

}  // namespace lldm
