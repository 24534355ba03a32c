// SPDX-License-Identifier: MIT
#include "experiment/work_seal.hpp"

#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/storage/published_folder.hpp"
#include "lldm/text/utf8.hpp"
#include "lldm/track/metrics.hpp"
#include "storage/file_digests.hpp"
#include "storage/sealed_folder.hpp"

namespace lldm {
namespace fs = std::filesystem;
namespace {

/// The files of a work's folder that its manifest lists beside result.json.
ManifestFiles listed_files(const fs::path& folder) {
  ManifestFiles files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    auto name = entry.path().filename().string();
    if (entry.is_directory()) name += message("/", kManifestName);  // a model's, if it is one
    if (name == kManifestName || name == kResultName || name == kFailureName ||
        name.find(".partial-") != name.npos || !fs::is_regular_file(folder / name))
      continue;
    files[name] = sealed_file(name, read_file(folder / name));
  }
  return files;
}

std::vector<std::string> lines_of(const fs::path& file, const std::string& label) {
  std::vector<std::string> lines;
  MetricsReader reader(file);
  for (MetricsLine line; reader.next(line);)
    if (line.stage == label) lines.push_back(reader.raw());
  return lines;
}

}  // namespace

void seal_work(const fs::path& folder, const std::string& result) {
  ManifestFiles files = listed_files(folder);
  files[kResultName] = sealed_file(kResultName, result);
  write_file_atomically(folder / kManifestName, manifest_text(files));
  write_file_atomically(folder / kResultName, result);
}

void reseal_file(const fs::path& folder, const std::string& name) {
  if (SealedFolder(folder).files().contains(name)) seal_file(folder / name);
}

void unseal_work(const fs::path& folder) {
  // In this order: a result is never there without its manifest.
  lldm::remove_all(folder / kResultName);
  lldm::remove_all(folder / kManifestName);
}

bool holds_result(const fs::path& folder, const std::string& hash) {
  const auto path = folder / kResultName;
  if (!fs::exists(path)) return false;
  try {
    const auto json = nlohmann::json::parse(read_sealed(path), nullptr, false);
    if (json.is_object() && json.contains("hash") && json.at("hash").is_string())
      return json.at("hash").get<std::string>() == hash;
    throw DataError(message(path.string(), ": damaged: not the JSON that lldm wrote"));
  } catch (const Error& error) {
    if (!fs::exists(path)) return false;  // removed meanwhile: the work is done anew
    throw DataError(message(error.what(), "\n  to do this work again, remove ", folder.string()));
  }
}

namespace {

void require_whole_model(const fs::path& folder, WeightCheck weights) {
  const auto is_weights = [](const std::string& name) { return name.ends_with(".safetensors"); };
  const SealedFolder sealed(folder);
  sealed.check([&](const std::string& name) { return !is_weights(name); });
  if (weights == WeightCheck::sizes) return;
  for (const auto& [name, file] : sealed.files())
    if (is_weights(name)) sealed.require(name, file.bytes, file_digest(folder / name));
}

}  // namespace

void require_whole_work(const Work& work, WeightCheck weights) {
  const SealedFolder sealed(work.folder);
  if (!sealed.has_manifest())
    throw DataError(message(work.folder.string(), ": ", kManifestName,
                            " is missing: removed, or finished by an older lldm, which bound "
                            "results by no hashes\n  to do this work again, remove the folder"));
  try {
    sealed.explain();
    for (const char* name : {"model", "best"})
      if (fs::exists(work.folder / name / kManifestName))
        require_whole_model(work.folder / name, weights);
  } catch (const DataError& error) {
    throw DataError(
        message(error.what(), "\n  to do this work again, remove ", work.folder.string()));
  }
}

namespace {

/// What `file` holds of finished work, whose own folder keeps it.
struct FoundRows {
  std::string text;  // of all stages
  std::size_t whole = 0;
};

[[noreturn]] void refuse_rows(const fs::path& file, const std::string& what, const fs::path& kept) {
  throw DataError(message(what, "\n  the rows of the finished stage are kept in ", kept.string(),
                          "; remove ", file.string(), " to put it together again"));
}

FoundRows found_rows(const fs::path& file, const std::string& label,
                     const std::vector<std::string>& kept, const fs::path& kept_file) {
  FoundRows found;
  std::size_t number = 0, stray = 0;  // stray: one of no stage of this folder
  const auto refuse = [&](std::size_t row) {
    refuse_rows(file,
                message(file.string(), ":", row, ": this row is not the one that was written"),
                kept_file);
  };
  MetricsReader reader(file);
  for (MetricsLine line; reader.next(line);) {
    ++number;
    found.text += reader.raw() + "\n";
    if (stray == 0 && line.stage != label && !fs::exists(file.parent_path() / line.stage))
      stray = number;
    if (line.stage == label) {
      const bool is_next = found.whole + 1 < kept.size() && reader.raw() == kept[found.whole + 1];
      if (found.whole >= kept.size() || reader.raw() != kept[found.whole])
        refuse(stray > 0 && is_next ? stray : number);  // its stage's name was damaged
      ++found.whole;
      stray = 0;
    }
  }
  if (reader.has_torn_line()) stray = stray > 0 ? stray : number + 1;
  if (found.whole == 0 || found.whole == kept.size()) return found;
  if (stray > 0) refuse(stray);
  refuse_rows(
      file,
      message(file.string(), ": ", kept.size() - found.whole, " rows of ", label, " are missing"),
      kept_file);
}

}  // namespace

void require_whole_metrics(const Work& work, const std::string& label, const fs::path& file,
                           Logger& logger) {
  const auto kept_file = work.folder / kMetricsName;
  if (!fs::exists(kept_file)) return;
  const auto kept = lines_of(kept_file, label);
  FoundRows found;
  if (fs::exists(file)) found = found_rows(file, label, kept, kept_file);
  if (found.whole == kept.size()) return;
  logger.warning(message(file.string(), ": the rows of ", label, " were gone; put back from ",
                         kept_file.string()));
  for (const std::string& row : kept) found.text += row + "\n";
  write_file_atomically(file, found.text);
}

void keep_metrics(const fs::path& file, const std::string& label, const fs::path& folder) {
  const auto kept = folder / kMetricsName;
  if (file == kept || !fs::exists(file)) return;
  std::string text;
  for (const std::string& row : lines_of(file, label)) text += row + "\n";
  if (!text.empty()) write_file_atomically(kept, text);
}

void each_sealed_row(
    const fs::path& file,
    const std::function<void(const nlohmann::ordered_json& row, std::uint64_t number)>& use) {
  const std::string text = read_sealed(file);
  std::uint64_t number = 1;
  for (std::size_t begin = 0; begin < text.size(); ++number) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    try {
      use(nlohmann::ordered_json::parse(text.begin() + static_cast<std::ptrdiff_t>(begin),
                                        text.begin() + static_cast<std::ptrdiff_t>(end)),
          number);
    } catch (const nlohmann::json::exception&) {
      throw DataError(message(file.string(), ":", number,
                              ": damaged: not a row that lldm wrote\n  ",
                              excerpt(std::string_view(text).substr(begin, end - begin), 0, 80)));
    }
    begin = end + 1;
  }
}

}  // namespace lldm
