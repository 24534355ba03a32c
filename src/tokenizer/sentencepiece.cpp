// SPDX-License-Identifier: MIT
#include "lldm/tokenizer/sentencepiece.hpp"

#include <algorithm>

#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/storage/sha256.hpp"
#include "lldm/text/utf8.hpp"
#include "storage/input_file.hpp"
#include "tokenizer/byte_fallback.hpp"
#include "tokenizer/near_words.hpp"
#include "tokenizer/saved_tokenizer.hpp"
#include "tokenizer/sentencepiece_cut.hpp"
#include "tokenizer/sentencepiece_model.hpp"
#include "tokenizer/text_matcher.hpp"

namespace lldm {
namespace {

constexpr std::string_view kSpace = "\u2581";

}  // namespace

struct SentencePieceTokenizer::State {
  std::string bytes;  // the file's
  SentencePieceModel model;
  SentencePieceCutter cutter;
  SpecialNames names;
  SpecialTokens special;
  std::vector<std::string> added;  // tokens behind the pieces
  std::vector<bool> is_control;    // by id
  TextMatcher matcher;             // control pieces and added tokens

  State(std::string file_bytes, const Settings& settings, const std::string& file)
      : bytes(std::move(file_bytes)),
        model(SentencePieceModel::parse(bytes, file)),
        cutter(model),
        names(settings.special),
        added(settings.added) {
    name_roles(settings, file);
    is_control.resize(model.pieces.size() + added.size(), true);
    for (std::size_t id = 0; id < model.pieces.size(); ++id) {
      const auto& piece = model.pieces[id];
      is_control[id] = piece.type == SentencePieceModel::Type::control || plays_role(id);
      if (is_control[id]) matcher.add(piece.text, static_cast<std::int64_t>(id));
    }
    for (std::size_t i = 0; i < added.size(); ++i)
      matcher.add(added[i], static_cast<std::int64_t>(model.pieces.size() + i));
  }

  [[nodiscard]] std::int64_t find(const std::string& text) const {
    const auto found = std::find(added.begin(), added.end(), text);
    if (found != added.end())
      return static_cast<std::int64_t>(model.pieces.size()) + (found - added.begin());
    const std::int32_t id = model.id_of(text);
    return model.pieces[static_cast<std::size_t>(id)].text == text ? id : -1;
  }
  [[nodiscard]] bool plays_role(std::size_t id) const {
    return std::ranges::any_of(kSpecialRoles, [&](const SpecialRole& role) {
      return special.*role.id == static_cast<std::int64_t>(id);
    });
  }
  void name_roles(const Settings& settings, const std::string& file);
  std::string decode_piece(std::int64_t id, bool is_begin) const;
};

/// The id of every name; what is missing is added or refused.
void SentencePieceTokenizer::State::name_roles(const Settings& settings, const std::string& file) {
  for (const SpecialRole& role : kSpecialRoles) {
    const std::string& name = names.*role.text;
    if (name.empty()) continue;
    if (find(name) < 0 && settings.missing_special == MissingSpecial::refuse) {
      std::vector<std::string> known = added;
      for (const auto& [piece, id] : model.reserved) known.push_back(piece);
      std::ranges::sort(known);
      const std::string near = near_words(name, known);
      throw DataError(message(
          file, ": no piece is named \"", name, "\" (special token ", role.key, ")\n  ",
          near.empty() ? "" : near + "; ",
          "add_missing_special = true, with type = \"sentencepiece\", adds it behind the last id"));
    }
    if (find(name) < 0) added.push_back(name);
    special.*role.id = find(name);
  }
}

SentencePieceTokenizer::SentencePieceTokenizer(std::shared_ptr<const State> state)
    : state_(std::move(state)) {}

SentencePieceTokenizer SentencePieceTokenizer::read(const std::filesystem::path& file,
                                                    const Settings& settings) {
  return from_bytes(read_input(file), settings, file.string());
}

SentencePieceTokenizer SentencePieceTokenizer::from_bytes(std::string bytes,
                                                          const Settings& settings,
                                                          const std::string& file) {
  return SentencePieceTokenizer(std::make_shared<State>(std::move(bytes), settings, file));
}

SpecialNames SentencePieceTokenizer::own_names(std::string_view bytes, const std::string& file) {
  const SentencePieceModel model = SentencePieceModel::parse(bytes, file);
  const auto name = [&](const std::string& piece) {
    return model.reserved.contains(piece) ? piece : "";
  };
  return {.end_of_text = name(model.end_piece),
          .begin_of_text = name(model.begin_piece),
          .padding = name(model.padding_piece)};
}

std::vector<std::int64_t> SentencePieceTokenizer::encode(std::string_view text,
                                                         SpecialText mode) const {
  require_utf8(text, "SentencePieceTokenizer::encode");
  std::vector<std::int64_t> ids;
  std::size_t done = 0;
  while (mode == SpecialText::recognise) {
    const TextMatcher::Match match = state_->matcher.find(text, done);
    if (match.begin == std::string_view::npos) break;
    if (match.begin > done) state_->cutter.encode(text.substr(done, match.begin - done), ids);
    ids.push_back(match.id);
    done = match.end;
  }
  const std::size_t first = ids.size();
  if (done < text.size()) state_->cutter.encode(text.substr(done), ids);
  if (mode == SpecialText::recognise) return ids;
  for (std::size_t i = first; i < ids.size(); ++i)
    if (state_->is_control[static_cast<std::size_t>(ids[i])] && ids[i] != state_->model.unknown)
      throw DataError(message("sentencepiece: ordinary text gives the special token ", ids[i],
                              "\n  in: ", excerpt(text, 0)));
  return ids;
}

std::string SentencePieceTokenizer::State::decode_piece(std::int64_t id, bool is_begin) const {
  if (id == model.unknown) return model.unknown_surface;
  std::string_view piece = model.pieces[static_cast<std::size_t>(id)].text;
  const bool drops = model.add_dummy_prefix || model.remove_extra_whitespaces;
  if (is_begin && drops && piece.starts_with(kSpace)) piece.remove_prefix(kSpace.size());
  std::string text;
  for (std::size_t at = 0; at < piece.size();) {
    const bool is_space = piece.substr(at).starts_with(kSpace);
    text += is_space ? ' ' : piece[at];
    at += is_space ? kSpace.size() : 1;
  }
  return text;
}

std::string SentencePieceTokenizer::decode(std::span<const std::int64_t> ids,
                                           bool skip_special) const {
  const State& state = *state_;
  std::string text, bytes;
  bool dropped_space = false;  // at the beginning, with a piece that was nothing else
  const auto flush = [&] {
    for (std::size_t at = 0; at < bytes.size();) {
      const auto character = decode_utf8(bytes, at);
      text += character ? bytes.substr(at, character->length) : "\uFFFD";
      at += character ? character->length : 1;
    }
    bytes.clear();
  };
  for (const std::int64_t id : ids) {
    if (id < 0 || id >= vocabulary_size())
      throw DataError(message("SentencePieceTokenizer::decode: id ", id, " is outside [0, ",
                              vocabulary_size(), ")"));
    const auto index = static_cast<std::size_t>(id);
    const bool is_added = index >= state.model.pieces.size();
    if (!is_added && state.model.pieces[index].type == SentencePieceModel::Type::byte) {
      bytes += static_cast<char>(*byte_of_fallback(state.model.pieces[index].text));
      continue;
    }
    flush();
    const bool is_begin = text.empty() && !dropped_space;
    if (state.is_control[index]) {
      if (!skip_special)
        text += is_added ? state.added[index - state.model.pieces.size()]
                         : state.model.pieces[index].text;
      continue;
    }
    text += state.decode_piece(id, is_begin);
    dropped_space = is_begin && !state.model.remove_extra_whitespaces &&
                    state.model.pieces[index].text.starts_with(kSpace);
  }
  flush();
  return text;
}

std::int64_t SentencePieceTokenizer::vocabulary_size() const {
  return static_cast<std::int64_t>(state_->model.pieces.size() + state_->added.size());
}

const SpecialTokens& SentencePieceTokenizer::special() const { return state_->special; }

namespace {

std::string saved_sentencepiece(const SpecialNames& names, const SpecialTokens& special,
                                const std::vector<std::string>& added) {
  nlohmann::json saved = saved_tokenizer(SentencePieceTokenizer::name(), names, special);
  saved["added"] = added;
  return saved_text(saved);
}

}  // namespace

void SentencePieceTokenizer::save(const std::filesystem::path& folder) const {
  write_and_sync(folder / "tokenizer.model", state_->bytes, real_file_ops());
  write_and_sync(folder / kSavedTokenizer,
                 saved_sentencepiece(state_->names, state_->special, state_->added),
                 real_file_ops());
}

std::string SentencePieceTokenizer::fingerprint() const {
  return Sha256()
      .update(saved_sentencepiece(state_->names, state_->special, state_->added))
      .update(state_->bytes)
      .hex();
}

}  // namespace lldm
