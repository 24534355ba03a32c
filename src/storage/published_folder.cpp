// SPDX-License-Identifier: MIT
#include "lldm/storage/published_folder.hpp"

#include <unistd.h>

#include <cerrno>
#include <regex>

#include "lldm/storage/sha256.hpp"
#include "storage/manifest.hpp"

namespace lldm {
namespace fs = std::filesystem;

PublishedFolder::PublishedFolder(fs::path final_path, IfPublished if_published, FileOps& ops)
    : ops_(ops), final_(std::move(final_path)), if_published_(if_published) {
  if (!final_.has_filename()) final_ = final_.parent_path();  // "runs/x/"
  if (if_published_ == IfPublished::refuse && fs::exists(fs::symlink_status(final_)))
    throw Error(
        message("\"", final_.string(), "\" exists already\n  remove it or choose another name"));
  partial_ = partial_path(final_);
  remove_all(partial_, ops_);
  make_folders(final_.parent_path(), ops_);
  ops_.make_folder(partial_);
}

PublishedFolder::~PublishedFolder() {
  if (is_published_) return;
  try {
    remove_all(partial_, ops_);
  } catch (...) {  // clean_partials finds it at the next start
  }
}

void PublishedFolder::require_space(std::uint64_t bytes) const {
  const auto free = ops_.free_bytes(partial_);
  if (free >= bytes) return;
  throw FileError(
      message("not enough space for \"", final_.string(), "\"\n  need ", bytes_text(bytes),
              ", have ", bytes_text(free), "\n  free some space and run the same command again"),
      final_, ENOSPC);
}

void PublishedFolder::add(const fs::path& name, std::string_view bytes) {
  const auto text = name.lexically_normal().generic_string();
  if (!is_inside(text) || text == kManifestName)
    throw Error(message("PublishedFolder::add: \"", text, "\" is not a name inside the folder"));
  make_folders((partial_ / name).parent_path(), ops_);
  write_and_sync(partial_ / name, bytes, ops_);
  files_[text] = sealed_file(text, bytes);
}

void PublishedFolder::list_files(const fs::path& folder) {
  std::vector<fs::directory_entry> entries(fs::directory_iterator(folder), {});
  for (const auto& entry : entries) {
    const auto name = entry.path().lexically_relative(partial_).generic_string();
    if (entry.is_symlink())
      throw Error(message("\"", entry.path().string(),
                          "\" is a link\n  a published folder holds plain files"));
    if (entry.is_directory()) {
      list_files(entry.path());
    } else if (!files_.contains(name)) {  // made by other code
      OutputFile(ops_, entry.path(), WriteMode::append).sync();
      files_[name] = {entry.file_size(), sha256_file(entry.path()), ""};
    }
  }
  ops_.sync_folder(folder);
}

void PublishedFolder::publish() {
  list_files(partial_);
  write_and_sync(partial_ / kManifestName, manifest_text(files_), ops_);
  ops_.sync_folder(partial_);
  move_into_place();
}

void PublishedFolder::move_into_place() {
  const auto parent = final_.has_parent_path() ? final_.parent_path() : fs::path(".");
  if (!fs::exists(fs::symlink_status(final_))) {
    ops_.rename(partial_, final_);
    is_published_ = true;
    return ops_.sync_folder(parent);
  }
  if (if_published_ == IfPublished::refuse)
    throw Error(
        message("\"", final_.string(), "\" exists already\n  another process wrote it meanwhile"));
  if (ops_.exchange(partial_, final_)) {
    is_published_ =
        true;  // what the partial name holds now is the old one: not ours to remove on an error
    ops_.sync_folder(parent);
    return remove_all(partial_, ops_);
  }
  // No swap in one step here: set the old one aside; clean_partials moves it back if the second
  // rename is lost.
  auto aside = final_;
  aside += message(".replaced-", ::getpid());
  remove_all(aside, ops_);
  ops_.rename(final_, aside);
  ops_.sync_folder(parent);
  ops_.rename(partial_, final_);
  is_published_ = true;
  ops_.sync_folder(parent);
  remove_all(aside, ops_);
}

std::vector<fs::path> clean_partials(const fs::path& parent, FileOps& ops,
                                     const IsLeftover& is_leftover) {
  static const std::regex pattern(R"((.+)\.(partial|replaced)-([0-9]{1,18}))");
  std::vector<std::pair<fs::path, fs::path>> found;  // and what it was to be
  if (!fs::is_directory(parent)) return {};
  for (const auto& entry : fs::directory_iterator(parent)) {
    std::smatch match;
    const auto name = entry.path().filename().string();
    if (std::regex_match(name, match, pattern) &&
        (!is_leftover || is_leftover(match[1], std::stoll(match[3]))))
      found.emplace_back(entry.path(), match[2] == "replaced" ? parent / match[1].str() : "");
  }
  if (found.empty()) return {};
  ops.sync_folder(parent);  // a swap must be on the disk before its older half is removed
  std::vector<fs::path> changed;
  for (const auto& [path, place] : found) {
    if (!place.empty() && !fs::exists(place))
      ops.rename(path, place);
    else
      remove_all(path, ops);
    changed.push_back(path);
  }
  ops.sync_folder(parent);
  return changed;
}

}  // namespace lldm
