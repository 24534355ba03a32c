// SPDX-License-Identifier: MIT
// Lines of a file of any size, none longer than a limit in memory.  Internal to src/data.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "storage/input_file.hpp"

namespace lldm::data {

/// Whether a line holds nothing but white space.
[[nodiscard]] bool is_blank(std::string_view line);

/// Blank lines at the end of the file are none: an editor's last line end is no row.  Blank lines
/// before another line are given as they are, for the caller to refuse.
class LineReader {
 public:
  /// DataError if the file cannot be opened, or is none of lines: compressed, UTF-16, a JSON array.
  LineReader(const std::filesystem::path& path, std::int64_t max_line_bytes);

  /// The next line, without its line end; false at the end of the file.
  bool next();

  [[nodiscard]] const std::string& line() const { return blanks_ > 0 ? blank_ : line_; }
  /// Of the line, from 1; after the last one still its number.
  [[nodiscard]] std::uint64_t number() const { return number_; }
  /// The line was over the limit: `line()` holds its beginning, `num_bytes()` its true length.
  [[nodiscard]] bool is_too_long() const { return blanks_ == 0 && num_bytes_ > max_; }
  [[nodiscard]] std::uint64_t num_bytes() const { return num_bytes_; }
  /// The file ends without a line end after this line.
  [[nodiscard]] bool is_unterminated() const { return blanks_ == 0 && !is_terminated_; }

 private:
  bool refill();
  bool read_line();

  std::string path_;
  InputFile file_;
  std::vector<char> buffer_;
  std::size_t at_ = 0, end_ = 0;
  std::string line_, blank_;
  std::uint64_t blanks_ = 0;  // blank lines still to be given before `line_`, the present one too
  std::uint64_t number_ = 0, num_bytes_ = 0, max_;
  bool is_terminated_ = true;
};

}  // namespace lldm::data
