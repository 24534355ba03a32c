// SPDX-License-Identifier: MIT
// The one seam between lldm and the disk: every file that must survive a crash is written through
// FileOps, so that a test can fail, or "crash", at any single operation
// (tests/support/fault_files.hpp).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "lldm/errors.hpp"

namespace lldm {

/// An operation on a file failed.  Exit code 1.
class FileError : public Error {
 public:
  FileError(const std::string& text, std::filesystem::path path, int code)
      : Error(text), path_(std::move(path)), code_(code) {}
  const std::filesystem::path& path() const { return path_; }
  /// errno of the failed call.
  int code() const { return code_; }
  bool is_disk_full() const;

 private:
  std::filesystem::path path_;
  int code_;
};

enum class WriteMode { create, append };  // create truncates an existing file

/// What lldm asks of a file system.  Every operation but `close` throws FileError, naming the path.
/// Nothing is on the disk for certain before `sync` (the bytes of a file) and `sync_folder` (its
/// name).
class FileOps {
 public:
  using Handle = int;
  virtual ~FileOps() = default;
  virtual Handle open(const std::filesystem::path& path, WriteMode mode) = 0;
  virtual void write(Handle handle, std::string_view bytes) = 0;
  virtual void sync(Handle handle) = 0;
  virtual void close(Handle handle) noexcept = 0;
  /// Moves a file or a folder; a file at `to` is replaced in one step.
  virtual void rename(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
  /// Swaps two folders in one step.  False, with nothing changed, where the file system cannot.
  virtual bool exchange(const std::filesystem::path& a, const std::filesystem::path& b) = 0;
  /// Removes a file or an empty folder.
  virtual void remove(const std::filesystem::path& path) = 0;
  virtual void make_folder(const std::filesystem::path& path) = 0;
  virtual void sync_folder(const std::filesystem::path& path) = 0;
  /// Bytes that this user may still write where `path` (an existing folder) lies.
  virtual std::uint64_t free_bytes(const std::filesystem::path& path) = 0;
};

/// The operating system's own; stateless.
FileOps& real_file_ops();

/// An open file that is closed at the end of its scope.
class OutputFile {
 public:
  OutputFile(FileOps& ops, const std::filesystem::path& path, WriteMode mode)
      : ops_(&ops), handle_(ops.open(path, mode)) {}
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile() { ops_->close(handle_); }
  void write(std::string_view bytes) { ops_->write(handle_, bytes); }
  void sync() { ops_->sync(handle_); }

 private:
  FileOps* ops_;
  FileOps::Handle handle_;
};

/// A file that is published whole under its name or not at all, so that a reader, also after a
/// crash, finds either all of the old content or all of the new: temporary file beside it, fsync,
/// rename, fsync of the folder.
///
/// Errors  FileError; a full disk is reported with path, bytes needed so far and bytes free.  The
///         old content stays and the temporary file is removed.
class PendingFile {
 public:
  explicit PendingFile(std::filesystem::path path, FileOps& ops = real_file_ops());
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;
  ~PendingFile();
  void write(std::string_view bytes);
  void publish();

 private:
  FileOps& ops_;
  std::filesystem::path path_, partial_;
  std::optional<OutputFile> file_;
  std::uint64_t bytes_ = 0;
};

/// Replaces the content of `path` as a PendingFile does.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes,
                           FileOps& ops = real_file_ops());

/// Writes a new file and syncs its bytes (not its name: `sync_folder` of its parent does).
/// Errors  as write_file_atomically, but the torn file stays.
void write_and_sync(const std::filesystem::path& path, std::string_view bytes, FileOps& ops);

/// Makes a folder and its missing parents, each made durable.  Nothing happens if it is there.
void make_folders(const std::filesystem::path& path, FileOps& ops = real_file_ops());

/// Removes a file, or a folder and all it holds; symbolic links are removed, never followed.
void remove_all(const std::filesystem::path& path, FileOps& ops = real_file_ops());

/// Whole content of a file.
/// Errors  FileError if it cannot be read.
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

/// `path` + ".partial-<pid>": where something is built before it is renamed to `path`.
[[nodiscard]] std::filesystem::path partial_path(const std::filesystem::path& path);

/// "512 B", "1.50 KiB", "2.25 GiB".
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);

}  // namespace lldm
