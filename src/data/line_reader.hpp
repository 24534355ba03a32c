// SPDX-License-Identifier: MIT
// The rows of a file of any size as text, none longer than a limit in memory: one a line, or one
// an element of a JSON array.  Internal to the readers of rows.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "data/byte_source.hpp"

namespace lldm::data {

/// Whether a line holds nothing but white space.
[[nodiscard]] bool is_blank(std::string_view line);

/// Of JSON Lines, blank lines at the end of the file are none: an editor's last line end is no row.
/// Blank lines before another line are given as they are, for the caller to refuse.
///
/// A file that begins with "[" is one JSON array: its elements are the rows.
class LineReader {
 public:
  /// DataError if the file cannot be opened, or is none of lines: compressed otherwise than by
  /// gzip, UTF-16, Parquet.
  LineReader(const std::filesystem::path& path, std::int64_t max_line_bytes);

  /// The next row, without its line end; false at the end of the file.
  bool next();

  [[nodiscard]] const std::string& line() const { return blanks_ > 0 ? blank_ : line_; }
  /// Of the row, from 1: the number of its line, or of the array's element; after the last one
  /// still its number.
  [[nodiscard]] std::uint64_t number() const { return number_; }
  /// The line of the file on which the row begins, from 1.
  [[nodiscard]] std::uint64_t line_number() const { return is_array_ ? first_line_ : number_; }
  /// The byte of that line at which the row begins, from 1.
  [[nodiscard]] std::uint64_t column() const { return is_array_ ? first_column_ : 1; }
  /// The byte of the (unpacked) file at which the row begins, from 0; of blank lines behind one
  /// another that of the first.
  [[nodiscard]] std::uint64_t offset() const { return blanks_ > 0 ? blank_offset_ : offset_; }
  /// The line was over the limit: `line()` holds its beginning, `num_bytes()` its true length.
  [[nodiscard]] bool is_too_long() const { return blanks_ == 0 && num_bytes_ > max_; }
  [[nodiscard]] std::uint64_t num_bytes() const { return num_bytes_; }
  [[nodiscard]] std::uint64_t max_bytes() const { return max_; }
  /// The file ends inside this row, or without a line end after this line.
  [[nodiscard]] bool is_unterminated() const { return blanks_ == 0 && !is_terminated_; }
  /// What is wrong with the array around this row, which is then no row; "" if nothing.
  [[nodiscard]] const std::string& array_problem() const { return problem_; }
  [[nodiscard]] bool is_array() const { return is_array_; }
  [[nodiscard]] bool is_packed() const { return file_.is_packed(); }

 private:
  bool refill();
  bool read_line();
  int peek();  // the next byte, or -1 at the end of the file
  void skip_white_space();
  bool next_element();
  void read_element();
  void begin_element();
  void take(int c);
  bool stop_array(const char* problem);

  std::string path_;
  ByteSource file_;
  std::vector<char> buffer_;
  std::size_t at_ = 0, end_ = 0;
  std::uint64_t read_ = 0;  // bytes of the file before the buffer
  std::string line_, blank_, problem_;
  std::uint64_t blanks_ = 0;  // blank lines still to be given before `line_`, the present one too
  std::uint64_t number_ = 0, num_bytes_ = 0, max_;
  std::uint64_t offset_ = 0, blank_offset_ = 0;
  // Of an array: the line that is read and where it begins; line and byte of the present element.
  std::uint64_t at_line_ = 1, line_begin_ = 0, first_line_ = 1, first_column_ = 1;
  bool is_terminated_ = true, is_array_ = false, is_closed_ = false;
};

}  // namespace lldm::data
