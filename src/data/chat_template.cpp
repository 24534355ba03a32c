// SPDX-License-Identifier: MIT
#include "lldm/data/chat_template.hpp"

#include <string_view>

#include "data/template_probes.hpp"
#include "lldm/errors.hpp"
#include "storage/input_file.hpp"
#include "text/json.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxBytes = std::size_t{1} << 24;

/// The special tokens that a file names, where an earlier file has not.
void add_tokens(const JsonView& root, FolderTokens& tokens) {
  const auto add = [&](std::string_view key, std::string& token) {
    const auto entry = root.find(key);
    if (!entry || !token.empty()) return;
    token = entry->value().is_object() ? entry->at("content").text() : entry->text();
  };
  add("bos_token", tokens.bos);
  add("eos_token", tokens.eos);
  add("pad_token", tokens.pad);
  add("unk_token", tokens.unk);
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
  std::string source;
  FolderTokens tokens;
  if (const fs::path path = folder / "special_tokens_map.json"; fs::exists(path)) {
    const std::string file = path.string();
    const nlohmann::json json = parse_json(read_input(path, kMaxBytes), file);
    add_tokens(JsonView(json, file), tokens);
  }
  if (const fs::path path = folder / "tokenizer_config.json"; fs::exists(path)) {
    const std::string file = path.string();
    const nlohmann::json json = parse_json(read_input(path, kMaxBytes), file);
    const JsonView root(json, file);
    add_tokens(root, tokens);
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
  const ProbeResult found = probe_template(*text, tokens);
  FolderTemplate out{.source = source, .reason = found.reason};
  if (found.type) out.known = TemplateOptions{.type = *found.type};
  return out;
}

std::optional<TemplateOptions> known_chat_template(const fs::path& folder) {
  const FolderTemplate found = read_chat_template(folder);
  if (found.source.empty() || found.known) return found.known;
  std::string types;
  for (const auto& choice : choices(std::type_identity<TemplateType>{}))
    types += message(types.empty() ? "" : ", ", choice.name);
  throw ConfigError(message(found.source, ": its chat template is not one that lldm writes\n  ",
                            found.reason, "\n  set the key yourself: [template] type = one of ",
                            types, " (--set template.type=plain)"));
}

}  // namespace lldm
