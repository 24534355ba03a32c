// SPDX-License-Identifier: MIT
// The checkpoints of a stage side by side: which was saved last, which are kept.
#pragma once

#include <cstdint>
#include <filesystem>

namespace lldm {

/// After a checkpoint was published: newest.json names it, so that one that is lost is noticed
/// under ResumeRule::strict; the oldest beyond `keep` are removed.
void note_saved(const std::filesystem::path& parent, std::int64_t step, std::int64_t keep);

}  // namespace lldm
