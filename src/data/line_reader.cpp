// SPDX-License-Identifier: MIT
#include "data/line_reader.hpp"

#include <algorithm>
#include <cstring>

#include "lldm/errors.hpp"

namespace lldm::data {

LineReader::LineReader(const std::filesystem::path& path, std::int64_t max_line_bytes)
    : path_(path.string()),
      file_(path, std::ios::binary),
      buffer_(std::size_t{1} << 16),
      max_(static_cast<std::uint64_t>(max_line_bytes)) {
  std::error_code ignored;
  if (!file_ || std::filesystem::is_directory(path, ignored))
    throw DataError(message(path_, ": cannot be opened\n  a JSONL file was expected"));
}

bool LineReader::refill() {
  file_.read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  at_ = 0;
  end_ = static_cast<std::size_t>(file_.gcount());
  if (file_.bad()) throw DataError(message(path_, ": reading failed after line ", number_));
  return end_ > 0;
}

bool LineReader::next() {
  line_.clear();
  num_bytes_ = 0;
  if (at_ == end_ && !refill()) return false;
  ++number_;
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
