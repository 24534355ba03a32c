// SPDX-License-Identifier: MIT
// golden/chat: conversations rendered by the LLaDA-8B-Instruct chat template itself.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "lldm/data/template.hpp"
#include "lldm/errors.hpp"
#include "lldm/tokenizer/tokenizer_json.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"

using namespace lldm;
using nlohmann::json;

namespace {

std::vector<json> rows_of(const std::filesystem::path& path) {
  std::vector<json> rows;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) rows.push_back(json::parse(line));
  return rows;
}

/// Messages with thoughts that stand apart (`reasoning_content`) put into the content, where it
/// stands behind the last question; in earlier turns they are never shown.
std::vector<Message> messages_of(const json& row) {
  const json& turns = row.at("messages");
  std::size_t last_question = 0;
  for (std::size_t i = 0; i < turns.size(); ++i)
    if (turns[i].at("role") == "user") last_question = i;
  std::vector<Message> messages;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    const json& turn = turns[i];
    std::string content = turn.at("content");
    const auto thought = turn.find("reasoning_content");
    if (i > last_question && thought != turn.end() && thought->is_string())
      content = "<think>\n" + thought->get<std::string>() + "\n</think>\n\n" + content;
    messages.push_back({turn.at("role"), content});
  }
  return messages;
}

/// Whether thinking was left on: `enable_thinking` of the row, or of an object of arguments in it.
bool thinks(const json& row) {
  if (const auto found = row.find("enable_thinking"); found != row.end() && found->is_boolean())
    return *found;
  for (const auto& [key, value] : row.items())
    if (value.is_object() && !thinks(value)) return false;
  return true;
}

std::string rendered_as(TemplateType type, const json& row) {
  if (type == TemplateType::qwen3_chat && !thinks(row)) type = TemplateType::qwen3_chat_no_thinking;
  const bool asks = row.at("add_generation_prompt") || type == TemplateType::llada_chat;
  std::vector<Message> messages = messages_of(row);
  // What the published template drops in silence, lldm refuses by name.
  const auto has_place = [&](const Message& turn) {
    try {
      static_cast<void>(render_messages({.type = type}, {turn}, GenerationPrompt::left_out));
      return true;
    } catch (const DataError&) {
      return false;
    }
  };
  std::erase_if(messages, [&](const Message& turn) { return !has_place(turn); });
  return text_of(render_messages({.type = type}, messages,
                                 asks ? GenerationPrompt::written : GenerationPrompt::left_out));
}

/// The recorded ids, which the reference makes of the whole text: equal to those of the pieces
/// where no content holds the text of a control token.  Returns how many rows were compared.
std::size_t check_ids(TemplateType type, const json& row, const TokenizerJson& fixture) {
  if (!row.contains("fixture_ids")) return 0;
  const auto ids = row.at("fixture_ids").get<std::vector<std::int64_t>>();
  CHECK(fixture.encode(row.at("rendered").get<std::string>(), SpecialText::recognise) == ids);
  const bool asks = row.at("add_generation_prompt") || type == TemplateType::llada_chat;
  const std::vector<Message> messages = messages_of(row);
  const auto has_bar = [](const Message& turn) {
    return turn.content.find("<|") != std::string::npos ||
           turn.role.find("<|") != std::string::npos;
  };
  if (std::ranges::any_of(messages, has_bar) || type != TemplateType::llada_chat) return 0;
  CHECK(encode_spans(render_messages({.type = type}, messages,
                                     asks ? GenerationPrompt::written : GenerationPrompt::left_out),
                     fixture) == ids);
  return 1;
}

/// The built-in template that renders most rows of a file, and how many.
std::pair<TemplateType, std::size_t> best_type(const std::vector<json>& rows) {
  std::pair<TemplateType, std::size_t> best{TemplateType::plain, 0};
  for (const auto& choice : choices(std::type_identity<TemplateType>{})) {
    if (choice.value == TemplateType::plain) continue;
    const auto count = static_cast<std::size_t>(std::ranges::count_if(rows, [&](const json& row) {
      return rendered_as(choice.value, row) == row.at("rendered").get<std::string>();
    }));
    if (count > best.second) best = {choice.value, count};
  }
  return best;
}

}  // namespace

TEST_CASE("One built-in template renders every recorded conversation of a file", "[golden][data]") {
  const auto folder = testing::golden_root() / "chat";
  REQUIRE(std::filesystem::is_directory(folder));
  const auto manifest = json::parse(std::ifstream(testing::golden_root() / "manifest_texts.json"));
  const auto fixture =
      TokenizerJson::read(testing::golden_root() / "tokenizer" / "fixture" / "tokenizer.json", {});
  std::size_t num_files = 0, num_encoded = 0;
  bool has_llada = false;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    INFO(name);
    REQUIRE(entry.path().extension() == ".jsonl");
    ++num_files;
    const std::vector<json> rows = rows_of(entry.path());
    const auto [type, num_equal] = best_type(rows);
    INFO("nearest: " << template_name(type) << ", " << num_equal << " of " << rows.size());
    for (const json& row : rows) {
      INFO("row " << row.at("id"));
      CHECK(rendered_as(type, row) == row.at("rendered").get<std::string>());
      num_encoded += check_ids(type, row, fixture);
    }
    has_llada |= type == TemplateType::llada_chat;
    if (name.starts_with("llada")) CHECK(type == TemplateType::llada_chat);
    const auto& counts = manifest.at("rows");
    REQUIRE(counts.contains("chat/" + name));
    CHECK(rows.size() == counts.at("chat/" + name).get<std::size_t>());
    std::cout << "golden chat/" << name << ": " << rows.size() << " renderings by "
              << template_name(type) << "\n";
  }
  CHECK(num_files > 0);
  std::cout << "golden chat: " << num_encoded << " renderings as ids\n";
  if (has_llada) CHECK(num_encoded > 0);  // the fixture knows LLaDA's tokens
}
