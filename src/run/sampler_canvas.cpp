// SPDX-License-Identifier: MIT
#include "run/sampler_canvas.hpp"

#include <memory>

#include "lldm/concepts/any_sampler.hpp"
#include "lldm/config/component_ref.hpp"
#include "lldm/registry/registry.hpp"
#include "stage/any_ids.hpp"

namespace lldm {

std::optional<std::int64_t> sampler_canvas(const config::Value& stage, const Services& services) {
  const config::Member* sampler = stage.find("sampler");
  if (!sampler || !sampler->value.is_table()) return std::nullopt;
  ComponentRef<Role::sampler> ref;
  ref.table = sampler->value;
  Services with_ids = services;
  with_ids.tokenizer = std::make_shared<const AnyIds>();
  return services.registry.make<AnySampler>(ref, with_ids).response_length();
}

}  // namespace lldm
