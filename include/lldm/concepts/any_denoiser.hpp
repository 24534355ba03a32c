// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <utility>

#include "lldm/concepts/denoiser.hpp"

namespace lldm {

/// Any Denoiser behind one type; shares the model it was made from.
class AnyDenoiser {
 public:
  template <Denoiser D>
  explicit AnyDenoiser(std::shared_ptr<D> denoiser)
      : self_(std::make_shared<const Model<D>>(std::move(denoiser))) {}

  [[nodiscard]] at::Tensor hidden(const PackedTokens& batch) const { return self_->hidden(batch); }
  [[nodiscard]] at::Tensor hidden_at(const PackedTokens& batch, const at::Tensor& positions) const {
    return self_->hidden_at(batch, positions);
  }
  [[nodiscard]] at::Tensor log_probabilities(const at::Tensor& rows,
                                             const at::Tensor& targets) const {
    return self_->log_probabilities(rows, targets);
  }
  [[nodiscard]] at::Tensor logits(const at::Tensor& rows) const { return self_->logits(rows); }
  [[nodiscard]] std::vector<NamedParameter> parameters() const { return self_->parameters(); }
  [[nodiscard]] std::int64_t vocabulary_size() const { return self_->vocabulary_size(); }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual at::Tensor hidden(const PackedTokens&) const = 0;
    virtual at::Tensor hidden_at(const PackedTokens&, const at::Tensor&) const = 0;
    virtual at::Tensor log_probabilities(const at::Tensor&, const at::Tensor&) const = 0;
    virtual at::Tensor logits(const at::Tensor&) const = 0;
    virtual std::vector<NamedParameter> parameters() const = 0;
    virtual std::int64_t vocabulary_size() const = 0;
  };
  template <class D>
  struct Model final : Interface {
    explicit Model(std::shared_ptr<D> value) : value_(std::move(value)) {}
    at::Tensor hidden(const PackedTokens& batch) const override { return value_->hidden(batch); }
    at::Tensor hidden_at(const PackedTokens& batch, const at::Tensor& positions) const override {
      return lldm::hidden_at(*value_, batch, positions);
    }
    at::Tensor log_probabilities(const at::Tensor& rows, const at::Tensor& targets) const override {
      return value_->log_probabilities(rows, targets);
    }
    at::Tensor logits(const at::Tensor& rows) const override { return value_->logits(rows); }
    std::vector<NamedParameter> parameters() const override { return value_->parameters(); }
    std::int64_t vocabulary_size() const override { return value_->vocabulary_size(); }
    std::shared_ptr<D> value_;
  };
  std::shared_ptr<const Interface> self_;
};
static_assert(Denoiser<AnyDenoiser>);

}  // namespace lldm
