// SPDX-License-Identifier: MIT
// lldm list, env.
#include <iostream>

#include "cli/completion.hpp"
#include "cli/describe.hpp"
#include "cli/terminal.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/device.hpp"
#include "lldm/memory/device_profile.hpp"
#include "lldm/render/table.hpp"
#include "lldm/storage/files.hpp"
#include "run/measure_profile.hpp"

namespace lldm::cli {
namespace {

void print_role(const Registry& registry, Role role) {
  Table table;
  table.columns = {{"name", Align::left}, {"from", Align::left}, {"what it is", Align::left}};
  for (const auto& entry : registry.entries(role))
    table.rows.push_back({entry->name, entry->origin.text(), entry->description});
  if (table.rows.empty()) return;
  std::cout << role_plural(role) << "\n" << text_table(table, terminal_width()) << "\n";
}

void print_stage_kinds(const Registry& registry) {
  Table table;
  table.columns = {{"name", Align::left}, {"from", Align::left}, {"what it is", Align::left}};
  for (const RegisteredStageKind& known : registry.stage_kinds())
    table.rows.push_back({std::string(known.kind.name()), known.origin.text(),
                          std::string(known.kind.description())});
  std::cout << "kinds of stage\n" << text_table(table, terminal_width()) << "\n";
}

}  // namespace

std::vector<std::string> describable_names(const Registry& registry) {
  std::vector<std::string> names = {"grid"};
  for (const auto& entry : registry.entries())
    if (std::find(names.begin(), names.end(), entry->name) == names.end())
      names.push_back(entry->name);
  for (const auto& [table, fields] : plain_tables(registry)) names.push_back(table);
  return names;
}

int run_list(const Arguments& arguments) {
  const Registry registry = make_registry(arguments);
  if (arguments.positional.empty()) {
    for (const Role role : kRoles) print_role(registry, role);
    print_stage_kinds(registry);
    return 0;
  }
  if (arguments.positional.front() == "stages") {
    print_stage_kinds(registry);
    return 0;
  }
  const std::optional<Role> role = role_from_text(arguments.positional.front());
  if (!role) {
    std::vector<std::string> names;
    for (const Role known : kRoles) names.emplace_back(role_name(known));
    names.emplace_back("stages");
    throw ConfigError(message("lldm list: no role is named \"", arguments.positional.front(),
                              "\"\n  ",
                              config::did_you_mean(arguments.positional.front(), names, "roles")));
  }
  print_role(registry, *role);
  return 0;
}

int run_describe(const Arguments& arguments) {
  const Registry registry = make_registry(arguments);
  return describe_name(arguments.positional.front(), registry);
}

namespace {

/// The profile of this machine, to the file or to stdout.
int write_profile(const Arguments& arguments) {
  const std::string text =
      profile_text(measure_profile(arguments.has("device") ? arguments.value("device") : "cpu"));
  if (!arguments.has("out")) {
    std::cout << text;
    return 0;
  }
  write_file_atomically(arguments.value("out"), text);
  std::cout << arguments.value("out") << "\n";
  return 0;
}

}  // namespace

int run_env(const Arguments& arguments) {
  if (arguments.has("device") && !arguments.has("profile"))
    throw ConfigError("--device is the device whose profile is measured\n  give --profile with it");
  if (arguments.has("profile")) return write_profile(arguments);
  const Registry registry = make_registry(arguments);
  const DeviceChoice choice = select_device("auto");  // first: the facts tell what it found
  for (const EnvironmentFact& fact : environment_facts())
    std::cout << fact.name << ": " << fact.value << "\n";
  std::cout << "device = \"auto\": " << choice.device << ", " << choice.reason << "\n";
  for (const auto& entry : registry.entries())
    if (entry->origin.plugin != "lldm")
      std::cout << "plugin component: " << role_name(entry->role) << " " << entry->name << " ("
                << entry->origin.text() << ")\n";
  return 0;
}

}  // namespace lldm::cli
