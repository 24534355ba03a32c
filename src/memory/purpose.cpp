// SPDX-License-Identifier: MIT
#include "lldm/memory/purpose.hpp"

#include <c10/util/ThreadLocalDebugInfo.h>

#include <array>
#include <memory>

namespace lldm {
namespace {

thread_local MemoryPurpose current_purpose = MemoryPurpose::unscoped;

// LibTorch carries its ThreadLocalDebugInfo, and nothing of ours, to the threads that run backward
// on a GPU.  No kind is meant for libraries; this one is used by LibTorch's own tests alone.
constexpr auto kKind = c10::DebugInfoKind::TEST_INFO_2;

struct PurposeInfo final : c10::DebugInfoBase {
  explicit PurposeInfo(MemoryPurpose value) : purpose(value) {}
  MemoryPurpose purpose;
};

const std::shared_ptr<PurposeInfo>& info_of(MemoryPurpose purpose) {
  static const auto infos = [] {
    std::array<std::shared_ptr<PurposeInfo>, kMemoryPurposeNames.size()> made;
    for (std::size_t p = 0; p < made.size(); ++p)
      made[p] = std::make_shared<PurposeInfo>(static_cast<MemoryPurpose>(p));
    return made;
  }();
  return infos[static_cast<std::size_t>(purpose)];
}

}  // namespace

PurposeScope::PurposeScope(MemoryPurpose purpose) noexcept : previous_(current_purpose) {
  current_purpose = purpose;
  c10::ThreadLocalDebugInfo::_push(kKind, info_of(purpose));
}

PurposeScope::~PurposeScope() {
  c10::ThreadLocalDebugInfo::_pop(kKind);
  current_purpose = previous_;
}

MemoryPurpose PurposeScope::current() noexcept {
  if (current_purpose != MemoryPurpose::unscoped) return current_purpose;
  const auto* info = dynamic_cast<PurposeInfo*>(c10::ThreadLocalDebugInfo::get(kKind));
  return info ? info->purpose : MemoryPurpose::unscoped;
}

}  // namespace lldm
