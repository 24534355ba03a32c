// SPDX-License-Identifier: MIT
#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "lldm/train/adafactor.hpp"
#include "lldm/train/adamw.hpp"
#include "lldm/train/adamw_8bit.hpp"
#include "lldm/train/host_adamw.hpp"
#include "lldm/train/train_options.hpp"
#include "train/dynamic_codes.hpp"

namespace lldm {
namespace {

std::uint64_t rounding_key(const Draws& draws) {
  Stream stream = Draws(draws.seed(), "optimizer rounding").stream(Purpose::initialise);
  const std::uint64_t high = stream.bits();
  return high << 32 | stream.bits();
}

bool is_on_host(const OptimizerOptions& options) {
  return options.resident == OptimizerResidence::host;
}

constexpr std::int64_t kFloatBytes = 4;

std::int64_t flat_bytes(std::int64_t count, std::int64_t element) {
  constexpr std::int64_t kLine = 64;
  return (count * element + kLine - 1) / kLine * kLine;
}

std::int64_t state_bytes(const OptimizerOptions& options, const std::vector<std::int64_t>& sizes,
                         std::int64_t element) {
  const std::int64_t count =
      std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
  if (options.type == "adafactor")
    return kFloatBytes * (sizes.size() == 2 ? sizes[0] + sizes[1] : count);
  if (options.type != "adamw_8bit") return 2 * flat_bytes(count, element);
  if (count < AdamW8Bit::kLeastNumbers) return 2 * kFloatBytes * count;
  const std::int64_t blocks = (count + kDynamicBlockNumbers - 1) / kDynamicBlockNumbers;
  return 2 * (count + kFloatBytes * blocks);
}

}  // namespace

std::unique_ptr<Optimizer> make_optimizer(std::vector<NamedParameter> parameters,
                                          const OptimizerOptions& options, const Draws& draws) {
  const WeightRounding rounding{
      options.rounding.value_or(RoundingMode::stochastic) == RoundingMode::stochastic,
      rounding_key(draws)};
  const AdamW::Options adamw{options.beta1, options.beta2, options.epsilon, options.weight_decay,
                             options.max_gradient_norm};
  if (options.type == "adafactor")
    return std::make_unique<Adafactor>(
        std::move(parameters),
        Adafactor::Options{options.weight_decay, options.max_gradient_norm,
                           options.relative_step.value_or(false)},
        rounding);
  if (options.type == "adamw_8bit")
    return std::make_unique<AdamW8Bit>(std::move(parameters), adamw, rounding);
  const bool is_another = std::ranges::any_of(parameters, [](const NamedParameter& parameter) {
    return !parameter.value.is_cpu() || parameter.value.scalar_type() == at::kBFloat16;
  });
  // Float32 moments of weights on the CPU lie on the host as it is.
  if (is_on_host(options) && is_another)
    return std::make_unique<HostAdamW>(std::move(parameters), adamw);
  return std::make_unique<AdamW>(std::move(parameters), adamw, rounding);
}

OptimizerBytes optimizer_bytes(const OptimizerOptions& options,
                               const std::vector<std::vector<std::int64_t>>& sizes,
                               std::int64_t element_bytes, std::string_view device) {
  const bool is_on_cpu = device == "cpu", is_narrow = element_bytes == 2;
  const bool moves = is_on_host(options) && options.type == "adamw" && (!is_on_cpu || is_narrow);
  OptimizerBytes bytes;
  const HostAdamW::Ring ring;
  std::int64_t piece = 0;  // bytes of the largest
  for (const std::vector<std::int64_t>& tensor : sizes) {
    const std::int64_t count =
        std::accumulate(tensor.begin(), tensor.end(), std::int64_t{1}, std::multiplies<>());
    const bool is_vector = tensor.size() < 2;
    const std::int64_t own_bytes = is_vector ? std::max(kFloatBytes, element_bytes) : element_bytes;
    std::int64_t held = state_bytes(options, tensor, moves ? kFloatBytes : own_bytes);
    if (moves && is_narrow && !is_vector) held += flat_bytes(count, kFloatBytes);
    (moves && !is_on_cpu ? bytes.host : bytes.device) += held;
    piece = std::max(piece, std::min(ring.numbers, count) * own_bytes);
  }
  if (moves) bytes.staging = static_cast<std::int64_t>(ring.slots) * 2 * piece;
  return bytes;
}

}  // namespace lldm
