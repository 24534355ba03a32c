// SPDX-License-Identifier: MIT
// An adapter published alone: what it is bound to, and what is said when that is another.
#include "lldm/model/adapter_base.hpp"

#include <ATen/ops/equal.h>

#include "lldm/errors.hpp"
#include "lldm/model/adapter_folder.hpp"
#include "lldm/model/determinism.hpp"
#include "lldm/model/folder_report.hpp"
#include "lldm/model/model_folder.hpp"
#include "lldm/model/safetensors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"
#include "support/transformer_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

namespace fs = std::filesystem;

[[maybe_unused]] const bool is_deterministic = (set_deterministic_environment(), true);

/// A run with a base in base/model, and the adapter of a model trained beside it in tuned/model.
struct Run {
  TemporaryFolder scratch;
  fs::path root = scratch.path() / "run", base = root / "base/model", tuned = root / "tuned/model";

  explicit Run(const std::string& family = "qwen2", bool is_sealed = true) {
    make_folders(root);
    write_file(root / "index.json", "{}");
    save_base(*family_model(family, at::kFloat), base, is_sealed);
  }
  static void save_base(const Transformer& model, const fs::path& folder, bool is_sealed) {
    if (!is_sealed) return save_transformer(model, folder);
    PublishedFolder published(folder);
    save_transformer(model, published.path());
    published.publish();
  }
  std::shared_ptr<Transformer> train(const Precision& precision,
                                     const LoraOptions& options = {.rank = 3, .alpha = 4}) const {
    const auto model = load_transformer(base, precision);
    adapt(*model, options);
    PublishedFolder published(tuned, IfPublished::replace);
    model->save_adapter(published.path(), base.string());
    published.add(kAdapterBaseName, adapter_base_json(adapter_base(base, precision), tuned));
    published.publish();
    return model;
  }
};

at::Tensor rows_of(const Transformer& model) {
  return model.raw_hidden(random_batch(model.config(), kRagged)).detach();
}

/// One byte of a tensor is another.
void bend(const fs::path& file) {
  std::string bytes = testing::read_file(file);
  bytes[bytes.size() - 9] ^= 1;
  write_file(file, bytes);
}

}  // namespace

TEST_CASE("an adapter published alone is loaded with its base, to the last bit",
          "[model][adapter]") {
  for (const auto& family : family_names())
    for (const Precision& precision :
         {Precision(at::kFloat), Precision(at::kDouble), Precision(at::kFloat, WeightStorage::nf4),
          Precision(at::kBFloat16, WeightStorage::int8)})
      for (const bool is_rank_stabilized : {false, true}) {
        INFO(family << ", storage " << static_cast<int>(precision.storage));
        const Run run(family);
        const auto model = run.train(
            precision,
            {.rank = 3, .alpha = 0.7, .dropout = 0, .is_rank_stabilized = is_rank_stabilized});
        CHECK_FALSE(fs::exists(run.tuned / "model.safetensors"));
        CHECK(trained_precision(run.tuned).storage == precision.storage);
        CHECK(trained_precision(run.tuned).compute == precision.compute);
        const auto back = load_transformer(run.tuned, precision);
        CHECK(back->has_adapter());
        CHECK(at::equal(rows_of(*back), rows_of(*model)));
        const auto mine = model->adapter(), theirs = back->adapter();
        REQUIRE(mine.size() == theirs.size());
        for (std::size_t i = 0; i < mine.size(); ++i) {
          CHECK(at::equal(mine[i].a.detach(), theirs[i].a.detach()));
          CHECK(mine[i].scale == theirs[i].scale);
        }
      }
}

TEST_CASE("an adapter's folder is inspected, compared and merged with its base",
          "[model][adapter]") {
  const Run run;
  const auto model = run.train({});
  const FolderReport report = inspect_model_folder(run.tuned);
  CHECK(report.complaints.empty());
  CHECK(report.weights == fs::canonical(run.base));
  CHECK(report.updates.size() == model->adapter().size());
  CHECK(report.tensors.size() == inspect_model_folder(run.base).tensors.size());
  const auto merged_folder = run.root / "merged";
  save_transformer(*load_transformer(run.tuned), merged_folder);
  for (const auto& tensor : compare_model_folders(run.tuned, merged_folder).tensors)
    CHECK(tensor.largest < 1e-6);  // the sums of float32
  std::size_t differing = 0;
  for (const auto& tensor : compare_model_folders(run.tuned, run.base).tensors)
    differing += tensor.differing > 0;
  CHECK(differing == report.updates.size());
  const auto sums = load_transformer(run.base);
  merge_adapter(*sums, load_adapter(run.tuned), run.tuned);
  CHECK(at::equal(rows_of(*sums), rows_of(*load_transformer(merged_folder))));
  CHECK_NOTHROW(require_adapter_base(run.tuned, run.base));
  CHECK_THROWS_WITH(require_adapter_base(run.tuned, merged_folder),
                    contains("was not trained beside"));
  CHECK_THROWS_WITH(merge_adapter(*load_transformer(run.tuned), load_adapter(run.tuned), "x"),
                    contains("has an adapter already"));
}

TEST_CASE("an adapter of an adapter's folder is bound to the first base", "[model][adapter]") {
  const Run run;
  run.train({});
  const AdapterBase base = adapter_base(run.tuned, {});
  CHECK(base.folder == fs::canonical(run.base));
  const auto model = load_transformer(run.tuned);
  const auto before = rows_of(*model);
  model->continue_adapter({.rank = 3, .alpha = 4, .dropout = 0.5});
  CHECK(at::equal(rows_of(*model), before));
  CHECK(model->adapter().front().dropout == 0.5);
  for (const auto& parameter : model->parameters()) CHECK(parameter.value.requires_grad());
  CHECK_THROWS_WITH(model->continue_adapter({.rank = 5, .alpha = 4}),
                    contains("has rank 3") && contains("asked are 5"));
  CHECK_THROWS_WITH(model->continue_adapter({.rank = 3, .alpha = 4, .targets = {"q_proj"}}),
                    contains("has an update, and none is asked for"));
  model->merge_adapter();
  CHECK_FALSE(model->has_adapter());
  CHECK(rows_of(*model).sub(before).abs().max().item<double>() < 1e-5);
}

TEST_CASE("a run may be moved with base and adapter in it", "[model][adapter]") {
  const Run run;
  const auto want = rows_of(*run.train({}));
  const fs::path moved = run.scratch.path() / "elsewhere";
  fs::rename(run.root, moved);
  CHECK(at::equal(rows_of(*load_transformer(moved / "tuned/model")), want));
  // The stage that made the base has another folder, as in a grid that takes it from a store.
  make_folders(moved / "shared/base-1234");
  fs::rename(moved / "base/model", moved / "shared/base-1234/model");
  CHECK(at::equal(rows_of(*load_transformer(moved / "tuned/model")), want));
}

TEST_CASE("an adapter whose base is gone or another is refused with the reason",
          "[model][adapter]") {
  for (const bool is_sealed : {true, false}) {
    INFO("sealed " << is_sealed);
    const Run run("llama", is_sealed);
    run.train({});
    CHECK_NOTHROW(load_transformer(run.tuned));
    const std::string good = testing::read_file(run.base / "model.safetensors");
    bend(run.base / "model.safetensors");
    CHECK_THROWS_WITH(load_transformer(run.tuned),
                      contains("changed since the adapter") && contains("model.safetensors"));
    write_file(run.base / "model.safetensors", good + "x");
    CHECK_THROWS_WITH(load_transformer(run.tuned),
                      contains("whose base is not what it was") && contains("bytes, it had"));
    write_file(run.base / "model.safetensors", good);
    CHECK_NOTHROW(load_transformer(run.tuned));
    const std::string config = testing::read_file(run.base / "config.json");
    std::string other = config;
    other.replace(other.find("1e-0"), 4, "2e-0");
    write_file(run.base / "config.json", other);
    if (!is_sealed)
      CHECK_THROWS_WITH(inspect_model_folder(run.tuned), contains("config.json: another content"));
    write_file(run.base / "config.json", config);
    fs::rename(run.base, run.scratch.path() / "gone");
    CHECK_THROWS_WITH(load_transformer(run.tuned),
                      contains("whose base is gone") && contains("ln -s NEW"));
    CHECK_THROWS_AS(inspect_model_folder(run.tuned), DataError);
    fs::create_directory_symlink(run.scratch.path() / "gone", run.base);
    CHECK_NOTHROW(load_transformer(run.tuned));
  }
}

TEST_CASE("a base that was trained again is told by its manifest", "[model][adapter]") {
  const Run run;
  run.train({});
  fs::remove_all(run.base);
  Run::save_base(*make_transformer(load_model_config(run.tuned), {}, Draws(9, "other")), run.base,
                 true);
  CHECK_THROWS_WITH(inspect_model_folder(run.tuned),
                    contains("model.safetensors: another content"));
  bend(run.tuned / kAdapterBaseName);
  CHECK_THROWS_AS(load_transformer(run.tuned), DataError);
}
