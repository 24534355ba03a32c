// SPDX-License-Identifier: MIT
#include "tokenizer/tokenizer_source.hpp"

#include <vector>

#include "lldm/errors.hpp"
#include "storage/input_file.hpp"
#include "tokenizer/tiktoken.hpp"
#include "tokenizer/vocab_merges.hpp"
#include "tokenizer/vocab_txt.hpp"

namespace lldm {

namespace fs = std::filesystem;

TokenizerFile kind_of_file(const fs::path& file) {
  const std::string name = file.filename();
  if (name == "vocab.json" || name == "merges.txt") return TokenizerFile::vocab_and_merges;
  if (name == "vocab.txt") return TokenizerFile::vocab_txt;
  if (name == "tekken.json") return TokenizerFile::tekken;
  if (name.ends_with(".tiktoken")) return TokenizerFile::tiktoken;
  if (!name.ends_with(".model")) return TokenizerFile::tokenizer_json;
  // A SentencePiece model begins with the tag of its first piece, a rank file with base64.
  char first = 0;
  InputFile(file).read(&first, 1);
  return first == '\n' ? TokenizerFile::sentencepiece : TokenizerFile::tiktoken;
}

std::optional<fs::path> find_tokenizer_file(const fs::path& folder) {
  if (fs::exists(folder / "tokenizer.json")) return folder / "tokenizer.json";
  if (fs::exists(folder / "vocab.json") && fs::exists(folder / "merges.txt"))
    return folder / "vocab.json";
  for (const char* name : {"tekken.json", "tokenizer.model", "vocab.txt"})
    if (fs::exists(folder / name)) return folder / name;
  std::vector<fs::path> ranks;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".tiktoken") ranks.push_back(entry.path());
  if (ranks.size() != 1) return std::nullopt;
  return ranks.front();
}

TokenizerSource read_tokenizer_source(const fs::path& file, std::string_view pattern) {
  const TokenizerFile kind = kind_of_file(file);
  if (!pattern.empty() && kind != TokenizerFile::tiktoken)
    throw DataError(
        message(file.string(), ": has its own expression; `pattern` is for rank files"));
  switch (kind) {
    case TokenizerFile::tokenizer_json:
      return {read_input(file)};
    case TokenizerFile::vocab_and_merges:
      return {vocab_merges_as_json(file.parent_path())};
    case TokenizerFile::tekken:
      return {tekken_as_json(read_input(file), file.string()), true};
    case TokenizerFile::tiktoken:
      return {tiktoken_as_json(read_input(file), file.string(), pattern), true};
    case TokenizerFile::vocab_txt:
      return {vocab_txt_as_json(file)};
    case TokenizerFile::sentencepiece:
      break;
  }
  throw DataError(message(file.string(),
                          ": is a SentencePiece model\n  [tokenizer] type = "
                          "\"sentencepiece\" reads it"));
}

}  // namespace lldm
