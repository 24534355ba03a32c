// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lldm/registry/registry.hpp"

namespace lldm {

/// A plugin that was loaded.
struct LoadedPlugin {
  std::filesystem::path file;
  Origin origin;
  std::vector<std::shared_ptr<const Entry>> entries;
  std::vector<AnyStageKind> stage_kinds = {};
};

/// "lldm 0.1.0; libtorch 2.11.0+cu130; gcc 12.2; cxx11abi 1; cuda 13.0": what a plugin must have
/// been built with.
[[nodiscard]] std::string_view build_id();

/// The file that `plugins = [...]` means: a path (anything with a slash or ending in .so), relative
/// to `folder`; or a bare name, which is looked up in one place only, `plugins/` beside liblldm.so.
[[nodiscard]] std::filesystem::path plugin_file(std::string_view name_or_path,
                                                const std::filesystem::path& folder);

/// Loads a plugin and registers its components; it stays loaded until the process ends.
///
/// Checked in this order: file, ELF header, lldm_plugin_query, ABI, size, build id, registration,
/// and that something was registered.  The plugin's code runs in this process: load only what you
/// trust.
///
/// Errors  PluginError; the registry is then what it was before.
LoadedPlugin load_plugin(Registry& registry, const std::filesystem::path& file);

/// A plugin that a registry has components of.
struct PluginFile {
  std::filesystem::path file;
  std::vector<std::string> components;  // names, of kinds of stage too
};

/// The plugins of a registry, in the order of loading.
[[nodiscard]] std::vector<PluginFile> plugin_files(const Registry& registry);

}  // namespace lldm
