// SPDX-License-Identifier: MIT
#include "model/device_parts.hpp"

#include <cstdlib>

#include "lldm/errors.hpp"
#include "model/block_parts_trial.hpp"
#include "model/decided_once.hpp"
#include "model/fused_attention.hpp"

namespace lldm {
namespace {

DecidedOnce<TrustedParts>& decided() {
  static DecidedOnce<TrustedParts> only;
  return only;
}

}  // namespace

bool may_take_fused_parts() {
  const char* asked = std::getenv("LLDM_BLOCK_PARTS");
  const std::string name = asked == nullptr || *asked == '\0' ? "fused" : asked;
  if (name != "fused" && name != "operations")
    throw ConfigError(message("LLDM_BLOCK_PARTS=", name, ": must be fused or operations"));
  return name == "fused";
}

const BlockParts& device_block_parts(at::Device device) {
  return decided()
      .get([&] {
        return may_take_fused_parts()
                   ? trusted_block_parts(fused_block_parts(), device)
                   : TrustedParts{operation_block_parts(),
                                  "by operations: LLDM_BLOCK_PARTS asks for them"};
      })
      .parts;
}

const BlockParts& block_parts(at::Device device, bool has_patterns) {
  if (device.is_cuda()) return device_block_parts(device);
  return device.is_cpu() && !has_patterns ? cpu_block_parts() : operation_block_parts();
}

bool takes_fused_parts(at::ScalarType rows, at::ScalarType compute, std::int64_t head_width) {
  return rows == at::kFloat && is_fused_head(compute, head_width);
}

bool has_untrusted_parts() {
  const std::string text = device_parts_text();
  return text.empty() ? !may_take_fused_parts() : text != kFusedText;
}

std::string device_parts_text() {
  const TrustedParts* made = decided().made();
  return made != nullptr ? made->text : "";
}

}  // namespace lldm
