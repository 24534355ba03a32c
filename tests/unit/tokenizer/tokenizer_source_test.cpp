// SPDX-License-Identifier: MIT
// Folders and files other than tokenizer.json: vocab.json with merges.txt, rank files, tekken.json.
#include "tokenizer/tokenizer_source.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

#include "lldm/errors.hpp"
#include "lldm/tokenizer/find.hpp"
#include "lldm/tokenizer/load.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/small_tokenizer_json.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using lldm::testing::contains;
using lldm::testing::small_tokenizer_json;
using lldm::testing::TemporaryFolder;
using nlohmann::json;
using Ids = std::vector<std::int64_t>;

namespace {

/// The vocabulary of small_tokenizer_json (bytes, 256 "th", 257 "the") in two files.
struct MergesFolder {
  TemporaryFolder folder;
  MergesFolder() {
    write("vocab.json", small_tokenizer_json()["model"]["vocab"].dump());
    write("merges.txt", "#version: 0.2\nt h\nth e\n");
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder / name) << text;
  }
  [[nodiscard]] std::shared_ptr<const Tokenizer> open() const {
    return open_tokenizer(folder.path());
  }
  [[nodiscard]] std::string error() const {
    try {
      (void)open();
    } catch (const DataError& refusal) {
      return refusal.what();
    }
    return "no error";
  }
};

std::string base64_of_byte(unsigned byte) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return {kDigits[byte >> 2], kDigits[(byte & 3) << 4], '=', '='};
}

/// A rank file of all bytes, then `more` lines of base64.
std::string ranks(const std::vector<std::string>& more) {
  std::string text;
  for (unsigned byte = 0; byte < 256; ++byte)
    text += base64_of_byte(byte) + " " + std::to_string(byte) + "\n";
  for (std::size_t i = 0; i < more.size(); ++i)
    text += more[i] + " " + std::to_string(256 + i) + "\n";
  return text;
}

}  // namespace

TEST_CASE("vocab.json and merges.txt are read as their class reads them", "[tokenizer][load]") {
  const MergesFolder gpt2;
  CHECK(has_tokenizer(gpt2.folder.path()));
  CHECK_FALSE(has_tokenizer(TemporaryFolder().path()));
  CHECK_FALSE(has_tokenizer("/no/such/folder"));
  CHECK(gpt2.open()->encode("the th's") == Ids{257, ' ', 256, '\'', 's'});
  CHECK(gpt2.open()->encode("e\u0301").size() == 3);  // GPT-2 normalises nothing
  gpt2.write("tokenizer_config.json", R"({"tokenizer_class": "Qwen2TokenizerFast"})");
  CHECK(gpt2.open()->encode("e\u0301") == Ids{0xC3, 0xA9});
  CHECK(gpt2.open()->decode(Ids{257, ' ', 0xC3, 0xA9}) == "the \u00e9");
  gpt2.write("tokenizer_config.json", R"({"tokenizer_class": "T5Tokenizer"})");
  CHECK_THAT(gpt2.error(), contains("tokenizer_config.json: tokenizer_class: how \"T5Tokenizer\" "
                                    "reads vocab.json and merges.txt is not known"));
}

TEST_CASE("Special tokens of a folder with merges come from its files", "[tokenizer][load]") {
  const MergesFolder dream;
  dream.write("tokenizer_config.json", R"({"tokenizer_class": "DreamTokenizer",
      "eos_token": "<|endoftext|>", "mask_token": "<|mask|>", "added_tokens_decoder": {
      "258": {"content": "<|endoftext|>", "special": true},
      "259": {"content": "<|mask|>", "special": true}}})");
  const auto tokenizer = dream.open();
  CHECK(tokenizer->special() == SpecialTokens{259, 258, -1, -1, -1});
  CHECK(tokenizer->encode("the<|mask|>", SpecialText::recognise) == Ids{257, 259});
  CHECK(tokenizer->encode("<|mask|>").size() == 8);
  const TemporaryFolder copy;
  tokenizer->save(copy.path());
  CHECK(load_tokenizer(copy.path())->fingerprint() == tokenizer->fingerprint());

  const MergesFolder old;
  old.write("added_tokens.json", R"({"<mask>": 258, "<word>": 259})");
  old.write("special_tokens_map.json", R"({"mask_token": "<mask>"})");
  CHECK(old.open()->special().mask == 258);
  CHECK(old.open()->encode("<word>") == Ids{259});
  CHECK(old.open()->encode("<mask>").size() == 6);
}

TEST_CASE("Bad merges name file and line", "[tokenizer][load]") {
  const MergesFolder folder;
  folder.write("merges.txt", "#version: 0.2\nt h\nthe\n");
  CHECK_THAT(folder.error(), contains("merges.txt:3: must be two tokens with one space between"));
  folder.write("merges.txt", "t q\n");
  CHECK_THAT(folder.error(), contains("model.merges[0]: the vocabulary has no \"tq\""));
  folder.write("vocab.json", "[1]");
  CHECK_THAT(folder.error(), contains("vocab.json: must be an object of ids"));
}

TEST_CASE("A rank file needs an expression and ranks without gaps", "[tokenizer][load]") {
  const TemporaryFolder folder;
  const auto file = folder / "small.tiktoken";
  std::ofstream(file) << ranks({"dGg=", "dGhl"});  // th, the
  CHECK(open_tokenizer(file, {.pattern = "qwen2"})->encode("the th") == Ids{257, ' ', 256});
  CHECK(open_tokenizer(folder.path(), {.pattern = "."})->encode("th") == Ids{'t', 'h'});
  CHECK_THROWS_WITH(open_tokenizer(file), contains("does not say how text is cut into pieces"));
  CHECK_THROWS_WITH(open_tokenizer(file, {.pattern = "(?<=a"}),
                    contains("pre_tokenizer.pretokenizers[0].pattern.Regex: "));
  std::ofstream(file) << ranks({"dGg="}) << "dGhl 300\n";
  CHECK_THROWS_WITH(open_tokenizer(file, {.pattern = "qwen2"}),
                    contains("small.tiktoken:258: must be base64, a space and the rank 257"));
  std::ofstream(file) << "!!!! 0\n";
  CHECK_THROWS_WITH(open_tokenizer(file, {.pattern = "qwen2"}),
                    contains("small.tiktoken:1: no base64: wrong character at offset 0"));
  std::ofstream(folder / "tokenizer.json") << small_tokenizer_json().dump();
  CHECK_THROWS_WITH(open_tokenizer(folder.path(), {.pattern = "qwen2"}),
                    contains("has its own expression; `pattern` is for rank files"));
}

TEST_CASE("tekken.json puts its special tokens first", "[tokenizer][load]") {
  const TemporaryFolder folder;
  json file = {
      {"config",
       {{"pattern", "[^ ]+| "}, {"default_vocab_size", 259}, {"default_num_special_tokens", 2}}},
      {"special_tokens", {{{"rank", 1}, {"token_str", "<s>"}}}},
      {"vocab", json::array()}};
  for (unsigned byte = 0; byte < 256; ++byte)
    file["vocab"].push_back({{"rank", byte}, {"token_bytes", base64_of_byte(byte)}});
  for (const char* token : {"dGg=", "dGhl"})
    file["vocab"].push_back({{"rank", file["vocab"].size()}, {"token_bytes", token}});
  const auto write = [&] { std::ofstream(folder / "tekken.json") << file.dump(); };
  write();
  const auto tokenizer = open_tokenizer(folder.path());
  CHECK(tokenizer->vocabulary_size() == 259);  // "the" is beyond the size, as in the original
  CHECK(tokenizer->encode("<s>the", SpecialText::recognise) == Ids{1, 258, 'e' + 2});
  CHECK(tokenizer->decode(Ids{0, 1, 258}, false) == "<SPECIAL_0><s>th");
  file["vocab"][7]["rank"] = 9;
  write();
  CHECK_THROWS_WITH(open_tokenizer(folder.path()), contains("vocab[7].rank: must be 7"));
}

TEST_CASE("BERT's vocab.txt gives the ids of the package tokenizers", "[tokenizer][load]") {
  const auto source = std::filesystem::path(LLDM_SOURCE_DIR) / "tests/unit/tokenizer/vocab_txt";
  for (const std::string name : {"uncased", "cased"}) {
    const TemporaryFolder folder;
    std::filesystem::copy(source / "vocab.txt", folder / "vocab.txt");
    json config = {{"tokenizer_class", "BertTokenizer"}};
    if (name == "cased") config = {{"do_lower_case", false}, {"tokenize_chinese_chars", false}};
    std::ofstream(folder / "tokenizer_config.json") << config.dump();
    const auto opened = open_tokenizer(folder.path());
    const auto& tokenizer = dynamic_cast<const TokenizerJson&>(*opened);
    std::ifstream file(source / ("cases_" + name + ".jsonl"));
    int num_rows = 0;
    for (std::string line; std::getline(file, line); ++num_rows) {
      INFO(name << " " << line);
      const json row = json::parse(line);
      const Ids ids = row.at("ids").get<Ids>();
      CHECK(tokenizer.encode(row.at("text").get<std::string>(), SpecialText::recognise) == ids);
      CHECK(tokenizer.add_template_tokens(ids) == row.at("ids_with_special").get<Ids>());
      CHECK(tokenizer.decode(ids, false) == row.at("decoded").get<std::string>());
    }
    CHECK(num_rows >= 70);
  }
}

TEST_CASE("A vocab.txt that is no BERT's is refused by name", "[tokenizer][load]") {
  const TemporaryFolder folder;
  const auto error = [&](const std::string& vocab, const std::string& config) {
    std::ofstream(folder / "vocab.txt") << vocab;
    std::ofstream(folder / "tokenizer_config.json") << config;
    try {
      (void)open_tokenizer(folder.path());
    } catch (const DataError& refusal) {
      return std::string(refusal.what());
    }
    return std::string("no error");
  };
  const std::string special = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
  CHECK(error(special + "a\r\n##b", "{}") == "no error");
  CHECK_THAT(error(special + "a\nb\na\n", "{}"),
             contains("vocab.txt:8: the token \"a\" stands twice"));
  CHECK_THAT(error("a\nb\n", "{}"), contains("has no \"[UNK]\" (unk_token)"));
  CHECK_THAT(error(special, R"({"tokenizer_class": "FunnelTokenizerFast"})"),
             contains("how \"FunnelTokenizer\" reads vocab.txt is not known"));
  CHECK_THAT(error(special + "\xFF\n", "{}"), contains("not valid UTF-8"));
}
