// SPDX-License-Identifier: MIT
#include "lldm/memory/device_profile.hpp"

#include <algorithm>
#include <array>

#include "lldm/config/document.hpp"
#include "lldm/config/options_check.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/text/nearest_name.hpp"

namespace lldm {
namespace {

struct Shipped {
  std::string_view name, text;
};

constexpr std::array kShipped = {
#include "lldm/device_profiles.inc"  // the files of profiles/, made by cmake/Profiles.cmake
};

DeviceProfile parse_profile(std::string_view text, const std::string& name) {
  config::Diagnostics diagnostics;
  const config::Value table = config::parse(text, {name, ""}, diagnostics);
  diagnostics.throw_if_any();
  auto profile = config::read_options<DeviceProfile>(table, diagnostics, "device profile");
  diagnostics.throw_if_any();
  return profile;
}

}  // namespace

void DeviceProfile::check(config::OptionsCheck& check) const {
  if (kind != "cpu" && kind != "cuda")
    check.error("kind", message("kind must be cpu or cuda, got ", config::in_quotes(kind)),
                "cpu, cuda");
  if (memory.context.bytes >= memory.total.bytes)
    check.error("memory", "context takes all that the device holds", "context is a part of total");
}

std::vector<std::string> profile_names() {
  std::vector<std::string> names;
  for (const Shipped& profile : kShipped) names.emplace_back(profile.name);
  return names;
}

DeviceProfile find_profile(const std::string& name_or_path) {
  for (const Shipped& profile : kShipped)
    if (profile.name == name_or_path)
      return parse_profile(profile.text, message("profiles/", profile.name, ".toml"));
  if (std::filesystem::is_regular_file(name_or_path))
    return parse_profile(read_file(name_or_path), name_or_path);
  throw ConfigError(message("no device profile is named \"", name_or_path,
                            "\", and no such file\n  ",
                            config::did_you_mean(name_or_path, profile_names(), "profiles"),
                            "\n  lldm env --profile --out FILE writes this machine's"));
}

std::string profile_text(const DeviceProfile& profile) {
  return config::write_toml(config::write_options(profile));
}

}  // namespace lldm
