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

  /// Numbers of all tokens, `width` each.
  [[nodiscard]] std::int64_t rows(std::int64_t width) const { return number_ * tokens_ * width; }
  /// Of those that the last block gives: the queried ones, where they are fewer.
  [[nodiscard]] std::int64_t given(std::int64_t width) const {
    return number_ * (gives_queried() ? queries_ : tokens_) * width;
  }
  [[nodiscard]] bool gives_queried() const { return queries_ < tokens_; }
  [[nodiscard]] std::int64_t d() const { return shape_.width; }
  [[nodiscard]] std::int64_t f() const { return shape_.mlp_width; }
  [[nodiscard]] std::int64_t q() const { return shape_.heads * shape_.head_width; }
  [[nodiscard]] std::int64_t qkv() const { return q() + 2 * shape_.kv_heads * shape_.head_width; }
  /// A product of columns: a weight's gradient, which is added where it lies, or a copy for it.
  [[nodiscard]] std::int64_t weight(std::int64_t values) const {
    if (!model_.trains_weights) return 0;
    return static_cast<std::int64_t>(c10::elementSize(model_.precision.compute)) * values;
  }

  /// BlockSaved::list, as it is when forward ends; of the last block those behind attention have
  /// the given rows alone.
  [[nodiscard]] std::int64_t whole_block(bool is_last) const {
    const std::int64_t behind = d() + 2 * f() + 1;
    return rows(d() + 1 + qkv() + q() + shape_.heads) + (is_last ? given(behind) : rows(behind)) +
           (shape_.has_heads_norm ? rows(shape_.heads + shape_.kv_heads) : 0);
  }
  /// The same after drop().
  [[nodiscard]] std::int64_t kept_block(bool is_last) const {
    switch (model_.recomputation) {
      case Recomputation::none:
      case Recomputation::automatic:
        return whole_block(is_last);
      case Recomputation::selective:
        return rows(d() + q() + shape_.heads) + (is_last ? given(d()) : rows(d()));
      case Recomputation::full:
        return rows(d());
      case Recomputation::offload:
        return 0;
    }
    return whole_block(is_last);
  }
  /// Of the inputs of `blocks` blocks, those that are on their way between device and host: `most`.
  [[nodiscard]] std::int64_t under_way(std::int64_t most, std::int64_t blocks) const {
    return is_offloaded() ? std::min(most, blocks) * rows(d()) : 0;
  }
  /// What the host holds of them, where its memory is the device's.
  [[nodiscard]] std::int64_t on_host(std::int64_t blocks) const {
    return is_offloaded() && model_.is_on_cpu ? blocks * rows(d()) : 0;
  }
  [[nodiscard]] bool is_offloaded() const { return model_.recomputation == Recomputation::offload; }
  /// Of all blocks.
  [[nodiscard]] std::int64_t kept_blocks() const {
    return (shape_.layers - 1) * kept_block(false) + kept_block(true);
  }
  /// Of those before the last.
  [[nodiscard]] std::int64_t kept_before() const { return kept_blocks() - kept_block(true); }
  /// The last block's rows, the final norm's scale, the ids, and the masks.
  [[nodiscard]] std::int64_t kept_around() const { return given(d() + 1) + beside(); }
  [[nodiscard]] std::int64_t beside() const {
    return 8 * tokens_ + 8 * queries_ + number_ * masks_;
  }

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
    if (!is_head_plain())
      return queried_rows() + 2 * logits() + (model_.trains_weights ? 2 : 1) * decoded_head();
    if (!model_.trains_weights) return queried_rows();
    const std::int64_t slope = head_rows() == queries_ ? 0 : logits();
    // The scaled rows and the rows' gradient beside a chunk of it, or beside a slice of the
    // weight's and the columns that it is a product of.
    const std::int64_t of_rows = number_ * head_rows() * d();
    const std::int64_t slice = std::min(shape_.logit_columns, head_slice_rows(d() * number_));
    return 2 * queried_rows() + slope + std::max(of_rows, number_ * slice * (d() + head_rows()));
  }

  /// A tile of decoded weights with what it is decoded through; 0 where weights are read as they
  /// lie.
  [[nodiscard]] std::int64_t decoded() const {
    if (model_.precision.storage == WeightStorage::plain) return 0;
    const std::int64_t tile = model_.is_on_cpu ? kTileBytes : kDeviceTileBytes;
    const auto size = static_cast<std::int64_t>(c10::elementSize(model_.precision.compute));
    const std::int64_t largest = size * std::max(q(), f()) * d();  // of a part
    const bool is_read_in_place = model_.precision.storage == WeightStorage::bfloat16 &&
                                  model_.precision.compute == at::kBFloat16;
    return is_read_in_place ? 0 : std::min(tile, largest);
  }
  /// Beside a product of `count` tokens whose weights are decoded: its inputs, rounded, and what a
  /// tile gives.
  [[nodiscard]] std::int64_t decoded_product(std::int64_t count, std::int64_t in,
                                             std::int64_t out) const {
    if (model_.precision.storage == WeightStorage::plain) return 0;
    const auto size = static_cast<std::int64_t>(c10::elementSize(model_.precision.compute));
    const std::int64_t at_once = decoded() == 0 ? out : std::min(out, decoded() / (size * in));
    return count * size * (at_once + (size == number_ ? 0 : in));
  }
  [[nodiscard]] bool has_dropout() const { return model_.has_dropout; }
  [[nodiscard]] std::int64_t rank() const { return model_.adapter_rank; }
  [[nodiscard]] std::int64_t count(bool is_last) const {
    return is_last && gives_queried() ? queries_ : tokens_;
  }
  [[nodiscard]] std::int64_t number() const { return number_; }
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

/// The most that a block holds in its forward beside what those before it keep: behind attention,
/// at the end, and (of a last block with few rows) before.
std::int64_t forward_of_block(const PassSizes& s, bool is_last) {
  const std::int64_t d = s.d(), f = s.f(), q = s.q(), n = s.count(is_last);
  const auto some = [&](std::int64_t width) { return s.number() * n * width; };
  const std::int64_t update =
      some(s.rank()) + (s.has_dropout() ? (is_last ? s.rows(f) : 0) + some(2 * f) : 0);
  const std::int64_t end =
      s.whole_block(is_last) + some(f + d) + std::max(update, s.decoded_product(n, f, d));
  if (!is_last || !s.gives_queried()) return end;
  // Rows and attention's output of the given rows are copies.
  const std::int64_t attended = s.rows(d + s.qkv() + q + 2) + some(q + 2 * d);
  return std::max(end, attended);
}

/// The moments of Block::mlp_backward and attention_backward, beside the saved tensors and the
/// gradient that comes in.
std::vector<PlanMoment> block_backward(const PassModel& model, const PassSizes& s, bool is_last) {
  const std::int64_t d = s.d(), f = s.f(), q = s.q(), qkv = s.qkv(), r = s.rank();
  const std::int64_t n = s.count(is_last), all = s.count(false);
  const auto some = [&](std::int64_t width) { return s.number() * n * width; };
  const auto dropped = [&](std::int64_t in) {  // a mask, and inputs without what it hides
    return s.has_dropout() ? (is_last && s.gives_queried() ? s.rows(in) : 0) + some(2 * in) : 0;
  };
  const std::int64_t adapters = s.adapter_gradients();
  const std::int64_t out = s.weight(d * f), wide = s.weight(2 * f * d), attention = s.weight(d * q),
                     projections = s.weight(qkv * d);
  const auto moment = [&](std::int64_t activations, std::int64_t gradients) {
    return PlanMoment{.what = "backward of a block",
                      .activations = activations,
                      .gradients = gradients + adapters,
                      .workspace = s.decoded()};
  };
  // Operations make a tensor each.
  const bool is_more = model.is_by_operations;
  const std::int64_t swiglu = is_more ? some(3 * f) : 0, norm = is_more ? some(3 * d) : 0,
                     attend = is_more ? s.rows(5 * qkv + 2 * q) : 0,
                     narrow_norm = is_more ? s.rows(3 * d) : 0;
  const std::int64_t heads =
      model.shape.has_heads_norm ? s.rows(qkv) + s.rows(4 * (q + (qkv - q) / 2)) : 0;
  // Gradients of the given rows are laid among zeros for all.
  const std::int64_t spread = is_last && s.gives_queried() ? some(q) + s.rows(q) : 0;
  const std::int64_t middle = some(d);
  // Gradients of weights are products of columns, which are copied first: always by oneDNN, by
  // other products where there are many (seen with 512 tokens, not with 128).
  constexpr std::int64_t kLeastSide = 48, kFewTokens = 128;
  const auto columns = [&](std::int64_t width, std::int64_t outer) {
    return outer >= kLeastSide || n > kFewTokens ? s.weight(n * width) : 0;
  };
  // The slopes of attention lie feature-major.
  const std::int64_t slopes_again = model.is_on_cpu && d >= kLeastSide ? s.rows(qkv) : 0;
  const std::int64_t given = is_last && s.gives_queried() ? some(q) : 0;
  const std::int64_t transposed = model.is_on_cpu ? s.number() * d * q : 0;
  return {
      moment(some(4 * f + r) + swiglu, 0),
      moment(some(3 * f + 3 * r) + dropped(f), out + columns(d, f)),
      moment(some(f) + s.decoded_product(n, d, f), 0),
      moment(some(3 * f + d + 3 * r) + s.decoded_product(n, 2 * f, d), 0),
      moment(some(3 * f + 3 * d + 3 * r) + norm, 0),
      moment(some(3 * f + 2 * d + 6 * r) + dropped(d), wide + columns(2 * f, d)),
      moment(middle + given, attention + columns(d, q)),
      moment(middle + s.rows(q) + transposed + spread, 0),
      moment(middle + s.rows(q + qkv + r) + heads + attend, 0),
      moment(
          middle + s.rows(qkv + d + 3 * r) + std::max(slopes_again, s.decoded_product(all, qkv, d)),
          0),
      moment(middle + s.rows(qkv + 3 * d + 3 * r) + (spread > 0 ? s.rows(d) : 0) + narrow_norm, 0),
      moment(middle + s.rows(qkv + 2 * d + 7 * r) + (s.has_dropout() ? s.rows(2 * d) : 0),
             projections),
  };
}

/// `moment` beside what other graphs hold.
PlanMoment beside(PlanMoment moment, std::int64_t activations, std::int64_t logits) {
  moment.activations += activations;
  moment.logits += logits;
  return moment;
}

}  // namespace

std::vector<PlanMoment> training_moments(const PassModel& model, std::span<const Pack> packs) {
  std::vector<PlanMoment> moments;
  const std::int64_t layers = model.shape.layers;
  std::int64_t graphs = 0, heads = 0, hosts = 0;  // of the packs before
  for (std::size_t i = 0; i < packs.size(); ++i) {
    const PassSizes s(model, packs[i]);
    const std::int64_t kept = s.kept_blocks();
    const auto add = [&](PlanMoment moment) {
      moment.staging += hosts;
      moments.push_back(beside(moment, graphs, heads));
    };
    for (const bool is_last : {false, true})
      if (is_last || layers > 1)
        add({.what = "forward",
             .activations = s.kept_before() - (is_last ? 0 : s.kept_block(false)) +
                            forward_of_block(s, is_last) + s.beside() +
                            s.under_way(1, is_last ? layers - 1 : layers - 2),
             .staging = s.on_host(is_last ? layers : layers - 1),
             .workspace = s.decoded()});
    // The final norm's rows live until the head is done with those that are queried.
    add({.what = "head",
         .activations =
             kept + s.kept_around() + s.given(s.d()) + s.queried_rows() + s.under_way(2, layers),
         .logits = s.head_forward() - s.queried_rows(),
         .staging = s.on_host(layers)});
    add({.what = "backward of the head",
         .activations = kept + s.kept_around() + s.queried_rows() + s.under_way(2, layers),
         .logits = s.kept_head() - s.queried_rows() + s.head_backward(),
         .staging = s.on_host(layers)});
    add({.what = "backward of the last norm",
         .activations = kept + s.kept_around() + s.given(3 * s.d()) + s.under_way(2, layers),
         .staging = s.on_host(layers)});
    for (const bool is_last : {true, false}) {
      if (!is_last && layers < 2) continue;
      const std::int64_t before = s.kept_before() - (is_last ? 0 : s.kept_block(false));
      for (PlanMoment moment : block_backward(model, s, is_last)) {
        moment.activations += before + s.whole_block(is_last) +
                              (is_last ? s.given(s.d()) : s.rows(s.d())) + s.beside() +
                              s.under_way(1, is_last ? layers - 1 : layers - 2);
        moment.staging += s.on_host(is_last ? layers : layers - 1);
        add(moment);
      }
    }
    add({.what = "backward of the embedding",
         .activations = s.rows((model.trains_weights ? 2 : 1) * s.d()),
         .gradients = model.trains_weights ? s.rows(2 * s.d()) : 0});
    graphs += kept + s.kept_around() + s.queried_rows();
    heads += s.kept_head() - s.queried_rows();
    hosts += s.on_host(layers);
  }
  return moments;
}

std::vector<PlanMoment> scoring_moments(const PassModel& model, const Pack& pack) {
  const PassSizes s(model, pack);
  std::int64_t most = forward_of_block(s, true);
  if (model.shape.layers > 1) most = std::max(most, forward_of_block(s, false));
  return {{.what = "scoring", .activations = most + s.beside(), .workspace = s.decoded()},
          {.what = "scoring",
           .activations = s.given(s.d()) + s.queried_rows(),
           .logits = s.head_forward() - s.queried_rows()}};
}

}  // namespace lldm
