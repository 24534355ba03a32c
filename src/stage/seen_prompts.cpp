// SPDX-License-Identifier: MIT
#include "stage/seen_prompts.hpp"

#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/storage/sha256.hpp"
#include "stage/prompt_split.hpp"
#include "storage/sealed_folder.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPromptsName = "prompts.json";
constexpr int kDeepest = 64;  // a chain of folders that names itself ends here

constexpr const char* kByText = "text";
constexpr const char* kByPrompt = "prompt";

/// `by`: what is asked for, texts or prompts.
void add_seen(const fs::path& model_folder, std::string_view by, SeenPrompts& seen, int depth) {
  const fs::path stage = model_folder.parent_path();
  const fs::path file = stage / kPromptsName;
  if (depth > kDeepest || !fs::is_regular_file(file)) {
    seen.unknown.push_back(message("no ", kPromptsName, " beside ", model_folder.string()));
    return;
  }
  std::string from;
  try {
    const auto saved = nlohmann::json::parse(read_sealed(file));
    for (const auto& key : saved.at("prompts")) seen.keys.insert(key.get<std::string>());
    from = saved.at("from").get<std::string>();
    if (const auto own = saved.value("by", std::string(by)); own != by)
      seen.unknown.push_back(message(stage.filename().string(), " was trained on ", own,
                                     "s, which are not compared with ", by, "s"));
  } catch (const nlohmann::json::exception& error) {
    throw DataError(
        message(file.string(), ": not the prompts of a training stage\n  ", error.what()));
  }
  if (!from.empty()) add_seen((stage / from).lexically_normal(), by, seen, depth + 1);
}

}  // namespace

std::string prompt_key(const std::string& text) { return sha256_hex(text).substr(0, 16); }

void save_prompts(const fs::path& stage_folder, const std::vector<SourceRow>& training,
                  bool is_plain_text, const fs::path& from) {
  std::set<std::string> keys;
  for (const SourceRow& row : training) keys.insert(prompt_key(prompt_text(row, is_plain_text)));
  const std::string origin =
      from.empty() ? ""
                   : fs::absolute(from)
                         .lexically_normal()
                         .lexically_relative(fs::absolute(stage_folder).lexically_normal())
                         .string();
  write_file_atomically(
      stage_folder / kPromptsName,
      Result{{"from", origin}, {"by", is_plain_text ? kByText : kByPrompt}, {"prompts", keys}}
              .dump() +
          "\n");
}

SeenPrompts seen_prompts(const fs::path& model_folder, bool is_plain_text) {
  SeenPrompts seen;
  fs::path folder = fs::absolute(model_folder).lexically_normal();
  if (folder.filename().empty()) folder = folder.parent_path();  // "run/sft/model/"
  add_seen(folder, is_plain_text ? kByText : kByPrompt, seen, 0);
  return seen;
}

Result count_shared(const std::vector<std::string>& texts, const SeenPrompts& seen) {
  std::set<std::string> all, shared;
  std::size_t shared_items = 0;
  for (const std::string& text : texts) {
    all.insert(text);
    if (!seen.keys.contains(prompt_key(text))) continue;
    shared.insert(text);
    ++shared_items;
  }
  Result counts = {{"prompts", all.size()},
                   {"shared", shared.size()},
                   {"items", texts.size()},
                   {"shared_items", shared_items},
                   {"is_known", seen.unknown.empty()}};
  if (!seen.unknown.empty()) counts["unknown"] = seen.unknown;
  return counts;
}

Result shared_prompts(const RunContext& run, const Work& work,
                      const std::vector<std::string>& texts) {
  Result counts = count_shared(texts, seen_prompts(model_folder_of(run, work, work.model), false));
  const bool is_known = counts.at("is_known").get<bool>(), is_any = counts.at("shared") != 0;
  const std::string text = message(
      "stage ", run.label(work), ": ", counts.at("shared"), " of ", counts.at("prompts"),
      " prompts were trained on by the measured model or those it was trained from",
      is_known ? ""
               : ", as far as is known (" + counts.at("unknown").front().get<std::string>() + ")");
  if (is_any)
    run.logger.warning(text);
  else
    run.logger.info(text);
  return counts;
}

}  // namespace lldm
