// SPDX-License-Identifier: MIT
// Every folder of golden data with a model and its recorded forward passes: loaded as a user's
// folder is, compared tensor by tensor.
#include <iostream>
#include <set>

#include "golden/model_case.hpp"
#include "lldm/model/model_folder.hpp"
#include "model/rope.hpp"
#include "support/golden.hpp"

using namespace lldm;
using namespace lldm::testing;
namespace fs = std::filesystem;

namespace {

struct Figures {
  int logits = 0, hidden = 0, padded = 0, other = 0;
  double worst = 0;
  double bfloat16 = 0;  // largest error by the original's own
};

bool has_recorded_passes(const fs::path& folder) {
  return fs::exists(folder / "config.json") && fs::exists(folder / "model.safetensors") &&
         fs::exists(folder / "forward.safetensors");
}

/// Rows that are compared: with padding those of real tokens, since the families differ in what
/// the others look at.
double error_of_rows(const at::Tensor& got, const at::Tensor& expected, const at::Tensor& visible) {
  const auto rows = expected.reshape({got.size(0), -1});
  const auto mine = got.narrow(1, 0, rows.size(1));
  if (!visible.defined()) return max_error(mine, rows);
  const auto places = visible.nonzero().squeeze(1);
  return max_error(mine.index_select(0, places), rows.index_select(0, places));
}

class Folder {
 public:
  explicit Folder(const fs::path& folder)
      : path_(folder),
        model_(load_transformer(folder)),
        tensors_(load_safetensors(folder / "forward.safetensors")) {}

  Figures compare() {
    for (const auto& item : tensors_) {
      const auto dot = item.first.find('.');
      const auto name = item.first.substr(0, dot), kind = item.first.substr(dot + 1);
      INFO(path_.string() << ": " << item.first);
      if (name == "loss" || name == "rope" || name.starts_with("bd3lm")) continue;  // below
      if (kind == "input_ids" || kind == "attention_mask" || kind == "position_ids") continue;
      compare(name, kind, item.second);
    }
    compare_rope();
    compare_loss();
    return figures_;
  }

 private:
  void check(double error) {
    INFO("max error " << error);
    CHECK(error <= 2e-4);  // the fixtures' tolerance; the largest error is printed
    figures_.worst = std::max(figures_.worst, error);
  }

  void compare(const std::string& name, const std::string& kind, const at::Tensor& expected) {
    const auto batch = pack(tensors_, name);
    const auto compare_logits = [&](const Transformer& model, const at::Tensor& rows) {
      check(error_of_rows(model.logits(rows), expected, batch.visible));
      ++figures_.logits;
      figures_.padded += batch.visible.defined();
    };
    if (kind == "logits") return compare_logits(*model_, model_->raw_hidden(batch));
    if (kind == "logits_shifted") return compare_logits(*model_, model_->hidden(batch));
    if (kind == "logits_f64") {
      const auto wide = load_transformer(path_, at::kDouble);
      return compare_logits(*wide, wide->raw_hidden(batch));
    }
    if (kind == "logits_rope_f32") {
      const auto exact = with_exact_rotation();
      return compare_logits(exact, exact.raw_hidden(batch));
    }
    if (kind == "hidden") return compare_hidden(batch, expected);
    if (kind.starts_with("hidden_states.")) return compare_state(name, kind, batch, expected);
    if (kind == "logits_bf16") return compare_bfloat16(name, batch, expected);
    FAIL("a record of a kind that this test does not compare");
  }

  /// Products of bfloat16 between float32 rows are no further from the float32 record than the
  /// original, which rounds everything, is.
  void compare_bfloat16(const std::string& name, const PackedTokens& batch,
                        const at::Tensor& expected) {
    const auto model = load_transformer(path_, {at::kBFloat16, WeightStorage::bfloat16});
    const auto got = model->logits(model->raw_hidden(batch));
    const auto& exact = tensors_.at(name + ".logits");
    const double ours = error_of_rows(got, exact, batch.visible),
                 theirs = max_error(expected, exact);
    INFO("ours " << ours << ", the original's " << theirs);
    CHECK(ours <= theirs);
    CHECK(ours > 1e-6);  // it was rounded
    figures_.bfloat16 = std::max(figures_.bfloat16, ours / theirs);
  }

  /// [layers + 1, B, L, D]: the embedding, every block but the last, the final norm.
  void compare_hidden(const PackedTokens& batch, const at::Tensor& expected) {
    const auto states = model_->hidden_states(batch);
    REQUIRE(expected.size(0) + 1 == static_cast<std::int64_t>(states.size()));
    for (std::int64_t k = 0; k < expected.size(0); ++k) {
      const bool is_last = k + 1 == expected.size(0);
      check(max_error(is_last ? states.back() : states[static_cast<std::size_t>(k)], expected[k]));
    }
    ++figures_.hidden;
  }

  /// The same as one tensor a state; SMDM's list has the bare output of the last block as well.
  void compare_state(const std::string& name, const std::string& kind, const PackedTokens& batch,
                     const at::Tensor& expected) {
    const auto states = model_->hidden_states(batch);
    const auto k = static_cast<std::size_t>(std::stoi(kind.substr(kind.find('.') + 1)));
    const bool is_last = !tensors_.contains(name + ".hidden_states." + std::to_string(k + 1));
    REQUIRE((is_last || k < states.size()));
    check(max_error(is_last ? states.back() : states[k], expected));
    ++figures_.hidden;
  }

  /// The same weights with cosines and sines in float32.
  [[nodiscard]] Transformer with_exact_rotation() const {
    auto config = model_->config();
    REQUIRE(config.rope_bfloat16);
    config.rope_bfloat16 = false;
    Transformer exact(config);
    auto to = exact.parameters();
    for (std::size_t i = 0; i < to.size(); ++i) to[i].value.copy_(model_->parameters()[i].value);
    return exact;
  }

  void compare_rope() {
    if (!tensors_.contains("rope.cos_bf16")) return;
    const auto tables = rope_tables(model_->config(), at::kFloat);
    const auto same = [&](const char* name, const at::Tensor& table) {
      const auto& recorded = tensors_.at(name);
      CHECK(max_error(table.narrow(1, 0, recorded.size(0)).t(), recorded) == 0);
      ++figures_.other;
    };
    same("rope.cos_bf16", tables.cosines);
    same("rope.sin_bf16", tables.sines);
  }

  /// SMDM's pretraining loss of its recorded noise: mean over B L of -log p / p_mask where masked.
  void compare_loss() {
    if (!tensors_.contains("loss.noisy_input")) return;
    const auto& noisy = tensors_.at("loss.noisy_input");
    PackedTokens batch;
    batch.tokens = noisy.reshape({-1});
    for (std::int64_t row = 0; row <= noisy.size(0); ++row)
      batch.offsets.push_back(row * noisy.size(1));
    const auto places =
        tensors_.at("loss.mask_indices").reshape({-1}).to(at::kBool).nonzero().squeeze(1);
    const auto flat = [&](const char* name) {
      return tensors_.at(name).reshape({-1}).index_select(0, places);
    };
    const auto terms = model_->log_probabilities(model_->hidden(batch).index_select(0, places),
                                                 flat("loss.input_ids")) /
                       flat("loss.p_mask");
    const double loss = -terms.sum().item<double>() / static_cast<double>(noisy.numel());
    CHECK(loss == Approx(tensors_.at("loss.value").item<double>()).epsilon(1e-4));
    ++figures_.other;
  }

  fs::path path_;
  std::shared_ptr<Transformer> model_;
  TensorMap tensors_;
  Figures figures_;
};

}  // namespace

// promise 23
TEST_CASE("every golden folder with a model gives its recorded numbers", "[golden][model]") {
  std::set<fs::path> folders;
  for (const auto& entry : fs::recursive_directory_iterator(golden_root()))
    if (entry.is_directory() && has_recorded_passes(entry.path())) folders.insert(entry.path());
  REQUIRE_FALSE(folders.empty());
  std::set<std::string> families;
  for (const auto& folder : folders) {
    const auto figures = Folder(folder).compare();
    families.insert(load_model_config(folder).family);
    std::cout << fs::relative(folder, golden_root()).string() << ": " << figures.logits
              << " logits records (" << figures.padded << " padded), " << figures.hidden
              << " of hidden states, " << figures.other << " others; max error " << figures.worst
              << (figures.bfloat16 > 0 ? "; bfloat16, of the original's own error: " : "")
              << (figures.bfloat16 > 0 ? std::to_string(figures.bfloat16) : "") << "\n";
    CHECK(figures.logits > 0);
  }
  if (std::getenv("LLDM_GOLDEN")) return;  // another set need not have every family
  for (const auto& family : family_names()) {
    INFO(family);
    CHECK(families.contains(family));
  }
}
