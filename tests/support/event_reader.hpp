// SPDX-License-Identifier: MIT
// A strict reader of TensorBoard event files, written against the format and not against our
// writer: every length, checksum, wire type and field is checked, nothing may be left over.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lldm::testing {

/// CRC-32C bit by bit, from its definition.
inline std::uint32_t slow_crc32c(std::string_view bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0u);
  }
  return ~crc;
}

inline std::uint32_t slow_masked_crc32c(std::string_view bytes) {
  const std::uint32_t crc = slow_crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

template <class T>
T take(std::string_view& bytes) {
  if (bytes.size() < sizeof(T)) throw std::runtime_error("event file ends inside a number");
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);  // both little-endian
  bytes.remove_prefix(sizeof value);
  return value;
}

/// What to do at a record that is cut or has a wrong checksum; TensorBoard ends the file there.
enum class BadRecord { is_error, ends_file };

inline std::string take_record(std::string_view& file) {
  const auto length_bytes = file.substr(0, 8);
  const auto length = take<std::uint64_t>(file);
  if (take<std::uint32_t>(file) != slow_masked_crc32c(length_bytes))
    throw std::runtime_error("wrong checksum of a length");
  if (file.size() < length) throw std::runtime_error("event file ends inside a record");
  std::string record(file.substr(0, length));
  file.remove_prefix(length);
  if (take<std::uint32_t>(file) != slow_masked_crc32c(record))
    throw std::runtime_error("wrong checksum of a record");
  return record;
}

inline std::vector<std::string> read_records(std::string_view file, BadRecord bad_record) {
  std::vector<std::string> records;
  try {
    while (!file.empty()) records.push_back(take_record(file));
  } catch (const std::runtime_error&) {
    if (bad_record == BadRecord::is_error) throw;
  }
  return records;
}

/// The fields of a protobuf message: number -> values as raw text (wire type 0: the number in
/// decimal).
struct Message {
  std::multimap<int, std::pair<int, std::string>> fields;

  explicit Message(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto key = varint(bytes);
      const int wire = static_cast<int>(key & 7);
      std::string value;
      if (wire == 0) {
        value = std::to_string(static_cast<std::int64_t>(varint(bytes)));
      } else {
        const auto size = wire == 1   ? 8
                          : wire == 5 ? 4
                          : wire == 2 ? varint(bytes)
                                      : throw std::runtime_error("unknown wire type");
        if (bytes.size() < size) throw std::runtime_error("message ends inside a field");
        value = bytes.substr(0, size);
        bytes.remove_prefix(size);
      }
      fields.emplace(static_cast<int>(key >> 3), std::pair(wire, value));
    }
  }

  /// All values of a field, which must have this wire type; the field is then done with.
  std::vector<std::string> take_all(int field, int wire) {
    std::vector<std::string> values;
    for (auto [at, end] = fields.equal_range(field); at != end; ++at) {
      if (at->second.first != wire) throw std::runtime_error("wrong wire type");
      values.push_back(at->second.second);
    }
    fields.erase(field);
    return values;
  }
  std::optional<std::string> take_one(int field, int wire) {
    const auto values = take_all(field, wire);
    if (values.size() > 1) throw std::runtime_error("repeated field");
    return values.empty() ? std::nullopt : std::optional(values[0]);
  }
  void expect_empty() const {
    if (!fields.empty())
      throw std::runtime_error("unknown field " + std::to_string(fields.begin()->first));
  }

  static std::uint64_t varint(std::string_view& bytes) {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = take<std::uint8_t>(bytes);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    throw std::runtime_error("varint too long");
  }
};

template <class T>
T number(std::string_view bytes) {
  return take<T>(bytes);
}

struct SummaryValue {
  std::string tag, plugin, plugin_content;
  std::optional<float> simple_value;
  std::optional<std::string> text;  // of a string tensor of shape [1]
};

struct Event {
  double wall_time = 0;
  std::int64_t step = 0;
  std::string file_version;
  std::optional<std::int64_t> session_status;
  std::vector<SummaryValue> values;
};

inline SummaryValue parse_value(std::string_view bytes) {
  Message message(bytes);
  SummaryValue value;
  value.tag = message.take_one(1, 2).value();
  if (const auto simple = message.take_one(2, 5)) value.simple_value = number<float>(*simple);
  if (const auto tensor_bytes = message.take_one(8, 2)) {
    Message tensor(*tensor_bytes);
    if (tensor.take_one(1, 0) != "7") throw std::runtime_error("not a string tensor");
    if (tensor.take_one(2, 2) != std::string("\x12\x02\x08\x01"))
      throw std::runtime_error("shape is not [1]");
    value.text = tensor.take_one(8, 2).value();
    tensor.expect_empty();
  }
  if (const auto metadata_bytes = message.take_one(9, 2)) {
    Message metadata(*metadata_bytes);
    Message plugin(metadata.take_one(1, 2).value());
    value.plugin = plugin.take_one(1, 2).value();
    value.plugin_content = plugin.take_one(2, 2).value_or("");
    plugin.expect_empty();
    metadata.expect_empty();
  }
  message.expect_empty();
  return value;
}

inline std::vector<Event> read_events(std::string_view file,
                                      BadRecord bad_record = BadRecord::is_error) {
  std::vector<Event> events;
  for (const auto& record : read_records(file, bad_record)) {
    Message message(record);
    Event event;
    event.wall_time = number<double>(message.take_one(1, 1).value());
    event.step = std::stoll(message.take_one(2, 0).value_or("0"));
    event.file_version = message.take_one(3, 2).value_or("");
    if (const auto summary_bytes = message.take_one(5, 2)) {
      Message summary(*summary_bytes);
      for (const auto& value : summary.take_all(1, 2)) event.values.push_back(parse_value(value));
      summary.expect_empty();
    }
    if (const auto session_bytes = message.take_one(7, 2)) {
      Message session(*session_bytes);
      event.session_status = std::stoll(session.take_one(1, 0).value());
      session.expect_empty();
    }
    message.expect_empty();
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace lldm::testing
