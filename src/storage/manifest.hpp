// SPDX-License-Identifier: MIT
// The text of MANIFEST.json.  Private to src/track.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "lldm/storage/published_folder.hpp"

namespace lldm {

using ManifestFiles = std::map<std::string, SealedFile>;

/// Whether a name stays inside its folder: relative, no "..", not empty.
bool is_inside(const std::string& name);

/// Canonical text: the same files give the same bytes, and no other bytes are accepted by
/// `parse_manifest`.
std::string manifest_text(const ManifestFiles& files);

/// Errors  Error saying what is wrong with the text.
ManifestFiles parse_manifest(const std::string& text);

/// What a manifest says of a file with these bytes; with rows if its name ends in .jsonl.
SealedFile sealed_file(const std::string& name, std::string_view bytes);

/// What is wrong with a listed file, beginning with its name; nothing if it is whole.  Its bytes
/// are read unless `is_hashed` is false: then only its presence and size count.
std::optional<std::string> problem_of(const std::filesystem::path& folder, const std::string& name,
                                      const SealedFile& entry, bool is_hashed = true);

/// The same of content that was read already.
std::optional<std::string> content_problem(const std::string& name, const SealedFile& entry,
                                           std::string_view bytes);

}  // namespace lldm
