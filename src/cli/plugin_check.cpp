// SPDX-License-Identifier: MIT
// lldm plugin check: every law on everything a plugin registers, in processes of their own.
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <map>

#include "cli/command.hpp"
#include "cli/isolated.hpp"
#include "cli/terminal.hpp"
#include "lldm/builtin/builtin.hpp"
#include "lldm/errors.hpp"
#include "lldm/laws/component_laws.hpp"
#include "lldm/laws/stage_kind_laws.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/plugin/loader.hpp"

namespace lldm::cli {
namespace {

using laws::Outcome;

struct Loaded {
  Registry registry;
  LoadedPlugin plugin;
};

Loaded load(const std::filesystem::path& file) {
  Loaded loaded;
  register_builtin_components(loaded.registry);
  loaded.plugin = load_plugin(loaded.registry, file);
  return loaded;
}

/// The names of what the plugin registers.  What is wrong with the plugin or with a setting is
/// thrown here, where it was a child that saw it.
std::vector<std::string> components_of(const std::filesystem::path& file,
                                       const std::vector<std::string>& settings,
                                       std::chrono::milliseconds limit) {
  std::string refused, misset;
  const Isolated said = run_isolated(
      [&](const Report& report) {
        report.begin("it is loaded");
        try {
          const Loaded loaded = load(file);
          laws::check_settings(loaded.plugin, settings);
          for (const auto& entry : loaded.plugin.entries)
            report.text("+" + laws::component_name(*entry));
          for (const AnyStageKind& kind : loaded.plugin.stage_kinds)
            report.text("+" + laws::component_name(kind));
        } catch (const ConfigError& error) {
          report.text(std::string("?") + error.what());
        } catch (const PluginError& error) {
          report.text(std::string("!") + error.what());
        }
      },
      limit);
  if (!said.crash.empty())
    throw PluginError("plugin " + config::in_quotes(file.string()) +
                      " could not be loaded: " + said.crash + "\n  run it under a debugger");
  std::vector<std::string> names;
  for (const std::string& text : said.texts) {
    if (text[0] == '!') throw PluginError(text.substr(1));
    if (text[0] == '?') throw ConfigError(text.substr(1));
    names.push_back(text.substr(1));
  }
  for (const laws::LawResult& result : said.results) throw PluginError(result.finding.seen);
  return names;
}

/// The laws of what the plugin registered as number `index`: components, then kinds of stage.
std::vector<laws::Law> laws_of(const Loaded& loaded, MemoryManager& memory, std::size_t index,
                               const std::vector<std::string>& settings) {
  const LoadedPlugin& plugin = loaded.plugin;
  if (index >= plugin.entries.size()) {
    const AnyStageKind& kind = plugin.stage_kinds.at(index - plugin.entries.size());
    return laws::stage_kind_laws(loaded.registry, memory, kind, laws::stage_table(kind, settings));
  }
  const Entry& entry = *plugin.entries[index];
  return laws::component_laws(loaded.registry, entry,
                              laws::component_table(loaded.registry, entry, settings));
}

void check_component(const Report& report, const std::filesystem::path& file, std::size_t index,
                     const std::vector<std::string>& settings) {
  at::set_num_threads(1);
  report.begin("it is made from its options");
  const Loaded loaded = load(file);
  MemoryManager memory;
  std::vector<laws::Law> list;
  const laws::Law made{"it is made from its options", [&] {
                         list = laws_of(loaded, memory, index, settings);
                         return laws::holds(settings.empty() ? "defaults" : "as --set says");
                       }};
  report.check(made);
  for (const laws::Law& law : list) report.check(law);
}

}  // namespace

int run_plugin_check(const Arguments& arguments) {
  const std::filesystem::path file = plugin_argument(arguments.positional.front());
  const std::vector<std::string> settings = arguments.values("set");
  const std::chrono::seconds limit(arguments.integer("timeout", 60, 1, 1'000'000));
  const std::vector<std::string> names = components_of(file, settings, limit);
  std::map<Outcome, int> counts;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Isolated found = run_isolated(
        [&](const Report& report) { check_component(report, file, i, settings); }, limit);
    for (const laws::LawResult& result : found.results) {
      ++counts[result.finding.outcome];
      std::cout << laws::line_of(names[i], result) << std::endl;
    }
  }
  std::cout << "plugin " << file.string() << ": " << names.size() << " components, "
            << counts[Outcome::holds] << " laws hold, " << counts[Outcome::fails] << " fail, "
            << counts[Outcome::unchecked] << " do not concern it\n";
  return counts[Outcome::fails] == 0 ? 0 : 4;
}

}  // namespace lldm::cli
