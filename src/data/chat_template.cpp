// SPDX-License-Identifier: MIT
#include "lldm/data/chat_template.hpp"

#include <array>
#include <string_view>

#include "lldm/errors.hpp"
#include "storage/input_file.hpp"
#include "text/json.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxBytes = std::size_t{1} << 24;

// What TemplateType::llada_chat writes: the first is LLaDA-8B-Instruct's, the second the same with
// the assistant's header on request, which is always asked for here.
constexpr std::string_view kLladaTurns =
    "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = "
    "'<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim "
    "+ '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}"
    "{{ content }}{% endfor %}";
constexpr std::string_view kLladaHeader =
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}";
constexpr std::string_view kLladaBegin = "<|startoftext|>";

bool is_llada(std::string_view text, std::string_view begin_of_text) {
  if (begin_of_text != kLladaBegin) return false;
  const std::string turns(kLladaTurns), header(kLladaHeader);
  const std::array<std::string, 2> known = {
      turns + header, turns + "{% if add_generation_prompt %}" + header + "{% endif %}"};
  if (text == known[0] || text == known[1]) return true;
  // In a .jinja file "\n" of a Jinja string may stand escaped, as the JSON writes it.
  std::string escaped(text);
  for (std::size_t at = 0; (at = escaped.find("\\n", at)) != std::string::npos; ++at)
    escaped.replace(at, 2, "\n");
  return escaped == known[0] || escaped == known[1];
}

std::string name_in(const JsonView& root, std::string_view key) {
  const auto entry = root.find(key);
  if (!entry) return "";
  return entry->value().is_object() ? entry->at("content").text() : entry->text();
}

/// The template of tokenizer_config.json: nothing, a text, or the list's "default".
std::optional<std::string> template_in(const JsonView& root) {
  const auto entry = root.find("chat_template");
  if (!entry) return std::nullopt;
  if (!entry->value().is_array()) return entry->text();
  for (std::size_t i = 0; i < entry->size(); ++i)
    if (entry->at(i).at("name").text() == "default") return entry->at(i).at("template").text();
  entry->fail("has no entry named \"default\"");
}

std::string without_last_newline(std::string text) {
  if (text.ends_with("\r\n")) text.pop_back();
  if (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

}  // namespace

FolderTemplate read_chat_template(const fs::path& folder) {
  std::optional<std::string> text;
  std::string source, begin_of_text;
  if (const fs::path path = folder / "special_tokens_map.json"; fs::exists(path)) {
    const std::string file = path.string();
    const nlohmann::json json = parse_json(read_input(path, kMaxBytes), file);
    begin_of_text = name_in(JsonView(json, file), "bos_token");
  }
  if (const fs::path path = folder / "tokenizer_config.json"; fs::exists(path)) {
    const std::string file = path.string();
    const nlohmann::json json = parse_json(read_input(path, kMaxBytes), file);
    const JsonView root(json, file);
    if (begin_of_text.empty()) begin_of_text = name_in(root, "bos_token");
    if (text = template_in(root); text) source = file;
  }
  const auto agree = [&](std::string own, const fs::path& path) {
    if (text && without_last_newline(*text) != without_last_newline(own))
      throw DataError(message(source, ": its chat_template is not the one of ", path.string(),
                              "\n  remove the one that the model was not trained with"));
    text = std::move(own);
    source = path.string();
  };
  if (const fs::path path = folder / "chat_template.json"; fs::exists(path)) {
    const std::string file = path.string();
    const nlohmann::json json = parse_json(read_input(path, kMaxBytes), file);
    if (std::optional<std::string> own = template_in(JsonView(json, file)))
      agree(std::move(*own), path);
  }
  if (const fs::path path = folder / "chat_template.jinja"; fs::exists(path))
    agree(without_last_newline(read_input(path, kMaxBytes)), path);
  if (!text) return {};
  FolderTemplate out{source, std::nullopt};
  if (is_llada(without_last_newline(*text), begin_of_text))
    out.known = TemplateOptions{.type = TemplateType::llada_chat};
  return out;
}

std::optional<TemplateOptions> known_chat_template(const fs::path& folder) {
  const FolderTemplate found = read_chat_template(folder);
  if (!found.source.empty() && !found.known)
    throw ConfigError(
        message(found.source, ": its chat template is not one that lldm writes\n",
                "  set the key yourself: [template] type = \"plain\" or \"llada_chat\"",
                " (--set template.type=plain)\n",
                "  known letter for letter: the template of LLaDA-8B-Instruct, with bos_token = \"",
                kLladaBegin, "\""));
  return found.known;
}

}  // namespace lldm
