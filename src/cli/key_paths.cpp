// SPDX-License-Identifier: MIT
#include "cli/key_paths.hpp"

namespace lldm::cli {

std::vector<std::string> segments_of(const std::string& name) {
  std::vector<std::string> segments(1);
  for (const char c : name)
    if (c == '.')
      segments.emplace_back();
    else
      segments.back() += c;
  return segments;
}

const config::FieldInfo* field_at(const Fields& fields, const std::vector<std::string>& segments,
                                  std::size_t at) {
  for (const config::FieldInfo& info : fields)
    if (at < segments.size() && info.key == segments[at]) {
      if (at + 1 == segments.size()) return &info;
      return field_at(info.fields, segments, at + 1);
    }
  return nullptr;
}

void paths_of(const std::string& key, const std::string& prefix, const Fields& fields,
              std::vector<std::string>& paths) {
  for (const config::FieldInfo& info : fields) {
    if (info.key == key) paths.push_back(prefix + "." + info.key);
    paths_of(key, prefix + "." + info.key, info.fields, paths);
  }
}

void key_paths(const std::string& prefix, const Fields& fields, std::vector<std::string>& paths) {
  for (const config::FieldInfo& info : fields) {
    paths.push_back(prefix + "." + info.key);
    key_paths(prefix + "." + info.key, info.fields, paths);
  }
}

}  // namespace lldm::cli
