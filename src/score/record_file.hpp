// SPDX-License-Identifier: MIT
// An append-only file of checked records that several processes read and extend at the same time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lldm/storage/lock_file.hpp"

namespace lldm {

/// One line of text, then records behind one another:
///
///     "LREC" | kind u32 | bytes u32 | check of these 12 bytes u32 | payload | check of all u64
///
/// little endian; a check is the beginning of a SHA-256.  Reading holds a shared, appending an
/// exclusive lock on the open file (of the description: it ends with the process, however it ends,
/// and works over NFS), and a record is written whole, so that only a killed writer can leave a
/// part of one.
class RecordFile {
 public:
  struct Record {
    std::uint32_t kind;
    std::uint64_t offset;      // of the payload, for `payload`
    std::string_view payload;  // valid inside the visit
  };
  using Visit = std::function<void(const Record&)>;

  /// Opens `path`; makes it with `first_line` (no line break inside) if it is not there, or has
  /// nothing but the beginning of that line.  Where the file may not be written, it is read.
  /// Errors  FileError.
  RecordFile(std::filesystem::path path, std::string_view first_line);
  RecordFile(const RecordFile&) = delete;
  RecordFile& operator=(const RecordFile&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return file_.path(); }
  [[nodiscard]] const std::string& first_line() const { return first_line_; }

  /// Visits the records that were not visited before, others' included.
  /// Errors  FileError; DataError if the file became shorter than what was read of it.
  void read_new(const Visit& visit);
  /// Visits what others wrote meanwhile, cuts off what a killed process left, appends whole records
  /// (kind, payload), makes them durable, and visits them.
  /// Errors  FileError, the path and, for a full disk, the bytes needed in its text.
  void append(std::span<const std::pair<std::uint32_t, std::string>> records, const Visit& visit);
  /// Reads a payload again and checks it.
  /// Errors  FileError; DataError naming the byte.
  [[nodiscard]] std::string payload(std::uint64_t offset) const;

  /// What was wrong with the file so far, one line each, and forgets it.
  [[nodiscard]] std::vector<std::string> take_problems() { return std::exchange(problems_, {}); }

 private:
  void scan(const Visit& visit);
  void cut_torn_tail();

  LockFile file_;
  std::string first_line_;
  std::uint64_t end_ = 0;        // of what was visited
  std::uint64_t torn_from_ = 0;  // bytes from `end_` on that are no whole record, at the last scan
  std::vector<std::string> problems_;
};

/// The first line of a record file; "" where there is no whole line.
/// Errors  FileError.
[[nodiscard]] std::string first_line_of(const std::filesystem::path& path);

}  // namespace lldm
