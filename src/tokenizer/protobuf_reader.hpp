// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "lldm/errors.hpp"

namespace lldm {

/// The fields of one message in the wire format of protocol buffers, one after the other.
///
/// Source  protobuf.dev/programming-guides/encoding
class ProtobufReader {
 public:
  /// `where` begins every message of a DataError.
  ProtobufReader(std::string_view bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  /// Goes to the next field; false at the end.
  bool next() {
    if (at_ == bytes_.size()) return false;
    const std::uint64_t tag = varint();
    field_ = tag >> 3;
    switch (tag & 7) {
      case 0:
        value_ = varint();
        return true;
      case 1:
        text_ = take(8);
        return true;
      case 2:
        text_ = take(varint());
        return true;
      case 5:
        text_ = take(4);
        return true;
      default:
        fail("a field of an unknown kind");
    }
  }
  [[nodiscard]] std::uint64_t field() const { return field_; }
  [[nodiscard]] std::uint64_t integer() const { return value_; }
  [[nodiscard]] bool boolean() const { return value_ != 0; }
  /// A text, bytes, or a message.
  [[nodiscard]] std::string_view text() const { return text_; }
  [[nodiscard]] float real() const {
    std::uint32_t bits = 0;
    if (text_.size() != 4) fail("a number that is not of 4 bytes");
    for (std::size_t i = 0; i < 4; ++i)
      bits |= std::uint32_t{static_cast<std::uint8_t>(text_[i])} << (8 * i);
    return std::bit_cast<float>(bits);
  }
  [[noreturn]] void fail(std::string_view what) const {
    throw DataError(
        message(where_, ": no SentencePiece model, or a damaged one: ", what, " at byte ", at_));
  }

 private:
  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size() - at_) fail("the file ends inside a field");
    at_ += count;
    return bytes_.substr(at_ - count, count);
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ == bytes_.size()) fail("the file ends inside a number");
      const auto byte = static_cast<std::uint8_t>(bytes_[at_++]);
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    fail("a number of more than 64 bits");
  }

  std::string_view bytes_;
  const std::string& where_;
  std::size_t at_ = 0;
  std::uint64_t field_ = 0, value_ = 0;
  std::string_view text_;
};

}  // namespace lldm
