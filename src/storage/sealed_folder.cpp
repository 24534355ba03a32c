// SPDX-License-Identifier: MIT
#include "storage/sealed_folder.hpp"

#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/storage/published_folder.hpp"

namespace lldm {
namespace fs = std::filesystem;

std::string how_to_restore(const fs::path& folder) {
  if (!fs::exists(folder / "config.json") && !fs::exists(folder / "model.safetensors"))
    return "";  // its readers say it
  const fs::path stage = fs::absolute(folder / "").lexically_normal().parent_path().parent_path();
  if (fs::exists(stage / "work.json"))
    return message("\n  to have the stage that wrote it write it again, remove ", stage.string(),
                   " and give the same command of its run again");
  return "\n  copy it again from the run that wrote it, or fetch it again";
}

SealedFolder::SealedFolder(fs::path folder) : folder_(std::move(folder)) {
  const auto file = folder_ / kManifestName;
  std::error_code missing;
  if (!fs::exists(fs::symlink_status(file, missing))) return;
  try {
    if (!fs::is_regular_file(file, missing)) throw Error("not a regular file");
    manifest_ = parse_manifest(read_file(file));
  } catch (const Error& error) {
    throw DataError(message(file.string(), ": ", error.what(), how_to_restore(folder_)));
  }
}

SealedFolder::SealedFolder(fs::path folder, ManifestFiles files, std::string complaint)
    : folder_(std::move(folder)), manifest_(std::move(files)), complaint_(std::move(complaint)) {}

const ManifestFiles& SealedFolder::files() const {
  static const ManifestFiles none;
  return manifest_ ? *manifest_ : none;
}

void SealedFolder::fail(const std::vector<std::string>& problems) const {
  std::string text = message(folder_.string(), ": ",
                             complaint_.empty() ? "damaged since it was written" : complaint_);
  for (const auto& problem : problems) text += "\n  " + problem;
  throw DataError(text + (complaint_.empty() ? how_to_restore(folder_) : ""));
}

void SealedFolder::check(const std::function<bool(const std::string&)>& is_hashed) const {
  std::vector<std::string> problems;
  for (const auto& [name, entry] : files())
    if (auto problem = problem_of(folder_, name, entry, is_hashed(name)))
      problems.push_back(std::move(*problem));
  if (!problems.empty()) fail(problems);
}

void SealedFolder::require(const std::string& name, std::uint64_t bytes,
                           const std::string& sha256) const {
  const auto found = files().find(name);
  if (found == files().end()) return;
  if (found->second.bytes != bytes)
    fail({message(name, ": ", bytes, " bytes, the manifest says ", found->second.bytes)});
  if (found->second.sha256 != sha256)
    fail({message(name, ": its content does not match the manifest's sha256")});
}

std::string SealedFolder::read(const std::string& name) const {
  const auto found = files().find(name);
  if (found != files().end())  // a listed file that is missing is damage, not a failed reading
    if (auto problem = problem_of(folder_, name, found->second, false);
        problem && problem->ends_with(": missing"))
      fail({*problem});
  std::string bytes = read_file(folder_ / name);
  if (found != files().end())
    if (auto problem = content_problem(name, found->second, bytes)) fail({*problem});
  return bytes;
}

void SealedFolder::explain() const {
  check([](const std::string&) { return true; });
}

namespace {

/// What the manifest beside a file says of the others.
ManifestFiles others_of(const fs::path& file) {
  try {
    ManifestFiles files = SealedFolder(file.parent_path()).files();
    files.erase(file.filename().string());
    return files;
  } catch (const Error&) {  // damaged: told where what it binds is read
    return {};
  }
}

void write_manifest(const fs::path& folder, const ManifestFiles& files) {
  if (files.empty())
    lldm::remove_all(folder / kManifestName);
  else
    write_file_atomically(folder / kManifestName, manifest_text(files));
}

}  // namespace

void seal_file(const fs::path& file) {
  ManifestFiles files = others_of(file);
  const std::string name = file.filename().string();
  files[name] = sealed_file(name, read_file(file));
  write_manifest(file.parent_path(), files);
}

void unseal_file(const fs::path& file) { write_manifest(file.parent_path(), others_of(file)); }

void write_sealed(const fs::path& file, std::string_view bytes) {
  unseal_file(file);
  write_file_atomically(file, bytes);
  seal_file(file);
}

std::string read_sealed(const fs::path& file) {
  return SealedFolder(file.parent_path()).read(file.filename().string());
}

}  // namespace lldm
