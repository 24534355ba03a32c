// SPDX-License-Identifier: MIT
#include "storage/manifest.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "lldm/errors.hpp"
#include "lldm/storage/published_folder.hpp"
#include "lldm/storage/sha256.hpp"
#include "text/json.hpp"

namespace lldm {
namespace fs = std::filesystem;
namespace {

constexpr int kManifestVersion = 1;
using Json = nlohmann::ordered_json;

std::optional<std::string> problem_of(const fs::path& folder, const std::string& name,
                                      std::uint64_t bytes, const std::string& hash) {
  if (!is_inside(name)) return message(kManifestName, ": \"", name, "\" is not inside the folder");
  const auto path = folder / name;
  std::error_code code;
  if (!fs::is_regular_file(fs::symlink_status(path, code))) return message(name, ": missing");
  const auto size = fs::file_size(path, code);
  if (code) return message(name, ": ", code.message());
  if (size != bytes) return message(name, ": ", size, " bytes, the manifest says ", bytes);
  try {
    if (sha256_file(path) == hash) return std::nullopt;
  } catch (const Error& error) {
    return message(name, ": ", error.what());
  }
  return message(name, ": its content does not match the manifest's sha256");
}

}  // namespace

bool is_inside(const std::string& name) {
  const fs::path path(name);
  return !name.empty() && path.is_relative() && path.has_filename() &&
         name.find('\0') == name.npos && path.filename() != "." &&
         std::none_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; });
}

std::string manifest_text(const ManifestFiles& files) {
  Json json = {{"format", "lldm-folder"}, {"version", kManifestVersion}, {"files", Json::array()}};
  for (const auto& [name, entry] : files)
    json["files"].push_back({{"file", name}, {"bytes", entry.first}, {"sha256", entry.second}});
  json["manifest_sha256"] = sha256_hex(json.dump());
  return json.dump(1) + "\n";
}

ManifestFiles parse_manifest(const std::string& text) {
  ManifestFiles files;
  try {
    const auto json = parse_ordered_json(text, kManifestName.data());
    if (json.at("format") != "lldm-folder") throw Error("not a manifest of lldm");
    if (json.at("version") != kManifestVersion)
      throw Error(message("format version ", json.at("version").dump(),
                          "; this lldm reads version ", kManifestVersion));
    for (const auto& entry : json.at("files"))
      files[entry.at("file")] = {entry.at("bytes").get_ref<const std::uint64_t&>(),
                                 entry.at("sha256").get<std::string>()};
  } catch (const nlohmann::json::exception&) {
    throw Error("damaged: not the JSON that lldm wrote");
  }
  bool is_canonical = false;
  try {
    is_canonical = manifest_text(files) == text;
  } catch (const nlohmann::json::exception&) {  // a name that is not UTF-8
  }
  if (!is_canonical) throw Error("damaged: its content does not match its own sha256");
  return files;
}

std::vector<std::string> verify_folder(const fs::path& folder) {
  std::error_code code;
  if (!fs::is_directory(folder, code)) return {"the folder is missing"};
  if (!fs::is_regular_file(folder / kManifestName, code))
    return {message(kManifestName, ": missing")};
  std::vector<std::string> problems;
  try {
    for (const auto& [name, entry] : parse_manifest(read_file(folder / kManifestName)))
      if (auto problem = problem_of(folder, name, entry.first, entry.second))
        problems.push_back(*problem);
  } catch (const std::exception& error) {
    problems.push_back(message(kManifestName, ": ", error.what()));
  }
  return problems;
}

void require_whole_folder(const fs::path& folder) {
  const auto problems = verify_folder(folder);
  if (problems.empty()) return;
  std::string text = message(folder.string(), ": the folder is damaged or incomplete");
  for (const auto& problem : problems) text += "\n  " + problem;
  throw DataError(text);
}

std::string step_name(std::int64_t step, std::string_view prefix) {
  auto digits = std::to_string(step);
  if (digits.size() < 8) digits.insert(0, 8 - digits.size(), '0');
  return message(prefix, digits);
}

NewestComplete newest_complete(const fs::path& parent, std::string_view prefix) {
  NewestComplete result;
  if (!fs::is_directory(parent)) return result;
  std::map<std::int64_t, fs::path, std::greater<>> found;
  for (const auto& entry : fs::directory_iterator(parent)) {
    const auto name = entry.path().filename().string();
    const auto digits = name.starts_with(prefix) ? name.substr(prefix.size()) : std::string();
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (digits.size() < 8 || digits.size() > 18 ||
        !std::all_of(digits.begin(), digits.end(), is_digit))
      continue;
    found.emplace(std::stoll(digits), entry.path());
  }
  for (const auto& [step, path] : found) {
    auto problems = verify_folder(path);
    if (problems.empty()) {
      result.path = path, result.step = step;
      break;
    }
    result.passed_over.push_back({path, std::move(problems)});
  }
  return result;
}

}  // namespace lldm
