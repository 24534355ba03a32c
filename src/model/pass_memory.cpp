// SPDX-License-Identifier: MIT
#include "model/pass_memory.hpp"

#include <algorithm>

#include "model/head.hpp"
#include "model/linear.hpp"
#include "model/products.hpp"

namespace lldm {
namespace {

/// Sizes in numbers a token, and what is made of them.  D, F, q, qkv as in BlockSaved.
class PassSizes {
 public:
  PassSizes(const PassModel& model, Pack pack)
      : model_(model),
        shape_(model.shape),
        number_(static_cast<std::int64_t>(c10::elementSize(model.precision.rows()))) {
    if (model.is_on_cpu && model.precision.rows() == at::kFloat) {
      pack.tokens = filled_up(pack.tokens);
      pack.queries = filled_up(pack.queries);
    }
    tokens_ = pack.tokens, queries_ = pack.queries,
    masks_ = model.is_by_operations && model.is_on_cpu ? pack.masks : 0;
  }

  [[nodiscard]] std::int64_t rows(std::int64_t width) const { return number_ * tokens_ * width; }
  [[nodiscard]] std::int64_t d() const { return shape_.width; }
  [[nodiscard]] std::int64_t f() const { return shape_.mlp_width; }
  [[nodiscard]] std::int64_t q() const { return shape_.heads * shape_.head_width; }
  [[nodiscard]] std::int64_t qkv() const { return q() + 2 * shape_.kv_heads * shape_.head_width; }
  [[nodiscard]] std::int64_t weight(std::int64_t values) const {
    return model_.trains_weights ? number_ * values : 0;
  }

  /// BlockSaved::list, as it is when forward ends.
  [[nodiscard]] std::int64_t whole_block() const {
    return rows(2 * d() + 2 * f() + 2) + rows(qkv() + q() + shape_.heads) +
           (shape_.has_heads_norm ? rows(shape_.heads + shape_.kv_heads) : 0);
  }
  /// The same after drop().
  [[nodiscard]] std::int64_t kept_block() const {
    switch (model_.recomputation) {
      case Recomputation::none:
      case Recomputation::automatic:
        return whole_block();
      case Recomputation::selective:
        return rows(2 * d()) + rows(q() + shape_.heads);
      case Recomputation::full:
        return rows(d());
    }
    return whole_block();
  }
  /// The last block's rows, the final norm's scale, the ids, and the masks.
  [[nodiscard]] std::int64_t kept_around() const { return rows(d() + 1) + beside(); }
  [[nodiscard]] std::int64_t beside() const { return 8 * tokens_ + number_ * masks_; }

  [[nodiscard]] std::int64_t queried_rows() const { return number_ * queries_ * d(); }
  /// Logits that exist at once.
  [[nodiscard]] std::int64_t logits() const { return number_ * head_rows() * head_columns(); }
  /// Kept of the head between its passes: the slope of a trained head, where it is one chunk; the
  /// rows' gradient of a frozen one.
  [[nodiscard]] std::int64_t kept_head() const {
    std::int64_t kept = queried_rows() + queries_ * (16 + 2 * number_);
    if (is_head_plain() && !model_.trains_weights) kept += queried_rows();
    if (is_head_plain() && model_.trains_weights && head_rows() == queries_) kept += logits();
    return kept;
  }
  /// Held while the head runs forward.  Of few rows oneDNN makes the transposed product first.
  [[nodiscard]] std::int64_t head_forward() const {
    if (!is_head_plain()) return queried_rows() + 2 * logits() + decoded_head();
    constexpr std::int64_t kFewRows = 128;
    const std::int64_t products = head_rows() < kFewRows ? 2 : 1;
    const std::int64_t gradients =
        model_.trains_weights ? 0 : queried_rows() + number_ * head_rows() * d();
    return queried_rows() + std::max(products * logits(), logits() + gradients);
  }
  /// And backward, beside what was kept.
  [[nodiscard]] std::int64_t head_backward() const {
    if (!is_head_plain()) return queried_rows() + 2 * logits() + decoded_head();
    if (!model_.trains_weights) return queried_rows();
    const bool is_one_chunk = head_rows() == queries_;
    // The scaled rows, the rows' gradient and a chunk of it; the weight's, and a chunk's part.
    return 2 * queried_rows() + (is_one_chunk ? 1 : 2) * head_weight() +
           (is_one_chunk ? 0 : logits()) +
           std::max<std::int64_t>(0, number_ * head_rows() * d() - head_weight());
  }
  [[nodiscard]] std::int64_t head_weight() const {
    return is_head_plain() ? weight(shape_.logit_columns * d()) : 0;
  }
  [[nodiscard]] std::int64_t tied_head_weight() const {
    return shape_.is_head_tied ? head_weight() : 0;
  }

  /// A tile of decoded weights with what it is decoded through; 0 where weights are read as they
  /// lie.
  [[nodiscard]] std::int64_t decoded() const {
    if (model_.precision.storage == WeightStorage::plain) return 0;
    const std::int64_t tile = model_.is_on_cpu ? kTileBytes : kDeviceTileBytes;
    const auto size = static_cast<std::int64_t>(c10::elementSize(model_.precision.compute));
    const std::int64_t largest = size * std::max({qkv() * d(), f() * d()});
    const bool is_read_in_place = model_.precision.storage == WeightStorage::bfloat16 &&
                                  model_.precision.compute == at::kBFloat16;
    return is_read_in_place ? 0 : std::min(tile, largest);
  }
  /// Of a product whose weights are decoded: its inputs, rounded, and its tile's outputs.
  [[nodiscard]] std::int64_t decoded_product(std::int64_t in, std::int64_t out) const {
    if (model_.precision.storage == WeightStorage::plain) return 0;
    const auto size = static_cast<std::int64_t>(c10::elementSize(model_.precision.compute));
    const std::int64_t at_once = decoded() == 0 ? out : std::min(out, decoded() / (size * in));
    return tokens_ * size * (at_once + (size == number_ ? 0 : in));
  }
  /// What an update of these inputs makes under dropout: its mask, and what is left of the inputs.
  [[nodiscard]] std::int64_t dropped(std::int64_t in) const {
    return model_.has_dropout ? rows(2 * in) : 0;
  }
  [[nodiscard]] std::int64_t update() const { return rows(2 * model_.adapter_rank); }
  [[nodiscard]] std::int64_t adapter_gradients() const {
    return number_ * model_.adapter_values / std::max<std::int64_t>(1, shape_.layers);
  }

 private:
  [[nodiscard]] bool is_head_plain() const {
    return model_.precision.storage == WeightStorage::plain;
  }
  /// Rows of logits at once: all, where the head is decoded by slices of its columns.
  [[nodiscard]] std::int64_t head_rows() const {
    if (!is_head_plain()) return queries_;
    return std::min(queries_,
                    head_chunk_rows(shape_.logit_columns, number_, model_.trains_weights));
  }
  [[nodiscard]] std::int64_t head_columns() const {
    if (is_head_plain()) return shape_.logit_columns;
    return std::min(
        shape_.logit_columns,
        std::max<std::int64_t>(1, kHeadChunkBytes / (std::max(shape_.width, queries_) * number_)));
  }
  [[nodiscard]] std::int64_t decoded_head() const {
    return is_head_plain() ? 0 : number_ * head_columns() * d();
  }

  const PassModel& model_;
  const ModelShape& shape_;
  std::int64_t number_, tokens_ = 0, queries_ = 0, masks_ = 0;
};

/// What a block holds beside its own saved tensors when its forward ends.
std::int64_t end_of_forward(const PassSizes& s) {
  return s.rows(s.f() + s.d()) + s.update() +
         std::max(s.dropped(s.f()), s.decoded_product(s.f(), s.d()));
}

/// The moments of Block::mlp_backward and attention_backward, beside the saved tensors and the
/// gradient that comes in.
std::vector<PlanMoment> block_backward(const PassModel& model, const PassSizes& s) {
  const std::int64_t d = s.d(), f = s.f(), q = s.q(), qkv = s.qkv();
  const std::int64_t update = s.update(), adapters = s.adapter_gradients();
  const std::int64_t out = s.weight(d * f), wide = s.weight(2 * f * d), attention = s.weight(d * q),
                     projections = s.weight(qkv * d);
  const auto moment = [&](std::int64_t activations, std::int64_t gradients) {
    return PlanMoment{.what = "backward of a block",
                      .activations = activations + update,
                      .gradients = gradients + adapters,
                      .workspace = s.decoded()};
  };
  // Operations make a tensor each.
  const bool is_more = model.is_by_operations;
  const std::int64_t swiglu = is_more ? s.rows(3 * f) : 0, norm = is_more ? s.rows(3 * d) : 0,
                     attend = is_more ? s.rows(5 * qkv + 2 * q) : 0;
  const std::int64_t heads =
      model.shape.has_heads_norm ? s.rows(qkv) + s.rows(4 * (q + (qkv - q) / 2)) : 0;
  return {
      moment(s.rows(4 * f) + swiglu + s.dropped(f), 0),
      moment(s.rows(3 * f) + s.dropped(f), out),
      moment(s.rows(f) + std::max(s.decoded_product(d, f), s.dropped(f)), 0),
      moment(s.rows(3 * f + 3 * d) + s.decoded_product(2 * f, d) + s.dropped(d) + norm, out),
      moment(s.rows(3 * f + 2 * d) + s.dropped(d), out + wide),
      moment(s.rows(d) + s.rows(q + qkv) + heads + attend, out + wide + attention),
      moment(s.rows(4 * d) + s.rows(qkv) + s.decoded_product(qkv, d) + s.dropped(d) + norm,
             out + wide + attention),
      moment(s.rows(3 * d) + s.rows(qkv) + s.dropped(d), out + wide + attention + projections),
  };
}

/// `moment` beside what other graphs and buffers hold.
PlanMoment beside(PlanMoment moment, std::int64_t activations, std::int64_t logits,
                  std::int64_t gradients) {
  moment.activations += activations;
  moment.logits += logits;
  moment.gradients += gradients;
  return moment;
}

}  // namespace

std::vector<PlanMoment> training_moments(const PassModel& model, std::span<const Pack> packs) {
  std::vector<PlanMoment> moments;
  const std::int64_t layers = model.shape.layers;
  // Of several graphs that go back together autograd adds every weight's gradients up before it
  // hands them on.
  const PassSizes any(model, packs.front());
  const std::int64_t sums = packs.size() < 2       ? 0
                            : model.trains_weights ? any.weight(model.shape.parameters)
                                                   : layers * any.adapter_gradients();
  std::int64_t graphs = 0, heads = 0;  // of the packs before
  for (std::size_t i = 0; i < packs.size(); ++i) {
    const PassSizes s(model, packs[i]);
    const std::int64_t kept = layers * s.kept_block();
    const std::int64_t above = kept - s.kept_block() + s.whole_block();
    const auto add = [&](PlanMoment moment) {
      moments.push_back(beside(moment, graphs, heads, 0));
    };
    const auto add_backward = [&](PlanMoment moment) {
      moments.push_back(beside(moment, graphs, heads, sums));
    };
    add({.what = "forward",
         .activations = above + end_of_forward(s) + s.beside(),
         .workspace = s.decoded()});
    // The final norm's rows live until the head is done with those that are queried.
    add({.what = "head",
         .activations = kept + s.kept_around() + s.rows(s.d()) + s.queried_rows(),
         .logits = s.head_forward() - s.queried_rows()});
    add_backward({.what = "backward of the head",
                  .activations = kept + s.kept_around() + s.queried_rows(),
                  .logits = s.kept_head() - s.queried_rows() + s.head_backward()});
    add_backward({.what = "backward of the last norm",
                  .activations = kept + s.kept_around() + s.rows(3 * s.d()),
                  .logits = s.tied_head_weight()});
    for (PlanMoment moment : block_backward(model, s)) {
      moment.activations += above + s.rows(s.d()) + s.beside();
      moment.logits += s.tied_head_weight();
      add_backward(moment);
    }
    add_backward({.what = "backward of the embedding",
                  .activations = s.rows(s.d()) + s.weight(model.shape.vocabulary * s.d()),
                  .logits = s.tied_head_weight()});
    graphs += kept + s.kept_around() + s.queried_rows();
    heads += s.kept_head() - s.queried_rows();
  }
  return moments;
}

std::vector<PlanMoment> scoring_moments(const PassModel& model, const Pack& pack) {
  const PassSizes s(model, pack);
  return {{.what = "scoring",
           .activations = s.whole_block() + end_of_forward(s) + s.beside(),
           .workspace = s.decoded()},
          {.what = "scoring",
           .activations = s.rows(s.d()) + s.queried_rows(),
           .logits = s.head_forward() - s.queried_rows()}};
}

}  // namespace lldm
