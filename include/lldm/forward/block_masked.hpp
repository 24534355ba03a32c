// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/forward_process.hpp"
#include "lldm/forward/masked.hpp"

namespace lldm {

/// Masked noise block by block: the response is cut into blocks of `block_size` tokens (the last
/// may be shorter), every block has a time of its own and is predicted given the clean blocks
/// before it; nothing behind a block is seen.
///
/// Within a block it is `masked`.  A plan of it holds, per noised copy, L noised and L clean tokens
/// read with the two-stream attention (AttentionPattern), so that one forward pass of 2 L tokens
/// scores all blocks.  The prompt is one clean block before the first.
///
/// Against `block_aligned` (an estimator over `masked`): the same formula with another
/// conditioning.  There a block is read by full attention with all later blocks masked behind it,
/// as the semi-autoregressive samplers do, one forward pass a block; here nothing behind a block
/// exists and clean blocks see only blocks up to their own, so the two scores of one model differ
/// and their targets have different names.
/// Limits  no built-in sampler generates by this attention: they show later blocks as masks.
/// Source  Arriola et al. 2025 (BD3-LM), arXiv:2503.09573.
class BlockMaskedProcess {
 public:
  struct Options {
    ComponentRef<Role::noise_schedule> schedule = "linear";
    std::int64_t block_size = 32;
    std::int64_t mask_token = -1;
    static constexpr auto describe() {
      return std::tuple{
          field("schedule", &Options::schedule,
                "How fast a block's tokens become masks: alpha(t)."),
          field("block_size", &Options::block_size, "Tokens of a block of the response.")
              .range(1, 65536)
              .unit("tokens"),
          field("mask_token", &Options::mask_token,
                "Token id written over a noised position; -1: the tokenizer's mask token.")
              .at_least(-1)};
    }
  };
  static constexpr std::string_view name() { return "block_masked"; }
  static constexpr std::string_view description() {
    return "block diffusion: masked noise with a time per block, each block given clean ones "
           "before it";
  }
  BlockMaskedProcess(const Options& options, const Services& services);
  BlockMaskedProcess(std::int64_t block_size, MaskedProcess within);

  [[nodiscard]] double alpha(double t) const { return within_.alpha(t); }
  [[nodiscard]] double inverse_alpha(double a) const { return within_.inverse_alpha(a); }
  [[nodiscard]] double elbo_weight(double t) const { return within_.elbo_weight(t); }
  [[nodiscard]] double reveal_probability(double s, double t) const {
    return within_.reveal_probability(s, t);
  }
  void noise(std::span<std::int64_t> tokens, std::span<const std::int64_t> positions,
             Stream& draws) const {
    within_.noise(tokens, positions, draws);
  }
  [[nodiscard]] bool is_absorbing() const { return true; }
  [[nodiscard]] Readout readout() const { return Readout::log_probability; }
  [[nodiscard]] std::int64_t block_size() const { return block_size_; }
  [[nodiscard]] std::int64_t mask_token() const { return within_.mask_token(); }

 private:
  std::int64_t block_size_;
  MaskedProcess within_;
};
static_assert(Component<BlockMaskedProcess> && BlockProcess<BlockMaskedProcess>);

}  // namespace lldm
