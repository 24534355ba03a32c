// SPDX-License-Identifier: MIT
#include "lldm/model/adapter_base.hpp"

#include <optional>
#include <vector>

#include "config/choice_name.hpp"
#include "lldm/errors.hpp"
#include "lldm/model/model_options.hpp"
#include "lldm/storage/sha256.hpp"
#include "model/weight_files.hpp"
#include "storage/file_digests.hpp"
#include "storage/json_file.hpp"
#include "storage/sealed_folder.hpp"
#include "text/json.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr std::size_t kMaxBytes = std::size_t{16} << 20;
constexpr const char* kIndex = "model.safetensors.index.json";

ModelDtype dtype_of(at::ScalarType type) {
  if (type == at::kDouble) return ModelDtype::float64;
  if (type == at::kHalf) return ModelDtype::float16;
  return type == at::kBFloat16 ? ModelDtype::bfloat16 : ModelDtype::float32;
}

template <class E>
E value_of(const nlohmann::json& name, const std::string& where) {
  for (const auto& choice : choices(std::type_identity<E>()))
    if (name == choice.name) return choice.value;
  throw DataError(message(where, ": ", name.dump(), " is not known to this lldm"));
}

/// What decides the numbers of a folder: its config and its weights.
std::vector<std::string> files_of(const fs::path& folder) {
  Complaints complaints;
  std::vector<std::string> names = open_weights(folder, complaints).names;
  complaints.finish(folder);
  names.emplace_back("config.json");
  if (fs::exists(folder / kIndex)) names.emplace_back(kIndex);
  return names;
}

/// What the file says, with the folder as it is written there.
AdapterBase read_base(const fs::path& folder) {
  const auto where = (folder / kAdapterBaseName).string();
  const SealedFolder sealed(folder);
  const auto text = sealed.read(kAdapterBaseName);
  try {
    const auto json = parse_json(text, where, {.max_bytes = kMaxBytes});
    if (json.at("version") != kVersion)
      throw DataError(
          message(where, ": version ", json.at("version").dump(), ", this lldm reads ", kVersion));
    ModelOptions held;
    held.dtype = value_of<ModelDtype>(json.at("dtype"), where);
    held.storage = value_of<WeightStorage>(json.at("storage"), where);
    AdapterBase base{
        .folder = json.at("path").get<std::string>(), .files = {}, .precision = precision_of(held)};
    for (const auto& [name, file] : json.at("files").items()) {
      if (!is_inside(name)) throw DataError(message(where, ": \"", name, "\" is no file's name"));
      base.files[name] = {file.at("bytes").get<std::uint64_t>(),
                          file.at("sha256").get<std::string>(), ""};
    }
    if (base.files.empty()) throw DataError(where + ": names no files");
    return base;
  } catch (const nlohmann::json::exception& error) {
    throw DataError(message(where, ": not what names an adapter's base\n  ", error.what()));
  }
}

/// Why the files of `folder` are not those of the base, as far as sizes, manifest and config.json
/// say; nothing if they are.
std::optional<std::string> problem_of_base(const fs::path& folder, const AdapterBase& base) {
  std::error_code failure;
  if (!fs::is_directory(folder, failure)) return "no such folder";
  const SealedFolder sealed(folder);
  for (const auto& [name, file] : base.files) {
    const auto bytes = fs::file_size(folder / name, failure);
    if (failure) return message(name, ": missing");
    if (bytes != file.bytes) return message(name, ": ", bytes, " bytes, it had ", file.bytes);
    const auto listed = sealed.files().find(name);
    const bool is_listed = listed != sealed.files().end();
    const std::string hash = is_listed               ? listed->second.sha256
                             : name == "config.json" ? sha256_file(folder / name)
                                                     : file.sha256;
    if (hash != file.sha256) return message(name, ": another content");
  }
  return std::nullopt;
}

/// A model of the run that `folder` lies in (RUN/STAGE/model, RUN/shared/STAGE/model,
/// RUN/cells/ID/STAGE/model) whose manifest lists the base's files.
std::optional<fs::path> same_in_run(const fs::path& folder, const AdapterBase& base) {
  std::error_code failure;
  fs::path above = folder.parent_path().parent_path();
  for (int up = 0; up < 3 && above.has_relative_path(); ++up, above = above.parent_path())
    for (const fs::path& stages : {above, above / "shared"})
      for (const auto& stage : fs::directory_iterator(stages, failure)) {
        const fs::path model = stage.path() / "model";
        if (fs::exists(model / kManifestName, failure) && !problem_of_base(model, base))
          return model;
      }
  return std::nullopt;
}

/// Whether both lie in one run folder, which may be moved as a whole.
bool share_a_run(const fs::path& base, const fs::path& place) {
  fs::path common;
  for (auto a = base.begin(), b = place.begin(); a != base.end() && b != place.end() && *a == *b;
       ++a, ++b)
    common /= *a;
  return fs::exists(common / "index.json") || fs::exists(common.parent_path() / "index.json");
}

}  // namespace

bool is_adapter_folder(const fs::path& folder) {
  std::error_code failure;
  return fs::exists(folder / kAdapterBaseName, failure);
}

AdapterBase adapter_base(const fs::path& folder, const Precision& precision) {
  const fs::path home = fs::weakly_canonical(fs::absolute(folder));
  if (is_adapter_folder(home)) {
    AdapterBase base = find_adapter_base(home);
    base.precision = precision;
    return base;
  }
  const SealedFolder sealed(home);
  AdapterBase base{.folder = home, .files = {}, .precision = precision};
  for (const auto& name : files_of(home)) {
    const auto listed = sealed.files().find(name);
    base.files[name] = listed != sealed.files().end()
                           ? SealedFile{listed->second.bytes, listed->second.sha256, ""}
                           : SealedFile{fs::file_size(home / name), file_digest(home / name), ""};
  }
  return base;
}

std::string adapter_base_json(const AdapterBase& base, const fs::path& place) {
  const fs::path there = fs::weakly_canonical(fs::absolute(place));
  Json json = {{"version", kVersion},
               {"path", share_a_run(base.folder, there)
                            ? base.folder.lexically_relative(there).generic_string()
                            : base.folder.string()},
               {"dtype", config::choice_name(dtype_of(base.precision.compute))},
               {"storage", config::choice_name(base.precision.storage)},
               {"files", Json::object()}};
  for (const auto& [name, file] : base.files)
    json["files"][name] = {{"bytes", file.bytes}, {"sha256", file.sha256}};
  return json.dump(2) + "\n";
}

AdapterBase find_adapter_base(const fs::path& folder) {
  const fs::path home = fs::weakly_canonical(fs::absolute(folder));
  AdapterBase base = read_base(home);
  if (base.folder.is_relative()) base.folder = (home / base.folder).lexically_normal();
  const auto problem = problem_of_base(base.folder, base);
  if (!problem) return base;
  if (const auto same = same_in_run(home, base)) {
    base.folder = *same;
    return base;
  }
  const bool is_gone = !fs::exists(base.folder);
  throw DataError(message(
      folder.string(), ": an adapter, whose base is ", is_gone ? "gone: " : "not what it was: ",
      base.folder.string(), is_gone ? "" : "\n  ", is_gone ? "" : *problem,
      is_gone ? "\n  put it back, or a link to where it is now: ln -s NEW "
              : "\n  put back what it was trained beside, or train it again beside ",
      is_gone ? base.folder.string() : "this"));
}

void explain_adapter_base(const fs::path& folder) {
  const AdapterBase base = find_adapter_base(folder);
  std::string problems;
  for (const auto& [name, file] : base.files)
    if (sha256_file(base.folder / name) != file.sha256)
      problems += message("\n  ", name, ": another content");
  if (!problems.empty())
    throw DataError(message(base.folder.string(), ": changed since the adapter ", folder.string(),
                            " was trained beside it", problems));
}

void require_adapter_base(const fs::path& folder, const fs::path& base) {
  const AdapterBase own = read_base(folder), given = adapter_base(base, own.precision);
  for (const auto& [name, file] : own.files) {
    const auto found = given.files.find(name);
    if (found != given.files.end() && found->second.sha256 == file.sha256) continue;
    throw DataError(message(folder.string(), ": was not trained beside ", base.string(), "\n  ",
                            name, found == given.files.end() ? ": missing" : ": another content",
                            "\n  it was trained beside ", own.folder.string()));
  }
}

Precision trained_precision(const fs::path& folder) {
  return is_adapter_folder(folder) ? read_base(folder).precision : Precision();
}

}  // namespace lldm
