// SPDX-License-Identifier: MIT
// A network of any family, as everything outside model/ holds it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lldm/concepts/denoiser.hpp"
#include "lldm/draws/stream.hpp"
#include "lldm/model/lora.hpp"
#include "lldm/model/matrix.hpp"
#include "lldm/model/model_shape.hpp"
#include "lldm/model/weight_placement.hpp"
#include "lldm/model/weight_reading.hpp"

namespace lldm {

/// What a block keeps between its forward and its backward pass; gradients are the same bits.
enum class Recomputation : std::uint8_t {
  none,       // everything that the backward pass reads
  selective,  // not the projections: queries, keys, values, the MLP's gate and factor
  full,       // its input alone
  offload,    // its input alone, in the host's memory
  automatic,  // as the planner chooses; a model that is told no more keeps everything
};

/// A Denoiser with what a stage needs beside: its shape, whether it is trained, a frozen copy, a
/// folder to be saved in.  A family is a class below it; nothing outside model/ names one.
class Model {
 public:
  virtual ~Model() = default;
  Model& operator=(const Model&) = delete;

  // The Denoiser (concepts/denoiser.hpp).
  [[nodiscard]] virtual at::Tensor hidden(const PackedTokens& batch) const = 0;
  [[nodiscard]] virtual at::Tensor hidden_at(const PackedTokens& batch,
                                             const at::Tensor& positions) const = 0;
  [[nodiscard]] virtual at::Tensor log_probabilities(const at::Tensor& rows,
                                                     const at::Tensor& targets) const = 0;
  [[nodiscard]] virtual at::Tensor logits(const at::Tensor& rows) const = 0;
  [[nodiscard]] virtual std::vector<NamedParameter> parameters() const = 0;
  [[nodiscard]] virtual std::int64_t vocabulary_size() const = 0;

  [[nodiscard]] virtual ModelShape shape() const = 0;
  /// Of rows and scores: float32 or float64.
  [[nodiscard]] virtual at::ScalarType dtype() const = 0;
  [[nodiscard]] virtual Precision precision() const = 0;
  /// What the weights take, without the adapter and tables.
  [[nodiscard]] virtual std::int64_t weight_bytes() const = 0;
  virtual void set_recomputation(Recomputation recomputation) = 0;
  /// From here on an adapter with dropout hides numbers from its updates, drawn by `key` and the
  /// ids of each sequence alone; none: nothing is hidden (what a model begins with).
  virtual void set_dropout(std::optional<std::uint64_t> key) = 0;
  [[nodiscard]] virtual at::Device device() const = 0;
  /// Sets requires_grad of every weight.
  /// Errors  ConfigError if they are not plain and there is no adapter.
  virtual void set_trainable(bool is_trainable) = 0;
  /// Trains a low-rank update beside the weights from here on; they stay as they are.
  /// Errors  ConfigError if a target names no matrix, or there is an adapter already.
  virtual void add_adapter(const LoraOptions& options, const Draws& draws) = 0;
  [[nodiscard]] virtual bool has_adapter() const = 0;
  /// Trains the adapter that the model was loaded with, under these options.
  /// Errors  ConfigError naming the matrices whose rank or scale is another than asked for.
  virtual void continue_adapter(const LoraOptions& options) = 0;
  /// Adds the adapter's updates to the weights, which are all there is from here on.
  /// Errors  ConfigError if the weights are not plain.
  virtual void merge_adapter() = 0;
  /// Takes one id out of the softmax (its logit becomes -inf), or none.
  virtual void exclude_logit(std::optional<std::int64_t> id) = 0;
  [[nodiscard]] virtual std::optional<std::int64_t> excluded_logit() const = 0;
  /// A copy that no gradient of this model changes: the reference of preference tuning.
  [[nodiscard]] virtual std::shared_ptr<Model> frozen_copy() const = 0;
  /// The same, where it has weights of its own, with those placed so.
  [[nodiscard]] virtual std::shared_ptr<Model> frozen_copy_at(
      const WeightPlacement& placement) const = 0;
  /// The folder's config.json: with the weights, everything that decides the model's numbers.
  [[nodiscard]] virtual std::string config_text() const = 0;
  /// What config.json is to say of special ids, also where the folder that the model came from left
  /// them out; a negative id leaves what is there.
  virtual void note_tokens(std::int64_t mask, std::int64_t end_of_text, std::int64_t padding) = 0;
  /// Writes config.json and the weights, with an adapter's updates added to them, and the adapter
  /// itself in the folder adapter/.  Each file appears complete or not at all; the folder
  /// becomes a model with its last file, so save into one that nobody reads yet.
  /// Errors  Error if the system cannot write.
  virtual void save(const std::filesystem::path& folder) const = 0;
  /// Writes config.json and the adapter alone, in PEFT's layout; `base` is what it says of the
  /// weights that it belongs to.  With adapter_base.json (AdapterBase) this is a model folder.
  /// Errors  Error if the system cannot write, or a number is not finite.
  virtual void save_adapter(const std::filesystem::path& folder, const std::string& base) const = 0;

 protected:
  Model() = default;
  Model(const Model&) = default;
};
static_assert(Denoiser<Model>);

struct LoadOptions {
  Precision precision = {};
  at::Device device = at::kCPU;
  /// Longest text, where the folder's config.json says more; 0: what that says.
  std::int64_t max_length = 0;
  WeightReading reading = WeightReading::read;
  WeightPlacement placement = {};
};

/// Loads a folder of any family.  Not trainable until set_trainable(true).
/// Errors  as load_transformer.
std::shared_ptr<Model> load_model(const std::filesystem::path& folder,
                                  const LoadOptions& options = {});

/// The shape of a folder's model, from its config.json alone; `max_length` as in
/// LoadOptions.
/// Errors  as load_model_config.
ModelShape load_model_shape(const std::filesystem::path& folder, std::int64_t max_length = 0);

}  // namespace lldm
