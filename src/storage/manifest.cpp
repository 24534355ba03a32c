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

constexpr std::size_t kRowDigits = 8;

std::string row_digest(std::string_view row) { return sha256_hex(row).substr(0, kRowDigits); }

/// Calls `use(row, number from 1)` for every row until it returns false.
template <class Use>
void each_row(std::string_view bytes, const Use& use) {
  for (std::size_t number = 1; !bytes.empty(); ++number) {
    const std::size_t end = bytes.find('\n');
    if (!use(bytes.substr(0, end), number) || end == bytes.npos) return;
    bytes.remove_prefix(end + 1);
  }
}

/// The first row that is not the one that was written; 0: every row that is there is.
std::size_t first_other_row(const SealedFile& entry, std::string_view bytes) {
  std::size_t other = 0;
  each_row(bytes, [&](std::string_view row, std::size_t number) {
    const std::size_t at = kRowDigits * (number - 1);
    if (at < entry.rows.size() && row_digest(row) == entry.rows.substr(at, kRowDigits)) return true;
    other = number;
    return false;
  });
  return other;
}

}  // namespace

SealedFile sealed_file(const std::string& name, std::string_view bytes) {
  SealedFile entry{bytes.size(), sha256_hex(bytes), ""};
  if (name.ends_with(".jsonl"))
    each_row(bytes, [&](std::string_view row, std::size_t) {
      entry.rows += row_digest(row);
      return true;
    });
  return entry;
}

std::optional<std::string> content_problem(const std::string& name, const SealedFile& entry,
                                           std::string_view bytes) {
  if (bytes.size() == entry.bytes && sha256_hex(bytes) == entry.sha256) return std::nullopt;
  if (!entry.rows.empty()) {
    if (const std::size_t row = first_other_row(entry, bytes); row > 0)
      return message(name, ":", row, ": this row is not the one that was written");
    return message(name, ": ends before row ", entry.rows.size() / kRowDigits, " is whole");
  }
  if (bytes.size() != entry.bytes)
    return message(name, ": ", bytes.size(), " bytes, the manifest says ", entry.bytes);
  return message(name, ": its content does not match the manifest's sha256");
}

std::optional<std::string> problem_of(const fs::path& folder, const std::string& name,
                                      const SealedFile& entry, bool is_hashed) {
  if (!is_inside(name)) return message(kManifestName, ": \"", name, "\" is not inside the folder");
  const auto path = folder / name;
  std::error_code code;
  if (!fs::is_regular_file(fs::symlink_status(path, code))) return message(name, ": missing");
  const auto size = fs::file_size(path, code);
  if (code) return message(name, ": ", code.message());
  try {
    if (!entry.rows.empty() && is_hashed) return content_problem(name, entry, read_file(path));
    if (size != entry.bytes)
      return message(name, ": ", size, " bytes, the manifest says ", entry.bytes);
    if (!is_hashed || sha256_file(path) == entry.sha256) return std::nullopt;
  } catch (const Error& error) {
    return message(name, ": ", error.what());
  }
  return message(name, ": its content does not match the manifest's sha256");
}

bool is_inside(const std::string& name) {
  const fs::path path(name);
  return !name.empty() && path.is_relative() && path.has_filename() &&
         name.find('\0') == name.npos && path.filename() != "." &&
         std::none_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; });
}

std::string manifest_text(const ManifestFiles& files) {
  Json json = {{"format", "lldm-folder"}, {"version", kManifestVersion}, {"files", Json::array()}};
  for (const auto& [name, entry] : files) {
    json["files"].push_back({{"file", name}, {"bytes", entry.bytes}, {"sha256", entry.sha256}});
    if (!entry.rows.empty()) json["files"].back()["rows"] = entry.rows;
  }
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
                                 entry.at("sha256").get<std::string>(),
                                 entry.value("rows", std::string())};
  } catch (const nlohmann::json::exception&) {
    throw Error("damaged: not the JSON that lldm wrote");
  } catch (const DataError&) {
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
      if (auto problem = problem_of(folder, name, entry)) problems.push_back(*problem);
  } catch (const std::exception& error) {
    problems.push_back(message(kManifestName, ": ", error.what()));
  }
  return problems;
}

std::string step_name(std::int64_t step, std::string_view prefix) {
  auto digits = std::to_string(step);
  if (digits.size() < 8) digits.insert(0, 8 - digits.size(), '0');
  return message(prefix, digits);
}

}  // namespace lldm
