// SPDX-License-Identifier: MIT
#include "tokenizer/byte_level_bpe.hpp"

#include <map>
#include <thread>

#include "support/catch.hpp"

using namespace lldm;
using Ids = std::vector<std::int64_t>;

namespace {

struct Random {
  std::uint64_t state;
  std::uint64_t operator()(std::uint64_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
  }
};

/// Random merges over the letters a, b, c; ids 0-255 are bytes.
std::vector<BpeMerges::Merge> random_merges(Random& random, int count) {
  std::vector<BpeMerges::Merge> merges;
  std::map<std::pair<int, int>, int> known;
  std::vector<std::int32_t> tokens = {'a', 'b', 'c'};
  for (std::int32_t id = 256; id < 256 + count;) {
    const auto left = tokens[random(tokens.size())], right = tokens[random(tokens.size())];
    if (!known.emplace(std::pair{left, right}, id).second) continue;
    merges.push_back({left, right, id});
    tokens.push_back(id++);
  }
  return merges;
}

/// The definition: repeatedly merge the pair of lowest rank, leftmost first.
Ids slow_bpe(const std::vector<BpeMerges::Merge>& merges, const std::string& piece) {
  Ids ids(piece.begin(), piece.end());
  for (;;) {
    std::size_t best_rank = merges.size(), best_at = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i)
      for (std::size_t rank = 0; rank < best_rank; ++rank)
        if (merges[rank].left == ids[i] && merges[rank].right == ids[i + 1])
          best_rank = rank, best_at = i;
    if (best_rank == merges.size()) return ids;
    ids[best_at] = merges[best_rank].result;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best_at) + 1);
  }
}

std::array<std::int32_t, 256> all_bytes() {
  std::array<std::int32_t, 256> ids;
  for (int i = 0; i < 256; ++i) ids[static_cast<std::size_t>(i)] = i;
  return ids;
}

std::string random_piece(Random& random, std::size_t length) {
  std::string piece;
  while (piece.size() < length) piece += static_cast<char>('a' + random(3));
  return piece;
}

}  // namespace

TEST_CASE("ByteLevelBpe merges as the definition says, short and long", "[tokenizer][bpe]") {
  Random random{7};
  for (int round = 0; round < 20; ++round) {
    const auto merges = random_merges(random, 30);
    const ByteLevelBpe bpe(all_bytes(), BpeMerges(merges), {});
    for (int i = 0; i < 60; ++i) {
      const std::string piece = random_piece(random, 1 + random(i < 50 ? 60 : 400));
      Ids ids;
      bpe.encode(piece, SpecialText::recognise, ids);
      REQUIRE(ids == slow_bpe(merges, piece));
      Ids again;
      bpe.encode(piece, SpecialText::recognise, again);  // from the cache
      REQUIRE(again == ids);
    }
  }
}

TEST_CASE("ByteLevelBpe merges a megabyte in one piece", "[tokenizer][bpe]") {
  const ByteLevelBpe bpe(all_bytes(), BpeMerges({{'a', 'a', 256}, {256, 256, 257}}), {});
  Ids ids;
  bpe.encode(std::string(1 << 20, 'a'), SpecialText::recognise, ids);
  CHECK(ids == Ids(1 << 18, 257));
}

TEST_CASE("ByteLevelBpe takes whole pieces first and reports missing symbols", "[tokenizer][bpe]") {
  auto bytes = all_bytes();
  bytes['x'] = ByteLevelBpe::kNoSymbol;
  const ByteLevelBpe bpe(bytes, BpeMerges({}), {{"ax", 300}});
  Ids ids;
  bpe.encode("ax", SpecialText::recognise, ids);
  CHECK(ids == Ids{300});
  CHECK(bpe.find_missing("ax") == std::string_view::npos);
  CHECK(bpe.find_missing("bax") == 2);
  CHECK(bpe.find_missing("bab") == std::string_view::npos);
  ids.clear();
  bpe.encode("bxb", SpecialText::recognise, ids);
  CHECK(ids == Ids{'b', 'b'});
}

TEST_CASE("ByteLevelBpe may be shared by threads", "[tokenizer][bpe]") {
  Random random{11};
  const auto merges = random_merges(random, 30);
  const ByteLevelBpe bpe(all_bytes(), BpeMerges(merges), {});
  std::vector<std::string> pieces;
  for (int i = 0; i < 300; ++i) pieces.push_back(random_piece(random, 1 + random(20)));
  std::array<bool, 4> is_right = {};
  std::vector<std::thread> threads;
  for (bool& right : is_right)
    threads.emplace_back([&] {
      right = true;
      for (const std::string& piece : pieces) {
        Ids ids;
        bpe.encode(piece, SpecialText::recognise, ids);
        right = right && ids == slow_bpe(merges, piece);
      }
    });
  for (auto& thread : threads) thread.join();
  for (const bool right : is_right) CHECK(right);
}

TEST_CASE("Merges that give the same token have one rank when ranked by it", "[tokenizer][bpe]") {
  const std::vector<BpeMerges::Merge> merges = {{'a', 'b', 256}, {'b', 'a', 256}};
  std::vector<std::int32_t> symbols = {'b', 'a', 'b'}, leftmost = symbols;
  BpeMerges(merges).apply(symbols);
  CHECK(symbols == std::vector<std::int32_t>{'b', 256});
  BpeMerges(merges, true).apply(leftmost);
  CHECK(leftmost == std::vector<std::int32_t>{256, 'b'});
}
