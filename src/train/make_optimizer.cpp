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
  const WeightRounding rounding{true, rounding_key(draws)};
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
  const bool is_elsewhere =
      std::ranges::any_of(parameters, [](const auto& p) { return !p.value.is_cpu(); });
  // On the CPU the moments lie on the host as it is.
  if (is_on_host(options) && is_elsewhere)
    return std::make_unique<HostAdamW>(std::move(parameters), adamw, rounding);
  return std::make_unique<AdamW>(std::move(parameters), adamw, rounding);
}

OptimizerBytes optimizer_bytes(const OptimizerOptions& options,
                               const std::vector<std::vector<std::int64_t>>& sizes,
                               std::int64_t element_bytes, std::string_view device) {
  const bool moves = is_on_host(options) && options.type == "adamw" && device != "cpu";
  OptimizerBytes bytes;
  std::int64_t largest = 0;
  for (const std::vector<std::int64_t>& tensor : sizes) {
    (moves ? bytes.host : bytes.device) +=
        state_bytes(options, tensor, moves ? kFloatBytes : element_bytes);
    largest = std::max(largest, std::accumulate(tensor.begin(), tensor.end(), std::int64_t{1},
                                                std::multiplies<>()));
  }
  const HostAdamW::Ring ring;
  if (moves)
    bytes.staging =
        static_cast<std::int64_t>(ring.slots) * 2 * element_bytes * std::min(ring.numbers, largest);
  return bytes;
}

}  // namespace lldm
