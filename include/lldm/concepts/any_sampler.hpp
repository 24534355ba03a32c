// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <utility>

#include "lldm/concepts/sampler.hpp"

namespace lldm {

/// Any Sampler behind one type.
class AnySampler {
 public:
  template <Sampler S>
    requires(!std::same_as<S, AnySampler>)
  explicit(false) AnySampler(S sampler)
      : self_(std::make_shared<const Model<S>>(std::move(sampler))) {}

  [[nodiscard]] std::vector<SampledText> sample(const AnyDenoiser& denoiser,
                                                std::span<const SampleRequest> requests,
                                                Trace trace = Trace::none) const {
    return self_->sample(denoiser, requests, trace);
  }
  [[nodiscard]] std::int64_t response_length() const { return self_->response_length(); }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual std::vector<SampledText> sample(const AnyDenoiser&, std::span<const SampleRequest>,
                                            Trace) const = 0;
    virtual std::int64_t response_length() const = 0;
  };
  template <class S>
  struct Model final : Interface {
    explicit Model(S value) : value_(std::move(value)) {}
    std::vector<SampledText> sample(const AnyDenoiser& denoiser,
                                    std::span<const SampleRequest> requests,
                                    Trace trace) const override {
      return value_.sample(denoiser, requests, trace);
    }
    std::int64_t response_length() const override { return value_.response_length(); }
    S value_;
  };
  std::shared_ptr<const Interface> self_;
};
static_assert(Sampler<AnySampler>);

}  // namespace lldm
