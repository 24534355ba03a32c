// SPDX-License-Identifier: MIT
#include "lldm/tokenizer/free_ids.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/tokenizer/special_names.hpp"

namespace lldm {
namespace {

/// Whether one of a few texts around it is encoded to the id.
bool is_encoded(const Tokenizer& tokenizer, const std::string& text, std::int64_t id) {
  for (const std::string& around : {text, " " + text, "a" + text + "a", "a " + text + " a"}) try {
      if (std::ranges::count(tokenizer.encode(around), id) > 0) return true;
    } catch (const DataError&) {  // a text that the vocabulary cannot express
    }
  return false;
}

/// Whether the file names it as one that is kept free.
bool is_called_unused(std::string text) {
  if (text.size() < 3 ||
      !((text.front() == '[' && text.back() == ']') || (text.front() == '<' && text.back() == '>')))
    return false;
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::ranges::any_of(std::array{"unused", "reserved", "extra_id", "placeholder", "mask"},
                             [&](const char* word) { return text.find(word) != text.npos; });
}

/// What a published special token is for, by its text: files of models leave roles out.
std::string_view role_by_name(std::string_view text) {
  static constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"<eos>", "end of text"},
      {"</s>", "end of text"},
      {"[EOS]", "end of text"},
      {"<|endoftext|>", "end of text"},
      {"<|end_of_text|>", "end of text"},
      {"<bos>", "begin of text"},
      {"<s>", "begin of text"},
      {"[BOS]", "begin of text"},
      {"<|startoftext|>", "begin of text"},
      {"<|begin_of_text|>", "begin of text"},
      {"<|im_start|>", "begin of turn"},
      {"<start_of_turn>", "begin of turn"},
      {"<|start_header_id|>", "begin of turn"},
      {"<|im_end|>", "end of turn"},
      {"<end_of_turn>", "end of turn"},
      {"<|eot_id|>", "end of turn"},
      {"<|end_header_id|>", "begin of turn"},
      {"<pad>", "padding"},
      {"[PAD]", "padding"},
      {"<unk>", "unknown text"},
      {"[UNK]", "unknown text"},
      {"[CLS]", "begin of text"},
      {"[SEP]", "end of text"},
  };
  for (const auto& [name, role] : kNames)
    if (name == text) return role;
  return "";
}

}  // namespace

std::string use_of_id(const Tokenizer& tokenizer, std::int64_t id) {
  if (id >= tokenizer.vocabulary_size()) return "";
  const std::array<std::int64_t, 1> one = {id};
  const std::string text = tokenizer.decode(one, false);
  for (const SpecialRole& role : kSpecialRoles)
    if (tokenizer.special().*role.id == id && id != tokenizer.special().mask)
      return message("\"", text, "\", the tokenizer's ", role.key, " token");
  if (const std::string_view role = role_by_name(text);
      !role.empty() && id != tokenizer.special().mask)
    return message("\"", text, "\", by its name the token of ", role);
  const bool is_special = !text.empty() && tokenizer.decode(one, true).empty();
  if (!is_special && !is_called_unused(text))
    return message("\"", text, "\", a token that texts are written with");
  if (is_encoded(tokenizer, text, id)) return message("\"", text, "\", which texts may hold");
  return "";
}

std::vector<std::int64_t> reserved_ids(const Tokenizer& tokenizer, std::size_t most) {
  std::vector<std::int64_t> ids;
  for (std::int64_t id = tokenizer.vocabulary_size() - 1; id >= 0 && ids.size() < most; --id)
    if (use_of_id(tokenizer, id).empty()) ids.push_back(id);
  return ids;
}

}  // namespace lldm
