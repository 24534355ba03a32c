// SPDX-License-Identifier: MIT
#include "model/safetensors_entries.hpp"

#include <set>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"
#include "model/safetensors_dtype.hpp"
#include "text/json.hpp"

namespace lldm {
namespace {

/// Where in `{"NAME": {"dtype": ..., "shape": [...], "data_offsets": [...]}, ...}` the reader is.
enum class At { outside, header, metadata, entry, shape, offsets, done };

class Entries final : public JsonEvents {
 public:
  explicit Entries(SafetensorsHeader& header) : header_(header) {}

  const JsonPlace* place = nullptr;

  void null() override {
    if (is_skipped()) return;
    if (at_ == At::header && name_ == kMetadata) return;
    bad("null");
  }
  void boolean(bool) override { other("a boolean"); }
  void integer(std::int64_t value) override { other(message(value)); }
  void real(double value) override { other(message(value)); }
  void whole(std::uint64_t value) override {
    if (at_ == At::shape && skipped_ == 0) return add_size(value);
    if (at_ == At::offsets && skipped_ == 0) return add_offset(value);
    other(message(value));
  }
  void text(std::string& value) override;
  void begin_object() override;
  void end_object() override;
  void begin_array() override;
  void end_array() override;
  void key(std::string& name) override;

 private:
  static constexpr std::string_view kMetadata = "__metadata__";

  [[noreturn]] void bad(const std::string& got) const;
  [[noreturn]] void refuse(const std::string& what) const {
    place->fail(what);
    __builtin_unreachable();  // the compiler forgets that a virtual function does not return
  }
  [[nodiscard]] std::string label() const { return "tensor " + excerpt(name_, 0, 60); }
  /// A value below a key that is not ours; a value of such a key itself.
  [[nodiscard]] bool is_skipped() const {
    return skipped_ > 0 || (at_ == At::entry && key_ == Key::unknown);
  }
  void other(const std::string& got) {
    if (!is_skipped()) bad(got);
  }
  void add_size(std::uint64_t value);
  void add_offset(std::uint64_t value);
  void begin_tensor();
  void entry_key(const std::string& name);

  enum class Key { unknown, dtype, shape, offsets };

  SafetensorsHeader& header_;
  At at_ = At::outside;
  std::string name_, text_key_;  // of the entry; of the metadata
  bool has_metadata_ = false;
  TensorEntry* entry_ = nullptr;
  Key key_ = Key::unknown;
  std::set<Key> seen_;
  std::size_t num_offsets_ = 0, skipped_ = 0;  // containers open below an unknown key
};

void Entries::bad(const std::string& got) const {
  switch (at_) {
    case At::outside:
    case At::done:
      refuse(message("the header must be an object, is ", got));
    case At::header:
      if (name_ == kMetadata) refuse(message("__metadata__ must be an object, is ", got));
      refuse(message(label(), " must be an object, is ", got));
    case At::metadata:
      refuse(message("__metadata__ must map strings to strings, ", excerpt(text_key_, 0, 60),
                     " is ", got));
    case At::entry:
      if (key_ == Key::dtype) refuse(message(label(), ": dtype must be a string, is ", got));
      if (key_ == Key::shape) refuse(message(label(), ": shape must be a list, is ", got));
      refuse(message(label(), ": data_offsets must be [begin, end], is ", got));
    case At::shape:
      refuse(message(label(), ": a size of the shape must be a non-negative integer, got ", got));
    case At::offsets:
      break;
  }
  refuse(message(label(), ": an offset must be a non-negative integer, got ", got));
}

void Entries::text(std::string& value) {
  if (is_skipped()) return;
  if (at_ == At::metadata) {
    header_.metadata[text_key_] = std::move(value);
    return;
  }
  if (at_ != At::entry || key_ != Key::dtype) bad(excerpt(value, 0, 40));
  if (!find_safetensors_dtype(value))
    refuse(message(label(), ": unknown dtype ", excerpt(value, 0, 40)));
  entry_->dtype = std::move(value);
}

void Entries::add_size(std::uint64_t value) {
  if (entry_->shape.size() == kMaxTensorRank)
    refuse(message(label(), ": its rank is above the limit of ", kMaxTensorRank));
  entry_->shape.push_back(
      static_cast<std::int64_t>(value));  // above 63 bits: refused with the layout
}

void Entries::add_offset(std::uint64_t value) {
  if (num_offsets_ == 2) refuse(message(label(), ": data_offsets must be [begin, end], has more"));
  (num_offsets_++ == 0 ? entry_->begin : entry_->end) = value;
}

void Entries::begin_tensor() {
  if (header_.tensors.size() == kMaxSafetensorsTensors)
    refuse(message("more than ", kMaxSafetensorsTensors, " tensors"));
  entry_ = &header_.tensors[name_];
  seen_.clear();
  num_offsets_ = 0;
  at_ = At::entry;
}

void Entries::begin_object() {
  if (is_skipped()) {
    ++skipped_;
  } else if (at_ == At::outside) {
    at_ = At::header;
  } else if (at_ == At::header && name_ == kMetadata) {
    at_ = At::metadata;
  } else if (at_ == At::header) {
    begin_tensor();
  } else {
    bad("an object");
  }
}

void Entries::begin_array() {
  if (is_skipped()) {
    ++skipped_;
  } else if (at_ == At::entry && key_ == Key::shape) {
    at_ = At::shape;
  } else if (at_ == At::entry && key_ == Key::offsets) {
    at_ = At::offsets;
  } else {
    bad("a list");
  }
}

void Entries::end_array() {
  if (skipped_ > 0) {
    --skipped_;
    return;
  }
  if (at_ == At::offsets && num_offsets_ != 2)
    refuse(message(label(), ": data_offsets must be [begin, end], has ", num_offsets_));
  at_ = At::entry;
}

void Entries::end_object() {
  if (skipped_ > 0) {
    --skipped_;
    return;
  }
  if (at_ == At::entry)
    for (const auto& [key, text] : {std::pair(Key::dtype, "dtype"), std::pair(Key::shape, "shape"),
                                    std::pair(Key::offsets, "data_offsets")})
      if (!seen_.contains(key)) refuse(message(label(), ": has no \"", text, "\""));
  at_ = at_ == At::header ? At::done : At::header;
}

void Entries::entry_key(const std::string& name) {
  key_ = name == "dtype"          ? Key::dtype
         : name == "shape"        ? Key::shape
         : name == "data_offsets" ? Key::offsets
                                  : Key::unknown;
  if (key_ != Key::unknown && !seen_.insert(key_).second)
    refuse(message(label(), ": \"", name, "\" twice"));
}

void Entries::key(std::string& name) {
  if (skipped_ > 0) return;
  if (at_ == At::entry) return entry_key(name);
  if (at_ == At::metadata) {
    text_key_ = std::move(name);
    if (header_.metadata.contains(text_key_))
      refuse(message("__metadata__: key ", excerpt(text_key_, 0, 60), " twice"));
    return;
  }
  name_ = std::move(name);
  if (name_.size() > kMaxTensorNameBytes || name_.find('\0') != std::string::npos)
    refuse(message(label(), ": a tensor's name must have at most ", kMaxTensorNameBytes,
                   " bytes and no NUL"));
  const bool is_second =
      name_ == kMetadata ? std::exchange(has_metadata_, true) : header_.tensors.contains(name_);
  if (is_second) refuse(message(label(), " twice"));
}

constexpr std::size_t kMaxDepth = 127;  // that of the reference reader's parser

}  // namespace

SafetensorsHeader read_safetensors_entries(std::string_view json, const std::string& where) {
  if (const auto bad = find_invalid_utf8(json))
    throw DataError(
        message(where, ": InvalidHeader: the header is not UTF-8: byte ", *bad, " of it"));
  SafetensorsHeader header;
  Entries entries(header);
  // Every value of the largest header may be one of a list that is skipped.
  read_json(json, where + ": InvalidHeaderDeserialization", entries,
            {.max_bytes = kMaxSafetensorsHeaderBytes,
             .max_depth = kMaxDepth,
             .max_values = kMaxSafetensorsHeaderBytes},
            &entries.place);
  return header;
}

}  // namespace lldm
