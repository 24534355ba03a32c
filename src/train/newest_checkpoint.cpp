// SPDX-License-Identifier: MIT
#include "train/newest_checkpoint.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lldm/errors.hpp"
#include "lldm/storage/published_folder.hpp"
#include "lldm/train/checkpoint.hpp"

namespace lldm {
namespace {

constexpr const char* kNewestName = "newest.json";

/// The published checkpoints, oldest first (their names sort by step).
std::vector<std::filesystem::path> checkpoint_folders(const std::filesystem::path& parent) {
  std::vector<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator(parent)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("step-") && name.find('.') == std::string::npos)
      folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

void drop_old(const std::filesystem::path& parent, std::int64_t keep) {
  const std::vector<std::filesystem::path> folders = checkpoint_folders(parent);
  const auto extra =
      static_cast<std::ptrdiff_t>(folders.size()) - static_cast<std::ptrdiff_t>(keep);
  for (std::ptrdiff_t i = 0; i < extra; ++i) lldm::remove_all(folders[static_cast<std::size_t>(i)]);
}

void note_newest(const std::filesystem::path& parent, std::int64_t step) {
  write_file_atomically(parent / kNewestName, nlohmann::json{{"step", step}}.dump() + "\n");
}

/// The step of the checkpoint that was saved last, as far as that is known: `problem` says where it
/// is not.
struct NotedNewest {
  std::optional<std::int64_t> step = {};
  std::string problem = {};
};

/// With one checkpoint the note may be yet to be written.
NotedNewest noted_newest(const std::filesystem::path& parent, std::size_t checkpoints) {
  const auto file = parent / kNewestName;
  if (!std::filesystem::exists(file))
    return {.problem = checkpoints > 1 ? file.string() + ": is missing" : ""};
  const auto json = nlohmann::json::parse(read_file(file), nullptr, false);
  if (!json.is_object() || !json.contains("step") || !json.at("step").is_number_integer())
    return {.problem = file.string() + ": damaged: not what lldm wrote"};
  return {.step = json.at("step").get<std::int64_t>()};
}

/// What an error says of `folder`, without its name, the details behind it on the same line.
std::string one_line(std::string text, const std::filesystem::path& folder) {
  for (const char* behind : {": ", "/"})
    if (const std::string name = folder.string() + behind; text.starts_with(name))
      text.erase(0, name.size());
  const char* joint = ": ";
  for (auto at = text.find("\n  "); at != text.npos; at = text.find("\n  ", at)) {
    text.replace(at, 3, joint);
    joint = "; ";
  }
  return text;
}

}  // namespace

void note_saved(const std::filesystem::path& parent, std::int64_t step, std::int64_t keep) {
  note_newest(parent, step);
  drop_old(parent, keep);
}

void drop_checkpoints_after(const std::filesystem::path& parent, std::int64_t step) {
  for (const auto& folder : checkpoint_folders(parent))
    if (folder.filename().string() > step_name(step)) lldm::remove_all(folder);
  if (noted_newest(parent, 1).step.value_or(step) > step) note_newest(parent, step);
}

std::optional<CheckpointState> load_newest_checkpoint(const std::filesystem::path& parent,
                                                      const std::string& identity,
                                                      const std::string& tokenizer,
                                                      const std::vector<NamedParameter>& parameters,
                                                      Optimizer& optimizer, ResumeRule rule,
                                                      Logger& logger) {
  if (!std::filesystem::is_directory(parent)) return std::nullopt;
  std::vector<std::filesystem::path> folders = checkpoint_folders(parent);
  NotedNewest noted = noted_newest(parent, folders.size());
  if (noted.step &&
      (folders.empty() || folders.back().filename().string() < step_name(*noted.step)))
    noted.problem = message((parent / step_name(*noted.step)).string(),
                            ": the newest checkpoint that was saved is missing");
  if (!noted.problem.empty() && rule == ResumeRule::strict)
    throw DataError(noted.problem +
                    "\n  without --strict-resume the newest that is there is taken");
  if (!noted.problem.empty()) logger.warning(noted.problem);
  const bool has_some = !folders.empty();
  for (; !folders.empty(); folders.pop_back()) {
    try {
      return load_checkpoint(folders.back(), identity, tokenizer, parameters, optimizer);
    } catch (const DamagedCheckpoint& error) {
      if (rule == ResumeRule::strict)
        throw DataError(message(error.what(), "\n  without --strict-resume the checkpoint before ",
                                folders.back().string(), " is taken"));
      logger.warning(message(folders.back().string(),
                             " is passed over: ", one_line(error.what(), folders.back())));
    }
  }
  if (has_some)
    logger.warning(message(parent.string(),
                           ": no checkpoint can be used: the stage begins at its first step"));
  return std::nullopt;
}

}  // namespace lldm
