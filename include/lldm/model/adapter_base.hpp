// SPDX-License-Identifier: MIT
// An adapter that was published alone: a folder with config.json, adapter_config.json,
// adapter_model.safetensors and adapter_base.json, which binds it to the weights it was trained
// beside.
#pragma once

#include <filesystem>
#include <string>

#include "lldm/model/matrix.hpp"
#include "lldm/storage/published_folder.hpp"

namespace lldm {

/// The file of an adapter's folder that names its base.
inline constexpr const char* kAdapterBaseName = "adapter_base.json";

/// The weights that an adapter was trained beside.
struct AdapterBase {
  std::filesystem::path folder;             // absolute
  std::map<std::string, SealedFile> files;  // config.json and the files of weights, by name
  Precision precision;                      // as the weights were held and computed with
};

/// Whether `folder` holds an adapter alone, as a stage publishes it.
bool is_adapter_folder(const std::filesystem::path& folder);

/// What an adapter that starts from `folder` is trained beside: that folder, or, where it holds an
/// adapter alone, its base.
///
/// Errors  DataError if the folder has no weights, or as find_adapter_base.
/// Cost    hashes files that no manifest lists, once for each content (0.6 s a GiB).
AdapterBase adapter_base(const std::filesystem::path& folder, const Precision& precision);

/// The text of adapter_base.json for a folder that will lie at `place`: a base in the same run is
/// named by its way from there, so that the run can be moved.
std::string adapter_base_json(const AdapterBase& base, const std::filesystem::path& place);

/// The base of an adapter's folder: where its file says, else the folder of a model with the same
/// hashes that lies in the same run.
///
/// Errors  DataError if the file is damaged, no folder is there, or its files are others (by size
///         and by what a manifest beside them says; the bytes are checked while they are read).
AdapterBase find_adapter_base(const std::filesystem::path& folder);

/// DataError naming every file of the base of an adapter's folder whose bytes are others than they
/// were: for a caller whose reading failed.
void explain_adapter_base(const std::filesystem::path& folder);

/// DataError unless the adapter in `folder` was trained beside the weights of `base`, wherever they
/// lay then.
/// Cost    as adapter_base.
void require_adapter_base(const std::filesystem::path& folder, const std::filesystem::path& base);

/// How a folder's model was held and computed with when it was trained, where it says so.
Precision trained_precision(const std::filesystem::path& folder);

}  // namespace lldm
