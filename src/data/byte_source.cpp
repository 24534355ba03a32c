// SPDX-License-Identifier: MIT
#include "data/byte_source.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "lldm/errors.hpp"

namespace lldm::data {

struct ByteSource::Inflater {
  z_stream stream{};
  bool is_between = true;  // members: a gzip file may hold several, one behind the other

  Inflater() {
    constexpr int kGzipAlone = 15 + 16;  // the largest window; no other wrapper
    if (::inflateInit2(&stream, kGzipAlone) != Z_OK) throw Error("zlib cannot be initialised");
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { ::inflateEnd(&stream); }
};

ByteSource::ByteSource(const std::filesystem::path& path)
    : path_(path.string()), file_(path), buffer_(std::size_t{1} << 16) {
  if (refill() && end_ >= 2 && buffer_[0] == '\x1f' && buffer_[1] == '\x8b')
    inflater_ = std::make_unique<Inflater>();
}

ByteSource::~ByteSource() = default;

bool ByteSource::refill() {
  at_ = 0;
  end_ = file_.read(buffer_.data(), buffer_.size());
  taken_ += end_;
  return end_ > 0;
}

void ByteSource::damaged(const char* what) const {
  throw DataError(message(path_, ": the gzip data ", what, " at byte ", taken_ - (end_ - at_),
                          "\n  fetch or write the file again; gzip -t FILE checks it"));
}

std::size_t ByteSource::read(char* to, std::size_t bytes) {
  if (inflater_) return unpack(to, bytes);
  if (at_ == end_ && !refill()) return 0;
  const std::size_t count = std::min(bytes, end_ - at_);
  std::memcpy(to, buffer_.data() + at_, count);
  at_ += count;
  return count;
}

std::size_t ByteSource::unpack(char* to, std::size_t bytes) {
  z_stream& stream = inflater_->stream;
  stream.next_out = reinterpret_cast<Bytef*>(to);
  stream.avail_out = static_cast<uInt>(bytes);
  while (stream.avail_out == bytes) {
    if (at_ == end_ && !refill()) {
      if (inflater_->is_between) return 0;
      damaged("ends too early");
    }
    inflater_->is_between = false;
    stream.next_in = reinterpret_cast<Bytef*>(buffer_.data() + at_);
    stream.avail_in = static_cast<uInt>(end_ - at_);
    const int code = ::inflate(&stream, Z_NO_FLUSH);
    at_ = end_ - stream.avail_in;
    if (code == Z_STREAM_END) {
      inflater_->is_between = true;
      ::inflateReset(&stream);
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      damaged("is damaged");
    }
  }
  return bytes - stream.avail_out;
}

}  // namespace lldm::data
