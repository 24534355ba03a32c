// SPDX-License-Identifier: MIT
#include "data/line_reader.hpp"

#include <algorithm>
#include <cstring>

#include "lldm/errors.hpp"
#include "text/foreign.hpp"

namespace lldm::data {

LineReader::LineReader(const std::filesystem::path& path, std::int64_t max_line_bytes)
    : path_(path.string()),
      file_(path),
      buffer_(std::size_t{1} << 16),
      max_(static_cast<std::uint64_t>(max_line_bytes)) {
  if (!refill()) return;
  const std::string_view begin(buffer_.data(), end_);
  if (const std::string foreign = foreign_format(begin.substr(0, 512)); !foreign.empty())
    throw DataError(message(path_, ": ", foreign));
  const auto first = begin.find_first_not_of(" \t\r\n");
  is_array_ = first != std::string_view::npos && begin[first] == '[';
  if (!is_array_) return;
  skip_white_space();
  ++at_;
}

bool LineReader::refill() {
  read_ += end_;
  at_ = 0;
  end_ = file_.read(buffer_.data(), buffer_.size());
  return end_ > 0;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r\v\f") == std::string_view::npos;
}

bool LineReader::next() {
  if (is_array_) return next_element();
  if (blanks_ > 0) {
    --blanks_;
    ++number_;
    return true;
  }
  std::uint64_t blanks = 0;
  while (read_line()) {
    if (is_blank(line_) && num_bytes_ <= max_) {
      if (blanks++ == 0) blank_offset_ = offset_;
      continue;
    }
    blanks_ = blanks;
    ++number_;
    return true;
  }
  return false;
}

bool LineReader::read_line() {
  line_.clear();
  num_bytes_ = 0;
  if (at_ == end_ && !refill()) return false;
  offset_ = read_ + at_;
  do {
    const char* from = buffer_.data() + at_;
    const auto* stop = static_cast<const char*>(std::memchr(from, '\n', end_ - at_));
    const std::size_t taken = stop ? static_cast<std::size_t>(stop - from) : end_ - at_;
    num_bytes_ += taken;
    if (line_.size() < max_) line_.append(from, std::min<std::size_t>(taken, max_ - line_.size()));
    at_ += taken + (stop ? 1 : 0);
    if (stop) return is_terminated_ = true;
  } while (refill());
  is_terminated_ = false;
  return true;
}

int LineReader::peek() {
  if (at_ == end_ && !refill()) return -1;
  return static_cast<unsigned char>(buffer_[at_]);
}

void LineReader::skip_white_space() {
  for (int c = peek(); c == ' ' || c == '\t' || c == '\r' || c == '\n'; c = peek()) {
    take(c);
  }
}

/// Goes on behind a byte of an array.
void LineReader::take(int c) {
  ++at_;
  if (c != '\n') return;
  ++at_line_;
  line_begin_ = read_ + at_;
}

void LineReader::begin_element() {
  ++number_;
  line_.clear();
  num_bytes_ = 0;
  offset_ = read_ + at_;
  first_line_ = at_line_;
  first_column_ = offset_ - line_begin_ + 1;
}

/// Gives what is wrong in the place of a row; nothing is read behind it.
bool LineReader::stop_array(const char* problem) {
  problem_ = problem;
  is_closed_ = true;
  begin_element();
  return true;
}

bool LineReader::next_element() {
  if (is_closed_) return false;
  const bool is_first = number_ == 0;
  skip_white_space();
  int c = peek();
  if (c == ',' && !is_first) {
    ++at_;
    skip_white_space();
    c = peek();
    if (c == ']') return stop_array("a comma before the array's closing bracket");
  } else if (c == ']') {
    ++at_;
    skip_white_space();
    if (peek() >= 0) return stop_array("text behind the array's closing bracket");
    is_closed_ = true;
    return false;
  } else if (!is_first && c >= 0) {
    return stop_array("a comma or the array's closing bracket is missing");
  }
  if (c < 0) return stop_array("torn file: it ends inside its array");
  read_element();
  return true;
}

void LineReader::read_element() {
  begin_element();
  is_terminated_ = true;
  std::int64_t depth = 0;
  bool is_text = false, is_escaped = false;
  for (int c = peek(); c >= 0; c = peek()) {
    if (!is_text && depth == 0 && (c == ',' || c == ']' || c == '\n')) break;
    ++num_bytes_;
    if (line_.size() < max_) line_ += static_cast<char>(c);
    take(c);
    if (is_text) {
      if (!is_escaped && c == '"') is_text = false;
      is_escaped = !is_escaped && c == '\\';
    } else {
      is_text = c == '"';
      depth += (c == '{' || c == '[') - (c == '}' || c == ']');
    }
    if (!is_text && depth <= 0 && (c == '}' || c == ']')) return;
  }
  is_terminated_ = peek() >= 0;
}

}  // namespace lldm::data
