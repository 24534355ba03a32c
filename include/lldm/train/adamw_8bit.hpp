// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "lldm/train/adamw.hpp"

namespace lldm {

/// AdamW whose moments are 8-bit codes: blocks of 256 share a scale, their largest magnitude, and a
/// code is the nearest value of the dynamic map (signed for the first moment, unsigned for the
/// second).  A tensor of fewer than 4096 numbers keeps float32 moments.
///
/// Two things are ours: weight decay comes before the update, as in AdamW, and a second moment
/// above zero never gets the code of zero, whose root would divide the update.
///
/// Source  Dettmers et al. 2022, arXiv:2110.02861; sizes and maps as bitsandbytes has them.
/// Cost    2 bytes per trained weight and 8 per block; one pass over memory on the CPU.
/// Errors  ConfigError for float64 weights.
class AdamW8Bit final : public Optimizer {
 public:
  using Options = AdamW::Options;
  AdamW8Bit(std::vector<NamedParameter> parameters, const Options& options,
            WeightRounding rounding = {});

  [[nodiscard]] std::string_view name() const override { return "adamw_8bit"; }
  /// "<name>.first", "<name>.second": codes as bytes in the parameter's shape, with
  /// "<name>.first_scale", "<name>.second_scale" [blocks] float32 beside; float32 moments of small
  /// tensors under the first two names.
  [[nodiscard]] std::vector<NamedParameter> state() const override;

  /// Numbers below which a tensor's moments stay float32.
  static constexpr std::int64_t kLeastNumbers = 4096;

 protected:
  void update(const Step& step) override;

 private:
  struct Moments {
    at::Tensor first, second, first_scale, second_scale;  // scales undefined: float32 moments
  };
  struct Maps;  // on the parameters' device, where that is not the host
  void update_by_operations(std::size_t i, const Step& step) const;

  Options options_;
  WeightRounding rounding_;
  std::vector<Moments> moments_;
  std::shared_ptr<const Maps> maps_;
};

}  // namespace lldm
