// SPDX-License-Identifier: MIT
#include "lldm/plugin/loader.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <mutex>
#include <system_error>
#include <utility>

#include "lldm/build_id.hpp"
#include "lldm/errors.hpp"
#include "lldm/plugin/abi.h"
#include "plugin/elf_check.hpp"
#include "registry/names.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;
using config::in_quotes;

std::string indented(std::string_view text) {
  std::string out = "\n  ";
  for (const char c : text) {
    out += c;
    if (c == '\n') out += "  ";
  }
  return out;
}

const lldm_plugin_info& query(const fs::path& file) {
  const std::string name = "plugin " + in_quotes(file.string());
  // An absolute path: dlopen would search for a bare name elsewhere.  Never closed: components,
  // their vtables and their strings live in it.
  void* library = dlopen(fs::absolute(file).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char* why = dlerror();
    throw PluginError(name + " cannot be loaded" + indented(why ? why : "no reason given") +
                      "\n  if a symbol is missing, rebuild it against this lldm");
  }
  void* symbol = dlsym(library, "lldm_plugin_query");
  if (!symbol)
    throw PluginError(name +
                      " is no lldm plugin: it has no lldm_plugin_query"
                      "\n  write LLDM_PLUGIN(\"name\", \"version\", registry) { ... } in one of "
                      "its files");
  const lldm_plugin_info* info = reinterpret_cast<const lldm_plugin_info* (*)()>(symbol)();
  if (!info)
    throw PluginError(name + " says nothing about itself\n  lldm_plugin_query returned null");
  return *info;
}

void check_handshake(const fs::path& file, const lldm_plugin_info& info) {
  const std::string by_file = "plugin " + in_quotes(file.string());
  if (info.abi != LLDM_PLUGIN_ABI)
    throw PluginError(message(by_file, " speaks another plugin ABI\n  plugin: ", info.abi,
                              "\n  host:   ", LLDM_PLUGIN_ABI, "\n  rebuild it against this lldm"));
  if (info.size != sizeof(lldm_plugin_info))
    throw PluginError(message(by_file, " has another lldm_plugin_info\n  plugin: ", info.size,
                              " bytes\n  host:   ", sizeof(lldm_plugin_info),
                              " bytes\n  rebuild it against this lldm"));
  if (!info.build_id || !info.name || !info.version || !info.location ||
      !info.register_components || !is_component_name(info.name))
    throw PluginError(by_file +
                      " does not say who it is\n  build_id, version, location and "
                      "register_components must be set, and name be [a-z][a-z0-9_]*");
  if (build_id() != info.build_id)
    throw PluginError(message("plugin ", in_quotes(info.name), " ", info.version,
                              " was built for another lldm\n  plugin: ", info.build_id,
                              "\n  host:   ", build_id(),
                              "\n  rebuild it: cmake --build build --target ", info.name));
}

/// What `register_components` answers, whether it returns or (against its contract) throws.
std::string run(const lldm_plugin_info& info, Registry& registry) {
  try {
    const char* problem = info.register_components(reinterpret_cast<lldm_registry*>(&registry));
    return problem ? problem : "";
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "it threw something that is not a std::exception";
  }
}

/// Where the plugins of this process came from: a library stays loaded until the process ends, so
/// this is the process's too.
struct LoadedFiles {
  std::mutex mutex;
  // Of the entries and kinds of stage that it registered.
  std::vector<std::pair<std::weak_ptr<const void>, fs::path>> files;
};

LoadedFiles& loaded_files() {
  static LoadedFiles files;
  return files;
}

}  // namespace

std::vector<PluginFile> plugin_files(const Registry& registry) {
  LoadedFiles& loaded = loaded_files();
  const std::lock_guard lock(loaded.mutex);
  std::vector<PluginFile> plugins;
  const auto add = [&](const std::shared_ptr<const void>& registered, std::string_view name) {
    for (const auto& [known, file] : loaded.files) {
      if (known.lock() != registered) continue;
      const auto same = std::find_if(plugins.begin(), plugins.end(),
                                     [&](const PluginFile& plugin) { return plugin.file == file; });
      if (same != plugins.end())
        same->components.emplace_back(name);
      else
        plugins.push_back({file, {std::string(name)}});
    }
  };
  for (const auto& entry : registry.entries()) add(entry, entry->name);
  for (const RegisteredStageKind& known : registry.stage_kinds())
    add(known.kind.identity(), known.kind.name());
  return plugins;
}

std::string_view build_id() { return kBuildId; }

fs::path plugin_file(std::string_view name_or_path, const fs::path& folder) {
  const fs::path path = name_or_path;
  if (name_or_path.find('/') != std::string_view::npos || name_or_path.ends_with(".so"))
    return path.is_absolute() ? path : (folder / path).lexically_normal();
  Dl_info here{};
  if (!dladdr(reinterpret_cast<const void*>(&build_id), &here) || !here.dli_fname)
    throw PluginError(message("plugin ", in_quotes(name_or_path),
                              ": liblldm.so cannot say where it lies\n  give the plugin's path"));
  return fs::path(here.dli_fname).parent_path() / "plugins" / message("lib", name_or_path, ".so");
}

LoadedPlugin load_plugin(Registry& registry, const fs::path& file) {
  check_shared_library(file);
  const lldm_plugin_info& info = query(file);
  check_handshake(file, info);
  const Origin origin{info.name, info.version, info.location};
  Registry staged = registry;  // what fails leaves nothing behind
  const std::size_t before = staged.entries().size(), kinds = staged.stage_kinds().size();
  staged.set_origin(origin);
  const std::string who = message("plugin ", in_quotes(origin.plugin), " ", origin.version);
  if (const std::string problem = run(info, staged); !problem.empty())
    throw PluginError(who + " could not register its components" + indented(problem));
  const auto entries = staged.entries();
  if (entries.size() == before && staged.stage_kinds().size() == kinds)
    throw PluginError(who +
                      " registers no component\n  write registry.add<YourComponent>() in its "
                      "LLDM_PLUGIN block");
  staged.set_origin(registry.origin());
  registry = std::move(staged);
  LoadedPlugin plugin{
      file, origin, {entries.begin() + static_cast<std::ptrdiff_t>(before), entries.end()}};
  for (std::size_t k = kinds; k < registry.stage_kinds().size(); ++k)
    plugin.stage_kinds.push_back(registry.stage_kinds()[k].kind);
  LoadedFiles& loaded = loaded_files();
  const std::lock_guard lock(loaded.mutex);
  const fs::path place = fs::absolute(file).lexically_normal();
  for (const auto& entry : plugin.entries) loaded.files.emplace_back(entry, place);
  for (const AnyStageKind& kind : plugin.stage_kinds)
    loaded.files.emplace_back(kind.identity(), place);
  return plugin;
}

}  // namespace lldm
