// SPDX-License-Identifier: MIT
#include "lldm/tokenizer/bytes.hpp"

#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/storage/sha256.hpp"
#include "lldm/text/utf8.hpp"
#include "tokenizer/builtin_special.hpp"
#include "tokenizer/saved_tokenizer.hpp"

namespace lldm {

struct BytesTokenizer::State {
  BuiltinSpecial special;
  [[nodiscard]] std::string saved() const {
    return saved_text(saved_tokenizer(BytesTokenizer::name(), special.names(), special.ids()));
  }
};

BytesTokenizer::BytesTokenizer(const SpecialNames& special)
    : state_(std::make_shared<State>(State{BuiltinSpecial(special, 256)})) {}

std::vector<std::int64_t> BytesTokenizer::encode(std::string_view text, SpecialText mode) const {
  require_utf8(text, "BytesTokenizer::encode");
  std::vector<std::int64_t> ids;
  ids.reserve(text.size());
  state_->special.split(
      text, mode,
      [&](std::string_view part) {
        for (const char byte : part) ids.push_back(static_cast<unsigned char>(byte));
      },
      [&](std::int64_t id) { ids.push_back(id); });
  return ids;
}

std::string BytesTokenizer::decode(std::span<const std::int64_t> ids, bool skip_special) const {
  std::string bytes;
  bytes.reserve(ids.size());
  for (const std::int64_t id : ids) {
    if (id < 0 || id >= vocabulary_size())
      throw DataError(
          message("BytesTokenizer::decode: id ", id, " is outside [0, ", vocabulary_size(), ")"));
    if (const std::string* text = state_->special.text_of(id))
      bytes += skip_special ? "" : *text;
    else
      bytes += static_cast<char>(id);
  }
  return to_valid_utf8(bytes);
}

std::int64_t BytesTokenizer::vocabulary_size() const { return state_->special.end_id(); }

const SpecialTokens& BytesTokenizer::special() const { return state_->special.ids(); }

void BytesTokenizer::save(const std::filesystem::path& folder) const {
  write_and_sync(folder / kSavedTokenizer, state_->saved(), real_file_ops());
}

std::string BytesTokenizer::fingerprint() const { return sha256_hex(state_->saved()); }

}  // namespace lldm
