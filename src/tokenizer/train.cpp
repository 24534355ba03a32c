// SPDX-License-Identifier: MIT
#include "lldm/tokenizer/train.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <queue>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"
#include "tokenizer/byte_alphabet.hpp"
#include "tokenizer/normalizer.hpp"
#include "tokenizer/patterns.hpp"
#include "tokenizer/pre_tokenizer.hpp"
#include "tokenizer/token_model.hpp"

namespace lldm {
namespace {

using nlohmann::json;
using Symbols = std::vector<std::int32_t>;

struct Piece {
  Symbols symbols;
  std::int64_t count;
};

std::uint64_t key_of(std::int32_t left, std::int32_t right) {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

/// A pair that may be merged next, and the pieces that may hold it.
struct Candidate {
  std::int64_t count;
  std::uint64_t pair;
  std::vector<std::size_t> pieces;
  bool operator<(const Candidate& other) const {  // the queue's top is the largest
    return count != other.count ? count < other.count : pair > other.pair;
  }
};

/// The learning itself: pieces in which pairs become symbols.
class Merging {
 public:
  explicit Merging(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {
    for (std::size_t at = 0; at < pieces_.size(); ++at)
      for (std::size_t i = 0; i + 1 < pieces_[at].symbols.size(); ++i)
        note(key_of(pieces_[at].symbols[i], pieces_[at].symbols[i + 1]), at, pieces_[at].count);
    offer();
  }

  /// The pair to merge next; false at the end.
  bool next(std::int32_t& left, std::int32_t& right) {
    while (!queue_.empty()) {
      top_ = queue_.top();
      queue_.pop();
      const std::int64_t count = counts_[top_.pair];
      if (count < 1) continue;
      if (count == top_.count) {
        left = static_cast<std::int32_t>(top_.pair >> 32);
        right = static_cast<std::int32_t>(top_.pair & 0xFFFFFFFF);
        return true;
      }
      top_.count = count;  // other merges took some of it
      queue_.push(std::move(top_));
    }
    return false;
  }

  void merge(std::int32_t left, std::int32_t right, std::int32_t result) {
    for (const std::size_t at : top_.pieces) {
      Symbols& symbols = pieces_[at].symbols;
      const std::int64_t count = pieces_[at].count;
      for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
        if (symbols[i] != left || symbols[i + 1] != right) continue;
        if (i > 0) {
          counts_[key_of(symbols[i - 1], left)] -= count;
          note(key_of(symbols[i - 1], result), at, count);
        }
        symbols[i] = result;
        symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        if (i + 1 < symbols.size()) {
          counts_[key_of(right, symbols[i + 1])] -= count;
          note(key_of(result, symbols[i + 1]), at, count);
        }
      }
    }
    offer();
  }

 private:
  void note(std::uint64_t pair, std::size_t piece, std::int64_t count) {
    counts_[pair] += count;
    auto& pieces = new_[pair];
    if (pieces.empty() || pieces.back() != piece) pieces.push_back(piece);
  }
  void offer() {
    for (auto& [pair, pieces] : new_)
      if (counts_[pair] > 0) queue_.push({counts_[pair], pair, std::move(pieces)});
    new_.clear();
  }

  std::vector<Piece> pieces_;
  std::unordered_map<std::uint64_t, std::int64_t> counts_;
  std::unordered_map<std::uint64_t, std::vector<std::size_t>> new_;
  std::priority_queue<Candidate> queue_;
  Candidate top_ = {};
};

}  // namespace

struct BpeTrainer::State {
  BpeTraining settings;
  json cut;  // the pre_tokenizer
  PreTokenizer pre_tokenizer;
  TextMap<std::int64_t> counts;  // pieces as bytes
};

BpeTrainer::BpeTrainer(const BpeTraining& settings) : state_(std::make_unique<State>()) {
  const auto num_special = static_cast<std::int64_t>(settings.special.size());
  if (settings.size <= 256 + num_special || settings.size > (1 << 24))
    throw ConfigError(message("a vocabulary of ", settings.size, " ids: 256 bytes and ",
                              num_special, " special tokens need more, and at most ", 1 << 24));
  const std::unordered_set<std::string> distinct(settings.special.begin(), settings.special.end());
  if (distinct.size() != settings.special.size() || distinct.contains(""))
    throw ConfigError("special tokens must differ and not be empty");
  for (const std::string& text : settings.special) require_utf8(text, "special token");
  state_->settings = settings;
  state_->cut = split_by_pattern(pattern_named(settings.pattern));
  state_->pre_tokenizer = PreTokenizer(JsonView(state_->cut, "pattern"));
}

BpeTrainer::~BpeTrainer() = default;

void BpeTrainer::add(std::string_view text) {
  require_utf8(text, "BpeTrainer::add");
  const std::string normalized = normal_form(text, NormalForm::nfc);
  Pieces pieces;
  pieces.start(normalized, true);
  state_->pre_tokenizer.cut(pieces, PieceText::bytes);
  for (const Pieces::Piece& piece : pieces.list()) {
    const auto found = state_->counts.find(piece.text);
    if (found != state_->counts.end())
      ++found->second;
    else
      state_->counts.emplace(piece.text, 1);
  }
}

std::string BpeTrainer::finish() const {
  // Ids of bytes by their symbols in the alphabet, as Hugging Face numbers them.
  std::vector<std::string> tokens;
  for (unsigned byte = 0; byte < 256; ++byte)
    tokens.push_back(symbols_of_bytes(std::string(1, static_cast<char>(byte))));
  std::ranges::sort(tokens);
  json vocab = json::object(), merges = json::array(), added = json::array();
  for (const std::string& token : tokens) {
    const auto id = vocab.size();
    vocab[token] = id;
  }
  std::vector<Piece> pieces;
  for (const auto& [text, count] : state_->counts) {
    Piece piece{{}, count};
    for (const char byte : text)
      piece.symbols.push_back(vocab[symbols_of_bytes(std::string(1, byte))].get<std::int32_t>());
    pieces.push_back(std::move(piece));
  }
  Merging merging(std::move(pieces));
  const auto& special = state_->settings.special;
  const auto last = static_cast<std::size_t>(state_->settings.size) - special.size();
  for (std::int32_t left = 0, right = 0; tokens.size() < last && merging.next(left, right);) {
    const std::string &a = tokens[static_cast<std::size_t>(left)],
                      &b = tokens[static_cast<std::size_t>(right)];
    merges.push_back({a, b});
    const std::string joined = a + b;
    // Two pairs may give one token: the second merge leads to the token of the first.
    const auto [entry, is_new] = vocab.emplace(joined, tokens.size());
    if (is_new) tokens.push_back(joined);
    merging.merge(left, right, entry->get<std::int32_t>());
  }
  for (std::size_t i = 0; i < special.size(); ++i)
    added.push_back({{"id", tokens.size() + i},
                     {"content", special[i]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  return json{{"version", "1.0"},
              {"truncation", nullptr},
              {"padding", nullptr},
              {"added_tokens", added},
              {"normalizer", {{"type", "NFC"}}},
              {"pre_tokenizer", state_->cut},
              {"post_processor", nullptr},
              {"decoder", state_->cut["pretokenizers"][1]},
              {"model",
               {{"type", "BPE"},
                {"dropout", nullptr},
                {"unk_token", nullptr},
                {"continuing_subword_prefix", nullptr},
                {"end_of_word_suffix", nullptr},
                {"fuse_unk", false},
                {"byte_fallback", false},
                {"ignore_merges", false},
                {"vocab", vocab},
                {"merges", merges}}}}
      .dump(1);
}

}  // namespace lldm
