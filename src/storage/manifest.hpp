// SPDX-License-Identifier: MIT
// The text of MANIFEST.json.  Private to src/track.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace lldm {

using ManifestFiles = std::map<std::string, std::pair<std::uint64_t, std::string>>;

/// Whether a name stays inside its folder: relative, no "..", not empty.
bool is_inside(const std::string& name);

/// Canonical text: the same files give the same bytes, and no other bytes are accepted by
/// `parse_manifest`.
std::string manifest_text(const ManifestFiles& files);

/// Errors  Error saying what is wrong with the text.
ManifestFiles parse_manifest(const std::string& text);

}  // namespace lldm
