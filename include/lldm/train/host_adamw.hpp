// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "lldm/train/adamw.hpp"

namespace lldm::memory {
class CopyEngine;
}

namespace lldm {

/// The pieces that pass through the host.  A test may bring its own copies, and its own sizes.
struct HostRing {
  std::shared_ptr<memory::CopyEngine> copies = nullptr;  // null: those of the parameters' device
  std::size_t slots = 3;
  std::int64_t numbers = std::int64_t{1} << 22;  // of a piece; a multiple of 256
};

/// AdamW whose moments lie in the host's memory, in float32, and are updated there: gradients and
/// weights come in pieces, the weights go back; while one piece is computed the next arrives and
/// the last one leaves.  A float32 weight gets the bits of AdamW on the CPU.  Of a bfloat16 weight
/// the host holds a float32 copy, which is what is updated: the weight is the nearest to it, and
/// no update is lost.
///
/// Cost    8 bytes of host memory per trained weight, 12 of a bfloat16 one, and a ring of locked
///         pieces; a float32 weight is copied both ways, a bfloat16 one back, gradients one way.
/// Errors  ConfigError for float64 weights; OutOfMemory where the pieces cannot be locked.
class HostAdamW final : public Optimizer {
 public:
  using Options = AdamW::Options;
  using Ring = HostRing;
  HostAdamW(std::vector<NamedParameter> parameters, const Options& options, Ring ring = {});

  /// As AdamW, whose states these are for float32 weights; with "<parameter>.master" of others.
  [[nodiscard]] std::string_view name() const override { return "adamw"; }
  [[nodiscard]] std::vector<NamedParameter> state() const override;

 protected:
  void update(const Step& step) override;

 private:
  struct Piece;
  struct Slot {
    at::Tensor bytes;  // of a piece's weights, then of its gradients
  };
  [[nodiscard]] std::vector<Piece> pieces() const;
  [[nodiscard]] at::Tensor part_of(const Slot& slot, const Piece& piece, int place) const;
  void fetch(std::size_t slot, const Piece& piece);
  void compute(const Slot& slot, const Piece& piece, const Step& step) const;

  [[nodiscard]] bool has_master(std::size_t tensor) const;

  Options options_;
  Ring ring_;
  std::vector<Slot> slots_;
  FlatTensors first_, second_, master_;  // float32, on the host; master: empty of float32 weights
};

}  // namespace lldm
