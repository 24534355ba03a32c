// SPDX-License-Identifier: MIT
#include "data/line_reader.hpp"

#include <algorithm>
#include <cstring>

#include "lldm/errors.hpp"
#include "text/foreign.hpp"

namespace lldm::data {

namespace {

/// Why a file that begins so holds no JSON Lines; "" if it may.
std::string not_lines(std::string_view begin) {
  if (std::string foreign = foreign_format(begin.substr(0, 512)); !foreign.empty()) return foreign;
  const auto first = begin.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || begin[first] != '[') return "";
  return "is a JSON array, not one object a line\n  jq -c '.[]' FILE writes it as JSON Lines";
}

}  // namespace

LineReader::LineReader(const std::filesystem::path& path, std::int64_t max_line_bytes)
    : path_(path.string()),
      file_(path),
      buffer_(std::size_t{1} << 16),
      max_(static_cast<std::uint64_t>(max_line_bytes)) {
  if (!refill()) return;
  if (const std::string problem = not_lines({buffer_.data(), end_}); !problem.empty())
    throw DataError(message(path_, ": ", problem));
}

bool LineReader::refill() {
  at_ = 0;
  end_ = file_.read(buffer_.data(), buffer_.size());
  return end_ > 0;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r\v\f") == std::string_view::npos;
}

bool LineReader::next() {
  if (blanks_ > 0) {
    --blanks_;
    ++number_;
    return true;
  }
  std::uint64_t blanks = 0;
  while (read_line()) {
    if (is_blank(line_) && num_bytes_ <= max_) {
      ++blanks;
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

}  // namespace lldm::data
