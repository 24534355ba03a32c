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

TEST_CASE("LLaDA's chat template is known by what it writes", "[data][chat_template]") {
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

TEST_CASE("A folder's template is recognised by rendering, however it is written",
          "[data][chat_template]") {
  const auto source = std::filesystem::path(LLDM_SOURCE_DIR) / "tests/unit/data/chat_templates";
  const auto type_of = [](const std::string& text, const json& more = json::object()) {
    const TemporaryFolder folder;
    json config = more;
    config["chat_template"] = text;
    write(folder / "tokenizer_config.json", config.dump());
    const FolderTemplate found = read_chat_template(folder.path());
    return found.known ? std::string(template_name(found.known->type)) : found.reason;
  };
  const auto read = [&](const std::string& name) {
    std::ifstream file(source / name);
    REQUIRE(file);
    return std::string{std::istreambuf_iterator<char>(file), {}};
  };
  CHECK(type_of(read("qwen3.jinja")) == "qwen3_chat");
  CHECK(type_of(read("qwen2_5.jinja")) == "qwen2_5_chat");
  CHECK(type_of(read("dream.jinja")) == "dream_chat");
  CHECK(type_of(read("chatml.jinja")) == "chatml");
  CHECK(type_of(read("llada.jinja"), {{"bos_token", "<|startoftext|>"}}) == "llada_chat");
  CHECK(type_of(read("llada.jinja"), {{"bos_token", {{"content", "<|begin_of_text|>"}}}}) ==
        "llama3_chat");
  // The same turns in other words.
  CHECK(type_of("{% macro turn(role, text) -%}\n<|im_start|>{{ role }}\n{{ text }}<|im_end|>\n{% "
                "endmacro %}\n{%- for m in messages -%}\n{{ turn(m.role, m.content) }}\n{%- endfor "
                "-%}\n{{ '<|im_start|>assistant\\n' if add_generation_prompt }}") == "chatml");
  // One system prompt of its own, trimmed contents, another role's name, a refusal.
  std::string other = read("qwen2_5.jinja");
  for (std::size_t at = 0; (at = other.find("created by", at)) != std::string::npos; ++at)
    other.replace(at, 10, "made by");
  CHECK(type_of(other) ==
        "the nearest is \"dream_chat\", which writes 3 of 9 probes alike, but not: one question");
  CHECK(type_of("{% for m in messages %}{{ m.content }}{% endfor %}") ==
        "it writes other turns than any of them");
  CHECK_THAT(
      type_of("{{ messages | tojson }}"),
      contains("it cannot be rendered here: (one question): line 1: the filter \"tojson\" is "
               "not implemented"));
  CHECK_THAT(type_of("{% if %}"), contains("it cannot be rendered here: line 1: "));
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
