// SPDX-License-Identifier: MIT
#include "lldm/data/chat_template.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using lldm::testing::contains;
using lldm::testing::TemporaryFolder;
using nlohmann::json;

namespace {

// chat_template of GSAI-ML/LLaDA-8B-Instruct's tokenizer_config.json.
const std::string kTurns =
    "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = "
    "'<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim "
    "+ '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif "
    "%}{{ "
    "content }}{% endfor %}";
const std::string kHeader = "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}";

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

std::string config_text(const json& chat, const std::string& begin = "<|startoftext|>") {
  return json{{"chat_template", chat}, {"bos_token", begin}}.dump();
}

}  // namespace

TEST_CASE("LLaDA's chat template is known letter for letter", "[data][chat_template]") {
  const TemporaryFolder folder;
  CHECK(!known_chat_template(folder.path()));
  const auto file = folder / "tokenizer_config.json";
  const auto is_known = [&](const std::string& text) {
    write(file, text);
    return read_chat_template(folder.path()).known.has_value();
  };
  CHECK(is_known(config_text(kTurns + kHeader)));
  CHECK(known_chat_template(folder.path())->type == TemplateType::llada_chat);
  CHECK(is_known(config_text(kTurns + "{% if add_generation_prompt %}" + kHeader + "{% endif %}")));
  CHECK(
      is_known(config_text(json::array({{{"name", "tool_use"}, {"template", "x"}},
                                        {{"name", "default"}, {"template", kTurns + kHeader}}}))));
  CHECK_FALSE(is_known(config_text(kTurns + kHeader, "<s>")));
  CHECK_FALSE(is_known(config_text(kTurns)));
  CHECK_FALSE(is_known(config_text(kTurns + kHeader + " ")));
  CHECK_THROWS_WITH(known_chat_template(folder.path()),
                    contains("set the key yourself: [template] type"));
}

TEST_CASE("chat_template.jinja counts, and must be that of tokenizer_config.json",
          "[data][chat_template]") {
  const TemporaryFolder folder;
  write(folder / "special_tokens_map.json", R"({"bos_token": {"content": "<|startoftext|>"}})");
  write(folder / "chat_template.jinja", kTurns + kHeader + "\n");
  CHECK(known_chat_template(folder.path()).has_value());
  write(folder / "tokenizer_config.json", config_text("{{ messages }}"));
  CHECK_THROWS_WITH(known_chat_template(folder.path()), contains("is not the one of"));
}

TEST_CASE("chat_template.json counts, and must be that of the others", "[data][chat_template]") {
  const TemporaryFolder folder;
  write(folder / "special_tokens_map.json", R"({"bos_token": "<|startoftext|>"})");
  write(folder / "chat_template.json", json{{"chat_template", kTurns + kHeader}}.dump());
  CHECK(known_chat_template(folder.path())->type == TemplateType::llada_chat);
  write(folder / "chat_template.jinja", kTurns);
  CHECK_THROWS_WITH(known_chat_template(folder.path()), contains("is not the one of"));
  std::filesystem::remove(folder / "chat_template.jinja");
  write(folder / "chat_template.json", R"({"chat_template": "{{ messages }}"})");
  CHECK_THROWS_WITH(known_chat_template(folder.path()), contains("chat_template.json: its chat"));
}

TEST_CASE("Keys that a template type does not read are errors", "[data][chat_template]") {
  CHECK_THROWS_AS(render_prompt({.type = TemplateType::llada_chat, .separator = " "}, {}),
                  ConfigError);
}
