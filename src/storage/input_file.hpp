// SPDX-License-Identifier: MIT
// The one way in which lldm opens what it reads: regular files only, so that a named pipe cannot
// hang it and a device cannot fill its memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "lldm/errors.hpp"

namespace lldm {

/// A file that was given cannot be read: missing, not a regular file, too large.  Exit code 2.
class InputError : public DataError {
 public:
  InputError(const std::string& text, int code) : DataError(text), code_(code) {}
  /// errno of the failed call; 0 where the file itself is what is wrong.
  [[nodiscard]] int code() const { return code_; }

 private:
  int code_;
};

/// What a file may hold at most, by its kind.
inline constexpr std::uint64_t kMaxTextBytes = std::uint64_t{1} << 30;  // that lldm wrote itself

/// Refuses what an open descriptor of `path` is where that is no regular file (a symbolic link to
/// one is followed by `open`).
/// Errors  InputError naming what it is.
void require_regular(int descriptor, const std::filesystem::path& path);

/// A regular file that is open for reading; closed at the end of its scope.
class InputFile {
 public:
  /// Never waits: a named pipe is refused, not waited for.
  /// Errors  InputError naming the path and what it is.
  explicit InputFile(const std::filesystem::path& path);
  ~InputFile();
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }
  /// Bytes when it was opened; 0 for files that the system makes while they are read.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// The next bytes, at most `bytes` of them; 0 at the end.
  /// Errors  InputError.
  std::size_t read(char* to, std::size_t bytes);

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

/// The whole content of a regular file of at most `max_bytes`.  No more than that is ever read.
/// Errors  InputError.
[[nodiscard]] std::string read_input(const std::filesystem::path& path,
                                     std::uint64_t max_bytes = kMaxTextBytes);

/// A stream over a regular file, for reading line by line.
/// Errors  InputError.
[[nodiscard]] std::ifstream open_input(const std::filesystem::path& path);

/// Why no file or folder can have this name (a NUL, a part above 255 bytes, more than 4095 bytes
/// in all); "" for a legal one.
[[nodiscard]] std::string path_problem(std::string_view path);

}  // namespace lldm
