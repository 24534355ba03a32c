// SPDX-License-Identifier: MIT
#include "lldm/tokenizer/tokenizer_json.hpp"

#include <memory>
#include <span>

#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/storage/sha256.hpp"
#include "lldm/text/utf8.hpp"
#include "tokenizer/saved_tokenizer.hpp"
#include "tokenizer/tokenizer_json_state.hpp"

namespace lldm {

TokenizerJson::TokenizerJson(std::shared_ptr<const State> state) : state_(std::move(state)) {}

void TokenizerJson::State::check_missing(std::string_view piece, std::string_view text) const {
  if (missing_symbol == MissingSymbol::drop) return;
  const std::size_t at = model->find_missing(piece);
  if (at == std::string_view::npos) return;
  const bool is_byte = model->reads() == PieceText::bytes;
  throw DataError(
      message("tokenizer_json: the vocabulary has no symbol for ",
              is_byte ? message("byte ", int{static_cast<unsigned char>(piece[at])})
                      : message("\"", piece.substr(at, code_point_at(piece, at).length), "\""),
              " of ", excerpt(piece, at, 40), "\n  in: ", excerpt(text, 0),
              "\n  missing_symbol = \"drop\" leaves such ", is_byte ? "bytes" : "characters",
              " out, as the reference does"));
}

void TokenizerJson::State::check_no_control(std::string_view piece,
                                            std::span<const std::int64_t> ids) const {
  for (const std::int64_t id : ids)
    if (has_control(std::span(&id, 1)))
      throw DataError(message("tokenizer_json: ordinary text gives the special token \"",
                              table.text_of_id[static_cast<std::size_t>(id)], "\" (id ", id,
                              ")\n  in: ", excerpt(piece, 0)));
}

void TokenizerJson::State::encode_part(std::string_view text, bool is_first, SpecialText mode,
                                       Pieces& pieces, std::vector<std::int64_t>& ids) const {
  pieces.start(text, is_first);
  pre_tokenizer.cut(pieces, model->reads());
  for (const Pieces::Piece& piece : pieces.list()) {
    check_missing(piece.text, text);
    const std::size_t first = ids.size();
    model->encode(piece.text, SpecialText::recognise, ids);
    if (mode == SpecialText::recognise || !has_control(std::span(ids).subspan(first))) continue;
    ids.resize(first);
    model->encode(piece.text, SpecialText::plain, ids);
    check_no_control(piece.text, std::span(ids).subspan(first));
  }
}

std::vector<std::int64_t> TokenizerJson::encode(std::string_view text, SpecialText mode) const {
  require_utf8(text, "TokenizerJson::encode");
  using Stage = AddedTokens::Stage;
  std::vector<std::int64_t> ids;
  ids.reserve(text.size() / 3 + 4);
  Pieces pieces;
  for (const auto& raw : state_->added.split(text, Stage::before_normalising, mode)) {
    if (raw.id >= 0) {
      ids.push_back(raw.id);
      continue;
    }
    const std::string normalised = state_->normalizer(raw.text);
    for (const auto& part : state_->added.split(normalised, Stage::after_normalising, mode)) {
      const bool is_first = raw.text.data() == text.data() && part.text.data() == normalised.data();
      if (part.id >= 0)
        ids.push_back(part.id);
      else
        state_->encode_part(part.text, is_first, mode, pieces, ids);
    }
  }
  return ids;
}

std::string TokenizerJson::decode(std::span<const std::int64_t> ids, bool skip_special) const {
  std::string bytes;
  std::vector<std::string> tokens;
  for (const std::int64_t id : ids) {
    if (id < 0 || id >= vocabulary_size())
      throw DataError(
          message("TokenizerJson::decode: id ", id, " is outside [0, ", vocabulary_size(), ")"));
    const auto index = static_cast<std::size_t>(id);
    if (skip_special && state_->table.is_control[index]) continue;
    if (state_->decoder.is_byte_level())
      bytes += state_->text_of_id[index];
    else
      tokens.push_back(state_->text_of_id[index]);
  }
  return state_->decoder.is_byte_level() ? to_valid_utf8(bytes)
                                         : state_->decoder(std::move(tokens));
}

std::int64_t TokenizerJson::vocabulary_size() const {
  return static_cast<std::int64_t>(state_->table.text_of_id.size());
}

const SpecialTokens& TokenizerJson::special() const { return state_->special; }

std::vector<std::int64_t> TokenizerJson::add_template_tokens(
    std::span<const std::int64_t> ids) const {
  std::vector<std::int64_t> all = state_->template_tokens.before;
  all.insert(all.end(), ids.begin(), ids.end());
  const auto& behind = state_->template_tokens.behind;
  all.insert(all.end(), behind.begin(), behind.end());
  return all;
}

std::int64_t TokenizerJson::id_of(std::string_view token) const {
  return state_->table.find(std::string(token));
}

namespace {

nlohmann::json saved_json(const SpecialNames& names, const SpecialTokens& special,
                          MissingSymbol missing, bool ranks_by_result) {
  nlohmann::json saved = saved_tokenizer(TokenizerJson::name(), names, special);
  for (const auto& choice : choices(std::type_identity<MissingSymbol>()))
    if (choice.value == missing) saved["missing_symbol"] = choice.name;
  if (ranks_by_result) saved["ranks_by_result"] = true;
  return saved;
}

}  // namespace

void TokenizerJson::save(const std::filesystem::path& folder) const {
  write_and_sync(folder / "tokenizer.json", state_->json, real_file_ops());
  write_and_sync(folder / kSavedTokenizer,
                 saved_text(saved_json(state_->names, state_->special, state_->missing_symbol,
                                       state_->ranks_by_result)),
                 real_file_ops());
}

std::string TokenizerJson::fingerprint() const {
  return Sha256()
      .update(saved_text(saved_json(state_->names, state_->special, state_->missing_symbol,
                                    state_->ranks_by_result)))
      .update(state_->json)
      .hex();
}

}  // namespace lldm
