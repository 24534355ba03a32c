// SPDX-License-Identifier: MIT
// Seams: where a piece may be cut before it is merged.
#include "tokenizer/character_bpe.hpp"

#include "support/catch.hpp"
#include "tokenizer/seams.hpp"

using namespace lldm;
using Ids = std::vector<std::int64_t>;

namespace {

/// Tokens by id; the last is the unknown one.
TokenTable table_of(const std::vector<std::string>& tokens) {
  TokenTable table;
  for (const std::string& token : tokens) {
    table.id_of_text.emplace(token, static_cast<std::int64_t>(table.text_of_id.size()));
    table.text_of_id.push_back(token);
  }
  table.vocabulary_size = static_cast<std::int64_t>(tokens.size());
  table.is_control.resize(tokens.size());
  return table;
}

Ids encode(const CharacterBpe& bpe, std::string_view text) {
  Ids ids;
  bpe.encode(text, SpecialText::recognise, ids);
  return ids;
}

}  // namespace

TEST_CASE("A seam is where no token covers both characters", "[tokenizer][bpe]") {
  Seams seams;
  seams.add_token("\u2581ab");
  seams.add_token("\u2581\u2581");
  CHECK(seams.is_seam('b', 0x2581));
  CHECK(seams.is_seam('b', 'a'));
  CHECK_FALSE(seams.is_seam('a', 'b'));
  CHECK_FALSE(seams.is_seam(0x2581, 0x2581));
  CHECK_FALSE(seams.is_seam('b', 0xE9));  // of other characters nothing is known
  CHECK(seams.first("\u2581ab\u2581ab") == 5);
  CHECK(seams.first("\u2581\u2581ab") == 8);
  CHECK(seams.first("") == 0);
}

TEST_CASE("Cutting at seams changes no id", "[tokenizer][bpe]") {
  const TokenTable table = table_of({"a", "b", "_", "ab", "_ab", "__", "<unk>"});
  const std::vector<BpeMerges::Merge> merges = {{0, 1, 3}, {2, 3, 4}, {2, 2, 5}};
  for (const bool fuses : {false, true}) {
    const CharacterBpe bpe(table, merges, MergeRanks::by_place,
                           {.unknown = 6, .fuses_unknown = fuses});
    CHECK(encode(bpe, "_ab_ab__ab") == Ids{4, 4, 2, 4});
    CHECK(encode(bpe, "___") == Ids{5, 2});
    // Unknown characters in a row are one token, or each its own: no seam may part them.
    CHECK(encode(bpe, "axya") == (fuses ? Ids{0, 6, 0} : Ids{0, 6, 6, 0}));
    CHECK(encode(bpe, "xy") == (fuses ? Ids{6} : Ids{6, 6}));
  }
}
