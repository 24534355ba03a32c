// SPDX-License-Identifier: MIT
// A tokenizer.json of 256 byte symbols (id = byte), the merges "th" and "the", and one special
// token.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "lldm/text/utf8.hpp"
#include "tokenizer/byte_alphabet.hpp"

namespace lldm::testing {

inline nlohmann::json added_token(int id, const std::string& content, bool special = true) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", special}};
}

inline nlohmann::json small_tokenizer_json() {
  using nlohmann::json;
  json vocab = json::object();
  for (int byte = 0; byte < 256; ++byte) {
    std::string symbol;
    append_utf8(symbol, byte_symbol(static_cast<unsigned char>(byte)));
    vocab[symbol] = byte;
  }
  vocab["th"] = 256;
  vocab["the"] = 257;
  const json byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", json::array({added_token(258, "<|mask|>")})},
          {"normalizer", {{"type", "NFC"}}},
          {"pre_tokenizer", byte_level},
          {"post_processor", nullptr},
          {"decoder", byte_level},
          {"model",
           {{"type", "BPE"},
            {"vocab", vocab},
            {"merges", json::array({json::array({"t", "h"}), json::array({"th", "e"})})}}}};
}

}  // namespace lldm::testing
