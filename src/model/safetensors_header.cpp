// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cstring>

#include "lldm/errors.hpp"
#include "lldm/model/safetensors.hpp"
#include "model/safetensors_dtype.hpp"
#include "model/safetensors_entries.hpp"

namespace lldm {
namespace {

constexpr auto kNone = std::nullopt;
constexpr std::array<SafetensorsDtype, 22> kDtypes = {{
    {"BOOL", 8, 0, c10::kBool},   {"F4", 4, 1, kNone},           {"F6_E2M3", 6, 2, kNone},
    {"F6_E3M2", 6, 3, kNone},     {"U8", 8, 4, c10::kByte},      {"I8", 8, 5, c10::kChar},
    {"F8_E5M2", 8, 6, kNone},     {"F8_E4M3", 8, 7, kNone},      {"F8_E8M0", 8, 8, kNone},
    {"F8_E4M3FNUZ", 8, 9, kNone}, {"F8_E5M2FNUZ", 8, 10, kNone}, {"I16", 16, 11, c10::kShort},
    {"U16", 16, 12, kNone},       {"F16", 16, 13, c10::kHalf},   {"BF16", 16, 14, c10::kBFloat16},
    {"I32", 32, 15, c10::kInt},   {"U32", 32, 16, kNone},        {"F32", 32, 17, c10::kFloat},
    {"C64", 64, 18, kNone},       {"F64", 64, 19, c10::kDouble}, {"I64", 64, 20, c10::kLong},
    {"U64", 64, 21, kNone},
}};

[[noreturn]] void fail(const std::string& where, std::string_view error,
                       const std::string& detail) {
  throw DataError(message(where, ": ", error, ": ", detail));
}

std::uint64_t checked_bytes(const TensorEntry& entry, const std::string& name,
                            const std::string& where) {
  std::uint64_t bits = 1;
  bool overflows = false;
  for (const auto size : entry.shape)  // a negative one stands for more than 63 bits
    overflows |= __builtin_mul_overflow(bits, static_cast<std::uint64_t>(size), &bits) || size < 0;
  const auto width = static_cast<std::uint64_t>(find_safetensors_dtype(entry.dtype)->bits);
  overflows |= __builtin_mul_overflow(bits, width, &bits);
  if (overflows)
    fail(where, "ValidationOverflow", "tensor \"" + name + "\": its size does not fit 64 bits");
  if (bits % 8 != 0)
    fail(where, "MisalignedSlice", "tensor \"" + name + "\": its elements do not fill whole bytes");
  return bits / 8;
}

// Tensors must follow one another from 0 without a hole or an overlap; returns where the last one
// ends.
std::uint64_t check_layout(const std::map<std::string, TensorEntry>& tensors,
                           const std::string& where) {
  std::vector<const std::pair<const std::string, TensorEntry>*> order;
  for (const auto& item : tensors) order.push_back(&item);
  std::ranges::sort(
      order, {}, [](const auto* item) { return std::pair(item->second.begin, item->second.end); });
  std::uint64_t expected = 0;
  for (const auto* item : order) {
    const auto& [name, entry] = *item;
    if (entry.begin != expected || entry.end < entry.begin)
      fail(where, "InvalidOffset",
           message("tensor \"", name, "\" lies at [", entry.begin, ", ", entry.end,
                   "), the one before it ends at ", expected));
    const auto bytes = checked_bytes(entry, name, where);
    if (entry.end - entry.begin != bytes)
      fail(where, "TensorInvalidInfo",
           message("tensor \"", name, "\": dtype and shape need ", bytes,
                   " bytes, data_offsets give ", entry.end - entry.begin));
    expected = entry.end;
  }
  return expected;
}

}  // namespace

const SafetensorsDtype* find_safetensors_dtype(std::string_view name) {
  const auto* found = std::ranges::find(kDtypes, name, &SafetensorsDtype::name);
  return found == kDtypes.end() ? nullptr : found;
}

const SafetensorsDtype* find_safetensors_dtype(c10::ScalarType type) {
  const auto* found = std::ranges::find(kDtypes, std::optional(type), &SafetensorsDtype::type);
  return found == kDtypes.end() ? nullptr : found;
}

SafetensorsHeader parse_safetensors_header(std::string_view prefix, std::uint64_t file_bytes,
                                           const std::string& where) {
  if (file_bytes < 8 || prefix.size() < 8)
    fail(where, "HeaderTooSmall",
         message("the file has ", file_bytes, " bytes, its length field needs 8"));
  if (prefix.starts_with("\xef\xbb\xbf"))
    fail(where, "HeaderTooLarge",
         "the file begins with a byte-order mark: something wrote it as text; fetch it again");
  std::uint64_t length = 0;
  std::memcpy(&length, prefix.data(), sizeof length);
  if (length > kMaxSafetensorsHeaderBytes)
    fail(
        where, "HeaderTooLarge",
        message("the header claims ", length, " bytes, the limit is ", kMaxSafetensorsHeaderBytes));
  if (length + 8 > file_bytes || length + 8 > prefix.size())
    fail(where, "InvalidHeaderLength",
         message("the header claims ", length, " bytes, the file has ", file_bytes));
  auto header = read_safetensors_entries(prefix.substr(8, length), where);
  header.data_start = length + 8;
  const auto data_end = check_layout(header.tensors, where);
  std::uint64_t expected = 0;
  if (__builtin_add_overflow(header.data_start, data_end, &expected) || expected != file_bytes)
    fail(where, "MetadataIncompleteBuffer",
         message("header and tensors take ", expected, " bytes, the file has ", file_bytes));
  return header;
}

}  // namespace lldm
