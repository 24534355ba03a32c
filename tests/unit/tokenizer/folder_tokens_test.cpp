// SPDX-License-Identifier: MIT
#include "tokenizer/folder_tokens.hpp"

#include <array>
#include <fstream>

#include "lldm/errors.hpp"
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

namespace {

/// The folder of small_tokenizer_json (256 "th", 257 "the", 258 "<|mask|>") and other files.
struct Folder {
  TemporaryFolder folder;
  Folder() { write("tokenizer.json", small_tokenizer_json()); }
  void write(const std::string& name, const json& content) const {
    std::ofstream(folder / name) << content.dump();
  }
  [[nodiscard]] SpecialTokens special() const { return load_tokenizer(folder.path())->special(); }
};

}  // namespace

TEST_CASE("The ids of config.json name a folder's special tokens", "[tokenizer][folder_tokens]") {
  const Folder hub;
  hub.write("config.json", {{"mask_token_id", 258},
                            {"eos_token_id", 257},
                            {"pad_token_id", 257},
                            {"bos_token_id", 256},
                            {"d_model", 64}});
  CHECK(hub.special() == SpecialTokens{258, 257, 256, -1, 257});
  // For a new model with that folder's tokenizer they are defaults.
  const auto path = hub.folder.path().string();
  TokenizerOptions options{.type = TokenizerType::tokenizer_json, .path = path};
  CHECK(make_tokenizer(options)->special().mask == 258);
  options.mask_token = "th", options.begin_of_text_token = "none";
  CHECK(make_tokenizer(options)->special().mask == 256);
}

TEST_CASE("A list of end-of-text ids holds the named one, else its first counts",
          "[tokenizer][folder_tokens]") {
  const Folder hub;
  hub.write("config.json", {{"eos_token_id", {257, 256}}});
  CHECK(hub.special().end_of_text == 257);
  hub.write("tokenizer_config.json", {{"eos_token", {{"content", "th"}, {"lstrip", false}}}});
  CHECK(hub.special().end_of_text == 256);
  hub.write("tokenizer_config.json", {{"eos_token", "<|mask|>"}});
  CHECK_THROWS_WITH(hub.special(), contains("eos_token_id = [257, 256]"));
  hub.write("config.json", {{"mask_token_id", json::array({258})}});
  CHECK_THROWS_WITH(hub.special(), contains("mask_token_id: must be one token id, is a list"));
}

TEST_CASE("Two files that contradict one another are refused with both values",
          "[tokenizer][folder_tokens]") {
  const Folder hub;
  hub.write("special_tokens_map.json", {{"mask_token", "<|mask|>"}});
  hub.write("tokenizer_config.json", {{"mask_token", "the"}});
  CHECK_THROWS_WITH(hub.special(), contains("special_tokens_map.json: mask_token = \"<|mask|>\""));
  CHECK_THROWS_WITH(hub.special(), contains("tokenizer_config.json: mask_token = \"the\""));
  hub.write("tokenizer_config.json", {{"mask_token", nullptr}});
  hub.write("config.json", {{"mask_token_id", 256}});
  CHECK_THROWS_WITH(hub.special(), contains("mask_token = \"<|mask|>\", which is 258"));
  CHECK_THROWS_WITH(hub.special(), contains("config.json: mask_token_id = 256, which is \"th\""));
  hub.write("config.json", {{"mask_token_id", 300}});
  CHECK_THROWS_WITH(hub.special(), contains("has no token 300\n  its ids end at 258"));
  hub.write("config.json", {{"mask_token_id", 258}});
  CHECK(hub.special().mask == 258);
}

TEST_CASE("Tokens of added_tokens_decoder belong to the tokenizer", "[tokenizer][folder_tokens]") {
  const Folder hub;
  const auto decoder = [](const char* id, const char* text) {
    return json{{"added_tokens_decoder", {{id, {{"content", text}, {"special", true}}}}},
                {"eos_token", text}};
  };
  hub.write("tokenizer_config.json", decoder("259", "<|end|>"));
  const auto tokenizer = load_tokenizer(hub.folder.path());
  CHECK(tokenizer->vocabulary_size() == 260);
  CHECK(tokenizer->special().end_of_text == 259);
  hub.write("tokenizer_config.json", decoder("258", "<|end|>"));
  CHECK_THROWS_WITH(hub.special(), contains("added_tokens_decoder: 258 is \"<|end|>\""));
  hub.write("tokenizer_config.json", decoder("259", "the"));
  CHECK_THROWS_WITH(hub.special(), contains("tokenizer.json: 257, which is \"the\""));
  hub.write("tokenizer_config.json", decoder("270", "<|end|>"));
  CHECK_THROWS_WITH(hub.special(), contains("the next free id of "));
}

TEST_CASE("A saved tokenizer and its config.json name the same ids", "[tokenizer][folder_tokens]") {
  const TemporaryFolder folder;
  make_tokenizer({.type = TokenizerType::bytes})->save(folder.path());
  std::ofstream(folder / "config.json") << R"({"mask_token_id": 256, "eos_token_id": 257})";
  CHECK(load_tokenizer(folder.path())->special().mask == 256);
  std::ofstream(folder / "config.json") << R"({"mask_token_id": 12})";
  CHECK_THROWS_WITH(load_tokenizer(folder.path()),
                    contains("lldm_tokenizer.json: \"<mask>\", which is 256"));
}

TEST_CASE("A [tokenizer] key beside a model folder is obeyed or refused",
          "[tokenizer][folder_tokens]") {
  const Folder hub;
  hub.write("config.json", {{"eos_token_id", 257}});
  const auto load = [&](const TokenizerOptions& asked, const std::vector<std::string>& given) {
    return load_tokenizer(hub.folder.path(), asked, given)->special();
  };
  const TokenizerOptions json_type{
      .type = TokenizerType::tokenizer_json, .path = hub.folder.path(), .mask_token = "<|mask|>"};
  CHECK(load(json_type, {"type", "path", "mask_token"}).mask == 258);
  CHECK_THROWS_WITH(load({.type = TokenizerType::bytes}, {"type"}),
                    contains("[tokenizer] type = \"bytes\", but the model folder"));
  CHECK_THROWS_WITH(load({.end_of_text_token = "th"}, {"end_of_text_token"}),
                    contains("[tokenizer] end_of_text_token = \"th\""));
  TokenizerOptions elsewhere = json_type;
  elsewhere.path = "elsewhere";
  CHECK_THROWS_WITH(load(elsewhere, {"path"}), contains("[tokenizer] path"));
  CHECK_THROWS_WITH(load({.min_count = 2}, {"min_count"}), contains("min_count is not read"));
}

TEST_CASE("A mask behind the tokenizer's ids joins it", "[tokenizer][folder_tokens]") {
  const Folder hub;
  json file = small_tokenizer_json();
  file["added_tokens"][0]["content"] = "<|other|>";
  hub.write("tokenizer.json", file);
  hub.write("config.json", {{"mask_token_id", 259}});
  const auto tokenizer = load_tokenizer(hub.folder.path());
  CHECK(tokenizer->special().mask == 259);
  CHECK(tokenizer->vocabulary_size() == 260);
  CHECK_THROWS_WITH((hub.write("config.json", {{"mask_token_id", 260}}), hub.special()),
                    contains("has no token 260"));
}

TEST_CASE("SMDM's mask is the row behind those with a logit", "[tokenizer][folder_tokens]") {
  const Folder hub;
  json tokenizer = small_tokenizer_json();
  tokenizer["added_tokens"] = json::array();  // 256 "th", 257 "the"
  hub.write("tokenizer.json", tokenizer);
  const json sizes = {{"n_embd", 8}, {"_mlp_class", "LLaMAMLP"}, {"padding_multiple", 1}};
  json config = sizes;
  config["vocab_size"] = 258;
  hub.write("config.json", config);
  const auto made = load_tokenizer(hub.folder.path());
  CHECK(made->special().mask == 258);
  CHECK(made->decode(std::array<std::int64_t, 1>{258}, false) == "<|mask|>");
  CHECK(made->encode("the") == std::vector<std::int64_t>{257});
  hub.write("config.json", {{"name", "Diff_LLaMA_6M"}});  // 32000 and the mask
  CHECK_THROWS_WITH(hub.special(), contains("mask_token_id = 32000"));
  hub.write("config.json", {{"name", "Diff_LLaMA_6M"}, {"padded_vocab_size", 258}});
  CHECK(hub.special().mask == 258);
}
