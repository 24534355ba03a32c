// SPDX-License-Identifier: MIT
#include "tokenizer/sentencepiece_model.hpp"

#include <cmath>

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"
#include "tokenizer/byte_fallback.hpp"
#include "tokenizer/protobuf_reader.hpp"
#include "tokenizer/token_table.hpp"

namespace lldm {
namespace {

using Model = SentencePieceModel;

Model::Piece read_piece(std::string_view bytes, const std::string& where) {
  Model::Piece piece;
  for (ProtobufReader field(bytes, where); field.next();) {
    if (field.field() == 1) piece.text = field.text();
    if (field.field() == 2) piece.score = field.real();
    if (field.field() == 3) {
      if (field.integer() < 1 || field.integer() > 6) field.fail("a piece of an unknown type");
      piece.type = static_cast<Model::Type>(field.integer());
    }
  }
  if (piece.text.empty() || find_invalid_utf8(piece.text) || !std::isfinite(piece.score))
    throw DataError(message(where, ": a piece without text or with a score that is not finite"));
  return piece;
}

void read_trainer(std::string_view bytes, const std::string& where, Model& model) {
  for (ProtobufReader field(bytes, where); field.next();) {
    switch (field.field()) {
      case 3:
        if (field.integer() < 1 || field.integer() > 4) field.fail("an unknown kind of model");
        model.kind = static_cast<Model::Kind>(field.integer());
        break;
      case 24:
        if (field.boolean())
          throw DataError(message(where, ": treat_whitespace_as_suffix is not implemented"));
        break;
      case 35:
        model.byte_fallback = field.boolean();
        break;
      case 44:
        model.unknown_surface = field.text();
        break;
      case 46:
        model.begin_piece = field.text();
        break;
      case 47:
        model.end_piece = field.text();
        break;
      case 48:
        model.padding_piece = field.text();
        break;
      default:
        break;  // how the model was trained
    }
  }
}

void read_normalizer(std::string_view bytes, const std::string& where, Model& model) {
  for (ProtobufReader field(bytes, where); field.next();) {
    if (field.field() == 2)
      model.charsmap = PrecompiledCharsmap(PrecompiledCharsmap::Bytes{std::string(field.text())});
    if (field.field() == 3) model.add_dummy_prefix = field.boolean();
    if (field.field() == 4) model.remove_extra_whitespaces = field.boolean();
    if (field.field() == 5) model.escape_whitespaces = field.boolean();
  }
}

void refuse_denormalizer(std::string_view bytes, const std::string& where) {
  for (ProtobufReader field(bytes, where); field.next();)
    if (field.field() == 2 && !field.text().empty())
      throw DataError(message(where, ": a denormalizer is not implemented"));
}

/// Fills the maps; every byte has its piece where byte_fallback is on.
void index_pieces(Model& model, const std::string& where) {
  using Type = Model::Type;
  for (std::size_t i = 0; i < model.pieces.size(); ++i) {
    const auto& [text, score, type] = model.pieces[i];
    const bool is_reserved = type == Type::control || type == Type::unknown || type == Type::byte;
    const auto id = static_cast<std::int32_t>(i);
    if (!(is_reserved ? model.reserved : model.ids).emplace(text, id).second)
      throw DataError(message(where, ": two pieces are ", quoted_token(text)));
    if (type != Type::unknown) continue;
    if (model.unknown >= 0) throw DataError(message(where, ": two unknown pieces"));
    model.unknown = id;
  }
  if (model.unknown < 0) throw DataError(message(where, ": has no unknown piece"));
  for (unsigned byte = 0; byte < 256 && model.byte_fallback; ++byte)
    if (!model.reserved.contains(byte_fallback_token(static_cast<std::uint8_t>(byte))))
      throw DataError(message(where, ": byte_fallback is on, but byte ", byte, " has no piece"));
}

}  // namespace

Model Model::parse(std::string_view bytes, const std::string& file) {
  Model model;
  for (ProtobufReader field(bytes, file); field.next();) {
    if (field.field() == 1) model.pieces.push_back(read_piece(field.text(), file));
    if (field.field() == 2) read_trainer(field.text(), file, model);
    if (field.field() == 3) read_normalizer(field.text(), file, model);
    if (field.field() == 5) refuse_denormalizer(field.text(), file);
  }
  index_pieces(model, file);
  return model;
}

std::int32_t Model::id_of(std::string_view piece) const {
  if (const auto found = reserved.find(piece); found != reserved.end()) return found->second;
  const auto found = ids.find(piece);
  return found == ids.end() ? unknown : found->second;
}

}  // namespace lldm
