// SPDX-License-Identifier: MIT
#include "tokenizer/token_model.hpp"

#include "lldm/errors.hpp"
#include "tokenizer/bpe_reader.hpp"
#include "tokenizer/parts.hpp"
#include "tokenizer/token_table.hpp"
#include "tokenizer/unigram.hpp"
#include "tokenizer/word_models.hpp"

namespace lldm {

std::int64_t read_unknown(const JsonView& model, const TokenTable& table) {
  const auto token = model.find("unk_token");
  if (!token) return -1;
  const std::int64_t id = table.find(token->text());
  return id < table.vocabulary_size ? id : -1;
}

namespace {

std::unique_ptr<TokenModel> read_word_level(const JsonView& model, const TokenTable& table,
                                            const ModelContext&) {
  model.only_keys({"type", "vocab", "unk_token"});
  (void)model.at("unk_token");
  return std::make_unique<WordLevel>(table, read_unknown(model, table));
}

std::unique_ptr<TokenModel> read_word_piece(const JsonView& model, const TokenTable& table,
                                            const ModelContext&) {
  model.only_keys(
      {"type", "vocab", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word"});
  (void)model.at("unk_token");
  return std::make_unique<WordPiece>(table, read_unknown(model, table),
                                     model.at("continuing_subword_prefix").text(),
                                     model.at("max_input_chars_per_word").integer(0, kMaxTokenId));
}

std::unique_ptr<TokenModel> read_unigram(const JsonView& model, const TokenTable& table,
                                         const ModelContext&) {
  model.only_keys({"type", "vocab", "unk_id", "byte_fallback"});
  const JsonView vocab = model.at("vocab");
  vocab.require_array();
  if (vocab.size() == 0) vocab.fail("must not be empty");
  std::vector<double> scores;
  for (std::size_t i = 0; i < vocab.size(); ++i) scores.push_back(vocab.at(i).at(1).real());
  const auto unknown = model.find("unk_id");
  const auto fallback = model.find("byte_fallback");
  return std::make_unique<Unigram>(table, std::move(scores),
                                   unknown ? unknown->integer(0, table.vocabulary_size - 1) : -1,
                                   fallback && fallback->boolean());
}

using Reader = std::unique_ptr<TokenModel> (*)(const JsonView&, const TokenTable&,
                                               const ModelContext&);
constexpr NamedPart<Reader> kModels[] = {{"BPE", read_bpe},
                                         {"WordLevel", read_word_level},
                                         {"WordPiece", read_word_piece},
                                         {"Unigram", read_unigram}};

}  // namespace

std::unique_ptr<TokenModel> make_token_model(const JsonView& model, const TokenTable& table,
                                             const ModelContext& context) {
  return maker_of<Reader>(kModels, "model", model)(model, table, context);
}

}  // namespace lldm
