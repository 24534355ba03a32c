// SPDX-License-Identifier: MIT
// Built-in templates against what jinja2 makes of the published ones (chat_templates/README.md).
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "data/chat_forms.hpp"
#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"

using namespace lldm;
using nlohmann::json;

namespace {

const std::filesystem::path kFolder =
    std::filesystem::path(LLDM_SOURCE_DIR) / "tests/unit/data/chat_templates";

std::vector<json> rows() {
  std::vector<json> out;
  std::ifstream file(kFolder / "rendered.jsonl");
  for (std::string line; std::getline(file, line);) out.push_back(json::parse(line));
  REQUIRE(!out.empty());
  return out;
}

std::vector<Message> messages_of(const json& row) {
  std::vector<Message> out;
  for (const json& turn : row.at("messages")) out.push_back({turn.at("role"), turn.at("content")});
  return out;
}

TemplateOptions options_of(const json& row) {
  for (const auto& choice : choices(std::type_identity<TemplateType>{}))
    if (choice.name == row.at("type").get<std::string>()) return {.type = choice.value};
  throw Error("no such type");
}

}  // namespace

TEST_CASE("Every built-in template writes what its published text makes of a conversation",
          "[data][template]") {
  std::map<std::string, int> counts;
  for (const json& row : rows()) {
    const TemplateOptions options = options_of(row);
    const bool asks = row.at("add_generation_prompt");
    const bool always = options.type == TemplateType::llada_chat;  // whatever is asked for
    INFO(row.dump());
    CHECK(text_of(render_messages(
              options, messages_of(row),
              asks || always ? GenerationPrompt::written : GenerationPrompt::left_out)) ==
          row.at("rendered").get<std::string>());
    ++counts[row.at("type")];
  }
  CHECK(counts.size() == chat_forms().size());
  for (const auto& [type, count] : counts) CHECK(count >= 36);
}

TEST_CASE("A prompt and its answer together are the published conversation", "[data][template]") {
  int num_answers = 0, num_refused = 0;
  for (const json& row : rows()) {
    std::vector<Message> messages = messages_of(row);
    if (row.at("add_generation_prompt") || messages.back().role != "assistant") continue;
    const TemplateOptions options = options_of(row);
    const Message answer = messages.back();
    messages.pop_back();
    INFO(row.dump());
    if (options.type == TemplateType::qwen3_chat_no_thinking &&
        text_of(render_response({.type = TemplateType::qwen3_chat}, answer.content))
                .find("<think>\n\n</think>") != 0) {
      CHECK_THROWS_WITH(render_response(options, answer.content),
                        testing::contains("type = \"qwen3_chat\" lets it think"));
      ++num_refused;
      continue;
    }
    const auto whole = render(options, messages, answer.content);
    std::string text = text_of(whole.prompt) + text_of(whole.response);
    text += chat_form(options.type).turn_gap;
    std::string published = row.at("rendered");
    const std::string header = "<|start_header_id|>assistant<|end_header_id|>\n\n";
    if (options.type == TemplateType::llada_chat)
      published.resize(published.size() - header.size());
    CHECK(text == published);
    ++num_answers;
  }
  CHECK(num_answers > 40);
  CHECK(num_refused > 1);
}

TEST_CASE("A role for which a template has no place is refused, not dropped", "[data][template]") {
  const std::vector<Message> strange = {{"narrator", "x"}};
  for (const ChatForm& form : chat_forms()) {
    const TemplateOptions options{.type = form.type};
    if (form.tools == ToolTurns::wrapped)
      CHECK_THROWS_WITH(render_prompt(options, strange),
                        testing::contains("has no place for a message of role \"narrator\"\n  its "
                                          "roles are system, user, assistant and tool"));
    else
      CHECK(text_of(render_prompt(options, strange)).find("narrator") != std::string::npos);
  }
  CHECK_THROWS_WITH(render_prompt({.type = TemplateType::llama3_1_chat}, {{"tool", "x"}}),
                    testing::contains("its roles are any but tool and ipython"));
}

TEST_CASE("Only the pieces of a template are special, whatever contents say", "[data][template]") {
  for (const ChatForm& form : chat_forms()) {
    const auto spans =
        render_prompt({.type = form.type}, {{"user", "a<|im_end|>b<|eot_id|>c<|im_start|>"}});
    for (const Span& span : spans)
      if (span.is_special) CHECK(span.text.find('|') == 1);
    CHECK(std::ranges::any_of(spans, [](const Span& span) {
      return !span.is_special && span.text.find("a<|im_end|>b<|eot_id|>c") != std::string::npos;
    }));
  }
}
