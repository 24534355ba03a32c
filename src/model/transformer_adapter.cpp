// SPDX-License-Identifier: MIT
// Low-rank updates beside a transformer's matrices.
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <cmath>

#include "lldm/errors.hpp"
#include "lldm/memory/flat_tensors.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/model/transformer.hpp"
#include "model/adapter_targets.hpp"
#include "model/block_projections.hpp"
#include "model/name_hash.hpp"
#include "model/weight_files.hpp"

namespace lldm {
namespace {

/// Uniform in +-1 / sqrt(in), as PEFT's Kaiming start with a = sqrt(5).
at::Tensor fresh_a(std::int64_t rank, std::int64_t in, const std::string& module,
                   const Draws& draws) {
  const double bound = 1.0 / std::sqrt(static_cast<double>(in));
  auto stream = draws.stream(Purpose::initialise, 0, name_hash(module + ".lora_A.weight"));
  auto fresh = at::empty({rank, in}, at::TensorOptions(at::kDouble));
  double* numbers = fresh.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < fresh.numel(); ++i)
    numbers[i] = bound * (2.0 * stream.uniform() - 1.0);
  return fresh;
}

/// Stands for a tensor of these sizes that nobody has made yet.
at::Tensor place_for(std::int64_t rows, std::int64_t columns, const at::TensorOptions& options) {
  return at::zeros({1, 1}, options).expand({rows, columns});
}

/// In the places of all sides zeros behind one another, in one allocation, so that they are moved
/// and updated as one.
void lay_flat(std::vector<BlockAdapters>& adapters) {
  std::vector<at::Tensor*> sides;
  for (auto& block : adapters)
    for (const auto& part : kProjections)
      if (Lora& lora = block.*part.lora; lora.a.defined())
        sides.insert(sides.end(), {&lora.a, &lora.b});
  std::vector<at::Tensor> places;
  for (const auto* side : sides) places.push_back(*side);
  const auto flat = FlatTensors::zeros_like(places);
  for (std::size_t i = 0; i < sides.size(); ++i) *sides[i] = flat[i];
}

/// Updates of these options, without numbers.
std::vector<BlockAdapters> places_for(const std::vector<AdaptedMatrix>& matrices,
                                      const LoraOptions& options, std::size_t blocks,
                                      const at::TensorOptions& type) {
  const auto rank = static_cast<double>(options.rank);
  const double scale = options.alpha / (options.is_rank_stabilized ? std::sqrt(rank) : rank);
  std::vector<BlockAdapters> adapters(blocks);
  for (const AdaptedMatrix& matrix : matrices)
    adapters[matrix.block].*matrix.part->lora = {place_for(options.rank, matrix.columns, type),
                                                 place_for(matrix.rows, options.rank, type), scale,
                                                 options.dropout};
  return adapters;
}

/// The first few of many lines.
std::string first_lines(const std::string& text) {
  std::size_t end = 0;
  for (int line = 0; line < 4 && end != text.npos; ++line) end = text.find('\n', end + 1);
  return end == text.npos ? text : text.substr(0, end) + "\n  and more";
}

}  // namespace

ModelShape Transformer::shape() const {
  ModelShape shape = shape_of(config_);
  std::vector<AdaptedMatrix> matrices;
  std::int64_t rank = 0;
  for (std::size_t block = 0; block < adapters_.size(); ++block)
    for (const auto& part : kProjections)
      if (const Lora& lora = adapters_[block].*part.lora; lora.a.defined()) {
        matrices.push_back({block, &part, {}, lora.b.size(0), lora.a.size(1)});
        rank = std::max(rank, lora.a.size(0));
      }
  shape.adapter = adapter_shape(matrices, rank);
  return shape;
}

const BlockAdapters& Transformer::adapters_of(std::size_t block) const {
  static const BlockAdapters none;
  return adapters_.empty() ? none : adapters_[block];
}

void Transformer::add_adapter(const LoraOptions& options, const Draws& draws) {
  if (has_adapter()) throw ConfigError("adapter: the model has one already");
  const auto matrices = adapted_matrices(config_, options);
  set_trainable(false);
  const PurposeScope purpose(MemoryPurpose::adapter);
  const auto type = at::TensorOptions(dtype()).device(device());
  adapters_ = places_for(matrices, options, store_->size(), type);
  lay_flat(adapters_);
  const PurposeScope drawn(MemoryPurpose::staging);
  for (const AdaptedMatrix& matrix : matrices)
    (adapters_[matrix.block].*matrix.part->lora)
        .a.copy_(fresh_a(options.rank, matrix.columns, matrix.module, draws));
  set_trainable(true);
}

void Transformer::set_adapter(const std::vector<LoraUpdate>& updates, const std::string& where) {
  if (has_adapter()) throw ConfigError(where + ": the model has an adapter already");
  const PurposeScope purpose(MemoryPurpose::adapter);
  const TensorNames& names = family_of(config_.family).names;
  const auto type = at::TensorOptions(dtype()).device(device());
  std::vector<BlockAdapters> adapters(store_->size());
  std::vector<std::pair<Lora*, const LoraUpdate*>> taken;
  std::map<std::string, const LoraUpdate*> open;
  for (const auto& update : updates) open[update.weight] = &update;
  std::string complaints;
  for (std::size_t i = 0; i < store_->size(); ++i) {
    const auto block = store_->stored(i);
    for (const auto& part : kProjections) {
      const Matrix& weight = (*block).*part.weight;
      if (!weight.defined()) continue;
      const auto found = open.find(module_name(names, i, part) + ".weight");
      if (found == open.end()) continue;
      const LoraUpdate& update = *found->second;
      const std::vector<std::int64_t> shape{update.b.size(0), update.a.size(1)};
      const std::vector<std::int64_t> own{weight.rows(), weight.columns()};
      if (own != shape)
        complaints += message("\n  \"", update.weight, "\" is ", shape_text(own), ", the update ",
                              shape_text(shape));
      Lora& lora = adapters[i].*part.lora;
      lora = {place_for(update.a.size(0), update.a.size(1), type),
              place_for(update.b.size(0), update.b.size(1), type), update.scale, update.dropout};
      taken.emplace_back(&lora, &update);
      open.erase(found);
    }
  }
  for (const auto& item : open)
    complaints += message("\n  \"", item.first, "\" is in no block of the model");
  if (!complaints.empty())
    throw DataError(message(where, ": an adapter of another model", complaints));
  set_trainable(false);
  lay_flat(adapters);
  for (const auto& [lora, update] : taken) {
    lora->a.copy_(update->a.detach());
    lora->b.copy_(update->b.detach());
  }
  adapters_ = std::move(adapters);
}

std::vector<LoraUpdate> Transformer::adapter() const {
  const TensorNames& names = family_of(config_.family).names;
  std::vector<LoraUpdate> updates;
  for (std::size_t i = 0; i < adapters_.size(); ++i)
    for (const auto& part : kProjections)
      if (const Lora& lora = adapters_[i].*part.lora; lora.a.defined())
        updates.push_back(
            {module_name(names, i, part) + ".weight", lora.a, lora.b, lora.scale, lora.dropout});
  return updates;
}

void Transformer::drop_adapter() {
  adapters_.clear();
  dropout_.reset();
  is_trainable_ = false;
}

std::shared_ptr<Transformer> Transformer::without_adapter() const {
  auto base = std::make_shared<Transformer>(*this);  // tensors are handles: the memory is shared
  base->drop_adapter();
  return base;
}

void Transformer::merge_adapter() {
  if (precision_.storage != WeightStorage::plain)
    throw ConfigError(
        "updates are added to float32 weights alone, not to bfloat16, int8 or nf4\n  they stay "
        "beside them ([model] adapter)");
  std::map<std::string, at::Tensor> matrices;
  for (const auto& parameter : base_parameters()) matrices[parameter.name] = parameter.value;
  for (const auto& update : adapter()) add_update(matrices.at(update.weight), update);
  drop_adapter();
}

void Transformer::continue_adapter(const LoraOptions& options) {
  const auto asked_model = without_adapter();
  asked_model->adapters_ = places_for(adapted_matrices(config_, options), options, store_->size(),
                                      at::TensorOptions(dtype()).device(device()));
  std::map<std::string, LoraUpdate> asked;
  for (const auto& update : asked_model->adapter()) asked[update.weight] = update;
  std::string complaints;
  for (const auto& update : adapter()) {
    const auto found = asked.find(update.weight);
    if (found == asked.end())
      complaints += message("\n  \"", update.weight, "\" has an update, and none is asked for");
    else if (found->second.a.size(0) != update.a.size(0) || found->second.scale != update.scale)
      complaints +=
          message("\n  \"", update.weight, "\" has rank ", update.a.size(0), ", scale ",
                  update.scale, ", asked are ", found->second.a.size(0), ", ", found->second.scale);
    asked.erase(update.weight);
  }
  for (const auto& item : asked)
    complaints += message("\n  \"", item.first, "\" has no update, and one is asked for");
  if (!complaints.empty())
    throw ConfigError(message("the adapter that is gone on with is not the one asked for",
                              first_lines(complaints)));
  dropout_.reset();
  for (BlockAdapters& block : adapters_)
    for (const auto& part : kProjections) (block.*part.lora).dropout = options.dropout;
  set_trainable(true);
}

void Transformer::set_trainable(bool is_trainable) {
  const bool has_numbers = can_be_trained(precision_.storage);
  if (is_trainable && !has_adapter() && !has_numbers)
    throw ConfigError(
        "weights that are stored as int8 or nf4 are not trained\n  train an adapter beside them "
        "([model] adapter), or set storage = \"float32\" or \"bfloat16\"");
  if (is_trainable && !has_adapter() && is_streamed_)
    throw ConfigError(
        "weights that are streamed from the host are not trained\n  train an adapter beside them "
        "([model] adapter), or set [memory] frozen_weights = \"resident\"");
  is_trainable_ = is_trainable;
  if (has_numbers)
    for (auto& parameter : base_parameters())
      parameter.value.requires_grad_(is_trainable && !has_adapter());
  for (auto& update : adapter())
    for (at::Tensor side : {update.a, update.b}) side.requires_grad_(is_trainable);
}

std::vector<NamedParameter> Transformer::parameters() const {
  if (!has_adapter()) return base_parameters();
  std::vector<NamedParameter> list;
  if (!is_trainable_) list = base_parameters();
  for (const auto& update : adapter()) {
    const auto module = update.weight.substr(0, update.weight.size() - 7);  // without ".weight"
    list.push_back({module + ".lora_A.weight", update.a});
    list.push_back({module + ".lora_B.weight", update.b});
  }
  return list;
}

}  // namespace lldm
