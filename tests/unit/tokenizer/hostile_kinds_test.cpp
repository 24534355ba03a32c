// SPDX-License-Identifier: MIT
// Every value of every kind of tokenizer.json, replaced by one of another type or taken away: the
// file is read, or refused by name; nothing else happens.
#include <fstream>
#include <nlohmann/json.hpp>

#include "lldm/errors.hpp"
#include "lldm/tokenizer/tokenizer_json.hpp"
#include "support/catch.hpp"

using namespace lldm;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

/// Pointers to all values, of long lists and vocabularies the first two.
void collect(const json& value, const std::string& at, std::vector<std::string>& pointers) {
  if (!at.empty()) pointers.push_back(at);
  std::size_t count = 0;
  if (value.is_object())
    for (const auto& [key, member] : value.items()) {
      if (++count > 2 && value.size() > 40) break;
      std::string name;
      for (const char c : key) name += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
      collect(member, at + "/" + name, pointers);
    }
  if (value.is_array())
    for (std::size_t i = 0; i < std::min<std::size_t>(value.size(), 2); ++i)
      collect(value[i], at + "/" + std::to_string(i), pointers);
}

/// Whether it was read; a file that is read encodes and decodes too.
bool reads(const json& file) {
  try {
    const auto tokenizer =
        TokenizerJson::from_text(file.dump(), {.missing_symbol = MissingSymbol::drop}, "t.json");
    try {
      (void)tokenizer.decode(
          tokenizer.encode("The caf\u00e9, 12 \u4f60  <s>x", SpecialText::recognise));
      (void)tokenizer.decode(std::vector<std::int64_t>{});
    } catch (const DataError&) {  // no token and no unknown one
    }
    return true;
  } catch (const DataError& error) {
    INFO(error.what());
    CHECK(std::string(error.what()).starts_with("t.json"));
    return false;
  }
}

}  // namespace

TEST_CASE("Damaged tokenizer.json of every kind are refused by name", "[tokenizer][hostile]") {
  const std::vector<json> others = {nullptr,       true,          -1, 2.5, "", "\u00e9</w>",
                                    json::array(), json::object()};
  int read = 0, refused = 0;
  for (const auto& entry :
       fs::directory_iterator(fs::path(LLDM_SOURCE_DIR) / "tests/golden/data/tokenizer_kinds")) {
    if (!entry.is_directory()) continue;
    INFO(entry.path().filename().string());
    const json file = json::parse(std::ifstream(entry.path() / "tokenizer.json"));
    std::vector<std::string> pointers;
    collect(file, "", pointers);
    for (std::size_t i = 0; i < pointers.size(); ++i) {
      INFO(pointers[i]);
      const json::json_pointer pointer(pointers[i]);
      json changed = file;
      changed[pointer] = others[i % others.size()];
      ++(reads(changed) ? read : refused);
      json cut = file;
      json& parent = cut[pointer.parent_pointer()];
      if (parent.is_object()) parent.erase(pointer.back());
      if (parent.is_array()) parent.erase(std::stoul(pointer.back()));
      ++(reads(cut) ? read : refused);
    }
  }
  CHECK(refused > 500);
  CHECK(read > 100);
}
